"""The silver flow's memory of one kind: what was seen, and how far each Kafka source was read."""

from typing import NamedTuple

import pyarrow as pa

from contracts.identity import Kind
from lakehouse.positions import Reached, Source, beyond, clocks_of, later, reached_by
from lakehouse.seen import Seen, forget
from lakehouse.silver import Refined, clocks, refine
from lakehouse.tables import TIME
from lakehouse.tail import in_order

FORGET_MS = 60_000
"""So much must a clock go on until it is looked who can be forgotten: the look costs a little for every sender."""


class Batch(NamedTuple):
    """One step's outcome, with the positions it reaches once it stands in the tables."""

    refined: Refined
    reached: Reached


class Refiner:
    """Bronze rows of one kind in, silver rows and quarantine out."""

    def __init__(self, kind: Kind, reached: Reached, seen: Seen) -> None:
        self.kind = kind
        self.reached = dict(reached)
        self.seen = seen
        self._forgot: dict[Source, int] = {}

    def step(self, bronze: pa.Table) -> Batch:
        """Refine a batch. Rows at or below the positions are passed over: they were handled before a restart."""
        rows = in_order(beyond(bronze, self.reached))
        known = clocks(rows, {source: position.clock_ms for source, position in self.reached.items()})
        refined = refine(rows, self.kind, self.seen, known)
        stamped = rows.append_column("known_at", pa.array(known * 1000, pa.int64()).cast(TIME))
        moved = reached_by(stamped)
        self.reached = later(self.reached, moved)
        self._forget()
        return Batch(refined, moved)

    def _forget(self) -> None:
        clocks = {source: position.clock_ms for source, position in self.reached.items()}
        if any(clock_ms - self._forgot.get(source, 0) >= FORGET_MS for source, clock_ms in clocks.items()):
            forget(self.seen, clocks)
            self._forgot = clocks

    def standing(self) -> Reached:
        """How far each source was read."""
        return self.reached

    def clocks(self) -> dict[int, int]:
        """The clock (ms) of each partition."""
        return clocks_of(self.reached)
