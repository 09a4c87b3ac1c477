"""The silver flow's memory of one kind: what was seen, and how far each Kafka source was read."""

from typing import NamedTuple

import pyarrow as pa

from contracts.identity import Kind
from lakehouse.positions import Reached, beyond, later, reached_by
from lakehouse.seen import HORIZON_MS, Seen, forget
from lakehouse.silver import Refined, clocks, refine
from lakehouse.tables import TIME
from lakehouse.tail import in_order


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

    def step(self, bronze: pa.Table) -> Batch:
        """Refine a batch. Rows at or below the positions are passed over: they were handled before a restart."""
        rows = in_order(beyond(bronze, self.reached))
        known = clocks(rows, {source: position.clock_ms for source, position in self.reached.items()})
        refined = refine(rows, self.kind, self.seen, known)
        stamped = rows.append_column("known_at", pa.array(known * 1000, pa.int64()).cast(TIME))
        moved = reached_by(stamped)
        self.reached = later(self.reached, moved)
        forget(self.seen, {partition: clock_ms - HORIZON_MS for partition, clock_ms in self.clocks().items()})
        return Batch(refined, moved)

    def standing(self) -> Reached:
        """How far each source was read."""
        return self.reached

    def clocks(self) -> dict[int, int]:
        """The clock (ms) of each partition."""
        found: dict[int, int] = {}
        for source, position in self.reached.items():
            found[source.partition] = max(found.get(source.partition, 0), position.clock_ms)
        return found
