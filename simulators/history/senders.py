"""The sensor units of a block in history: under which boot and seq each message went out, and when it arrived."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from simulators.history.transport import Journey, boot_ids, delayed_ms, travelled
from simulators.physics.step import World
from simulators.scenarios.plan import Fault, of_group


class Senders:
    """Boots and seqs of a block of vehicles so far. Vehicles without unit and network faults go together, the others one by one."""

    def __init__(self, world: World, faults: Sequence[Fault], start_s: float) -> None:
        """Of a history that begins then: another one has other boots."""
        self._seed, self._keys = world.seed ^ int(start_s), world.traits.keys
        rows = {number: row for row, number in enumerate(world.traits.number.tolist())}
        self._faults: dict[int, list[Fault]] = {}
        for fault in of_group(faults, "unit", "network"):
            self._faults.setdefault(rows[fault.vehicle], []).append(fault)
        self._boots = boot_ids(self._seed, self._keys, 0)
        self._next: dict[str, np.ndarray] = {}
        self._later: dict[tuple[str, int, int], int] = {}

    def sent(self, kind: str, rows: np.ndarray, due_ms: np.ndarray, names: pa.Array) -> tuple[dict[str, pa.Array], np.ndarray]:
        """Identity columns of those messages that are sent, and their places; a vehicle's messages come in order of time."""
        seq = self._counted(kind, rows)
        received = due_ms + np.rint(delayed_ms(self._keys[rows], due_ms)).astype(np.int64)
        ts, goes, boots = due_ms.copy(), np.ones(len(rows), bool), self._boots[rows]
        for row, faults in self._faults.items():
            part = np.flatnonzero(rows == row)
            key = self._keys[row : row + 1]
            journey = travelled(key, due_ms[part], faults)
            ts[part], received[part], goes[part] = journey.ts, journey.received_at, journey.sent
            self._rebooted(kind, row, journey, (part, seq, boots))
        kept = np.flatnonzero(goes)
        identity = {
            "vehicle_id": names.take(pa.array(rows[kept])),
            "boot_id": pa.array(boots[kept], pa.string()),
            "seq": pa.array(seq[kept]),
            "ts": pa.array(ts[kept]),
            "received_at": pa.array(received[kept]),
        }
        return identity, kept

    def _counted(self, kind: str, rows: np.ndarray) -> np.ndarray:
        """Running numbers of the messages of each vehicle, across windows."""
        base = self._next.setdefault(kind, np.zeros(len(self._keys), np.int64))
        order = np.argsort(rows, kind="stable")
        counts = np.bincount(rows, minlength=len(base))
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        seq = np.empty(len(rows), np.int64)
        seq[order] = base[rows[order]] + np.arange(len(rows)) - starts[rows[order]]
        self._next[kind] = base + counts
        return seq

    def _rebooted(self, kind: str, row: int, journey: Journey, columns: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
        """Seqs and boot ids of a vehicle with faults: from 0 after each reboot, without gaps where nothing was sent."""
        part, seq, boots = columns
        for number in np.unique(journey.boot).tolist():
            own = part[(journey.boot == number) & journey.sent]
            first = self._later.get((kind, row, number), 0)
            seq[own] = first + np.arange(len(own))
            boots[own] = boot_ids(self._seed, self._keys[row : row + 1], number)[0]
            self._later[kind, row, number] = first + len(own)
