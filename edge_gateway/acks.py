"""What the vehicles are to be told: which seqs are held and which are safe. Pure; time arrives as data (seconds, monotonic).

An ack is QoS 0 and may be lost, so each one repeats what was said in the last half to whole minute; one that is followed by
silence is repeated a few times. Memory is bounded: a quiet line is forgotten, and a line with many gaps repeats less.
"""

from collections.abc import Iterable

from contracts.events import Ack
from contracts.identity import KINDS
from contracts.ranges import Ranges
from edge_gateway.frames import Entry

SLICES = 10
"""Vehicles are spread over so many publications an interval, so that no burst holds up the messages."""
REPEAT_S = 30.0
REPEAT_PAIRS = 256
_FORGET_S = 2 * REPEAT_S


class _Told:
    """Seqs in two generations, of which the older is dropped when the newer is half a minute old."""

    __slots__ = ("older", "recent")

    def __init__(self) -> None:
        self.recent = Ranges()
        self.older = Ranges()

    def turn(self) -> None:
        self.older, self.recent = self.recent, Ranges()

    def pairs(self) -> list[tuple[int, int]]:
        """All of it; afterwards it is trimmed where it has too many gaps, because now all was said once."""
        if self.older:
            both = self.older.copy()
            both.update(self.recent)
        else:
            both = self.recent
        pairs = both.pairs()
        if len(pairs) > REPEAT_PAIRS:
            self.older, self.recent = Ranges(), Ranges()
        return pairs


class _Line:
    """One (vehicle, kind, boot)."""

    __slots__ = ("changed_at", "dirty", "held", "repeat_at", "safe", "turned_at", "wait_s")

    def __init__(self, now: float) -> None:
        self.held = _Told()
        self.safe = _Told()
        self.dirty = False
        self.changed_at = self.turned_at = now
        self.wait_s = 1.0
        self.repeat_at = now

    def due(self, now: float) -> bool:
        if self.dirty:
            self.wait_s = 1.0
            self.repeat_at = now + self.wait_s
            return True
        if now < self.repeat_at or now - self.changed_at > REPEAT_S:
            return False
        self.wait_s *= 2
        self.repeat_at = now + self.wait_s
        return True

    def ack(self, boot_id: str, kind: str, now: float) -> Ack:
        if now - self.turned_at > REPEAT_S:
            self.held.turn()
            self.safe.turn()
            self.turned_at = now
        self.dirty = False
        return Ack(boot_id, kind, self.held.pairs(), self.safe.pairs())


class Acks:
    """The lines of all vehicles. `cycle` counts publications; what is known at cycle c has been told at `told_at`(c)."""

    def __init__(self) -> None:
        self._slices: list[dict[tuple[str, str, str], _Line]] = [{} for _ in range(SLICES)]
        self._homes: dict[tuple[str, str, str], _Line] = {}
        self.cycle = 0

    def held(self, entries: Iterable[Entry], now: float) -> None:
        """These messages are on disk."""
        for _, vehicle_id, kind, boot_id, seq, _, _ in entries:
            if seq >= 0:
                self._line(vehicle_id, kind, boot_id, now).held.recent.add(seq)

    def safe(self, entries: Iterable[Entry], now: float) -> None:
        """These messages are acknowledged by the edge Kafka."""
        for _, vehicle_id, kind, boot_id, seq, _, _ in entries:
            if seq >= 0:
                self._line(vehicle_id, kind, boot_id, now).safe.recent.add(seq)

    @property
    def told_at(self) -> int:
        """The cycle at which all that is known now will have been told."""
        return self.cycle + SLICES

    def due(self, now: float) -> list[tuple[str, Ack]]:
        """`(vehicle_id, ack)` of the next slice: what changed, and what is worth repeating. Call SLICES times an interval."""
        lines = self._slices[self.cycle % SLICES]
        told = []
        forgotten = []
        for key, line in lines.items():
            if line.due(now):
                vehicle_id, kind, boot_id = key
                told.append((vehicle_id, line.ack(boot_id, kind, now)))
            elif now - line.changed_at > _FORGET_S:
                forgotten.append(key)
        for key in forgotten:
            del lines[key], self._homes[key]
        self.cycle += 1
        return told

    def back(self, vehicle_id: str, boot_id: str) -> None:
        """The vehicle came online: what it was told lately is worth repeating."""
        for kind in KINDS:
            line = self._homes.get((vehicle_id, kind, boot_id))
            if line is not None:
                line.dirty = True

    def __len__(self) -> int:
        return len(self._homes)

    def _line(self, vehicle_id: str, kind: str, boot_id: str, now: float) -> _Line:
        key = (vehicle_id, kind, boot_id)
        line = self._homes.get(key)
        if line is None:
            line = self._homes[key] = self._slices[hash(vehicle_id) % SLICES][key] = _Line(now)
        line.dirty = True
        line.changed_at = now
        return line
