"""What late rows need: the rows of the last minutes, and snapshots of the memory from before them.

Rows are kept in chunks of `CHUNK_MS` of Kafka's clock, the memory in a snapshot every `SNAPSHOT_MS`, and for a short while in one every
chunk: most late rows are late by less than a second, as cells are beside telemetry. A late row is taken in by going back, for its vehicle
alone, to the newest snapshot that is before the row, and through the rows since then again. The snapshots on the way are
brought up to date, so that each holds what all rows up to its heads amount to; `patched` says for which vehicles that was done.
"""

from typing import NamedTuple

import numpy as np

from cloud_stream.alerting.columns import Rows, joined
from cloud_stream.alerting.memory import NEVER, Memory

Array = np.ndarray
HORIZON_MS = 300_000
"""A row is taken in where it comes at most so long (Kafka's clock) after a later row of its vehicle."""
SNAPSHOT_MS = 75_000
CHUNK_MS = 5_000
PASSING = 2
"""So many snapshots are kept for a short while."""


class Snapshot(NamedTuple):
    """The memory as it was before the rows of chunk `chunk`. One that is not `lasting` is never written down."""

    chunk: int
    memory: Memory
    lasting: bool = True


class History:
    """Snapshots and chunks, by number: Kafka's clock over `CHUNK_MS`."""

    def __init__(self, start: Memory) -> None:
        self.snapshots = [Snapshot(-1, start.snapshot())]
        self.chunks: dict[int, Rows] = {}
        self.patched: dict[int, set[int]] = {}
        self._pile: list[Rows] = []
        self.open = -1

    def advance(self, clocks_ms: tuple[int, int], memory: Memory) -> None:
        """Kafka's clock is there now: close the chunk, take a snapshot, forget what is older than the horizon. Call before new rows.

        `clocks_ms` = at the first and at the last of the new rows: what is late among them may be so since before the first.
        """
        begins, number = (clock_ms // CHUNK_MS for clock_ms in clocks_ms)
        if number <= self.open:
            return
        self.close()
        paused = (begins - self.open) * CHUNK_MS >= HORIZON_MS
        self.open = number
        if paused:  # nothing that came before can be late any more
            self.snapshots, self.chunks, self.patched = [Snapshot(number, memory.snapshot())], {}, {}
            return
        lasting = number * CHUNK_MS - max(self.lasting()[-1].chunk, 0) * CHUNK_MS >= SNAPSHOT_MS
        passing = [one for one in self.snapshots if not one.lasting][-PASSING:]
        self.snapshots = sorted([*self.lasting(), *passing, Snapshot(number, memory.snapshot(), lasting)], key=lambda one: one.chunk)
        while len(self.snapshots) > 1 and (begins - self.snapshots[1].chunk) * CHUNK_MS >= HORIZON_MS:
            del self.snapshots[0]
        kept = {one.chunk for one in self.snapshots}
        self.patched = {chunk: vehicles for chunk, vehicles in self.patched.items() if chunk in kept}
        oldest = self.snapshots[0].chunk
        self.chunks = {at: rows for at, rows in self.chunks.items() if at >= oldest}

    def lasting(self) -> list[Snapshot]:
        """The snapshots that are written down."""
        return [one for one in self.snapshots if one.lasting]

    def close(self) -> None:
        """Put the open chunk together."""
        if self._pile:
            together = [self.chunks[self.open], *self._pile] if self.open in self.chunks else self._pile
            self.chunks[self.open] = joined(together)
            self._pile = []

    def add(self, rows: Rows) -> None:
        """Keep the rows of a batch."""
        if len(rows):
            self._pile.append(rows)

    def before(self, vehicle: int, key: tuple[int, int]) -> int | None:
        """The place of the newest snapshot whose head of the vehicle is before a row; None where the row is too late."""
        for at in range(len(self.snapshots) - 1, -1, -1):
            if self.snapshots[at].memory.head(vehicle) < key:
                return at
        return None

    def since(self, at: int, vehicles: list[int]) -> list[Rows]:
        """The rows of some vehicles that came after a snapshot, as parts."""
        snapshot = self.snapshots[at]
        numbers = np.array(sorted(vehicles))
        kept = [rows for number, rows in self.chunks.items() if number >= snapshot.chunk] + self._pile
        parts = [part for rows in kept if len(part := rows.take(_of(rows, numbers)))]
        heads = {vehicle: snapshot.memory.head(vehicle) for vehicle in vehicles}
        return [part.take(_after(part, heads)) for part in parts]

    def stages(self, at: int, rows: Rows) -> Array:
        """For rows that come after snapshot `at`: how many of the later snapshots have their vehicle's head before them."""
        heads = {vehicle: [one.memory.head(vehicle) for one in self.snapshots[at + 1 :]] for vehicle in set(rows.vehicle.tolist())}
        keys = zip(*(column.tolist() for column in (rows.vehicle, rows.ts, rows.minor)), strict=True)
        return np.array([sum(head < (ts, minor) for head in heads[vehicle]) for vehicle, ts, minor in keys], np.int64)

    def patch(self, at: int, vehicles: list[int], memory: Memory) -> None:
        """Bring a snapshot up to date with late rows before its heads: it is about these vehicles as `memory` is now."""
        snapshot = self.snapshots[at]
        known = [vehicle for vehicle in vehicles if snapshot.memory.head(vehicle)[0] != NEVER]
        if known:
            snapshot.memory.put_back(memory, known)
            self.patched.setdefault(snapshot.chunk, set()).update(known)


def _of(rows: Rows, numbers: Array) -> Array:
    """Places of the rows of some vehicles: rows are sorted by vehicle."""
    low, high = np.searchsorted(rows.vehicle, numbers), np.searchsorted(rows.vehicle, numbers, side="right")
    counts = high - low
    if not counts.any():
        return np.empty(0, np.int64)
    return np.repeat(low - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(counts.sum())


def _after(rows: Rows, heads: dict[int, tuple[int, int]]) -> Array:
    """Which rows come after their vehicle's head."""
    return np.array(
        [(ts, minor) > heads[vehicle] for vehicle, ts, minor in zip(*(c.tolist() for c in (rows.vehicle, rows.ts, rows.minor)), strict=True)], bool
    )
