"""The silver flow's memory: what was seen of each Kafka source, and how far it was read."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from contracts.identity import Kind
from lakehouse.positions import START, Position, Reached, Source, beyond, sources_of
from lakehouse.rules import HORIZON_MS
from lakehouse.seen import Seen, forget
from lakehouse.silver import Refined, clock, refine
from lakehouse.tables import QUARANTINE, SCHEMAS, SILVER_OF


class Memory(msgspec.Struct):
    """What a reader of one kind remembers of one source."""

    position: Position = START
    seen: Seen = msgspec.field(default_factory=dict)


class Batch(NamedTuple):
    """One step's outcome, with the positions it reaches once it stands in the tables."""

    refined: Refined
    reached: Reached


class Refiner:
    """Bronze rows of one kind in, silver rows and quarantine out; each source in its own order."""

    def __init__(self, kind: Kind, memories: dict[Source, Memory]) -> None:
        self.kind = kind
        self.memories = memories

    def step(self, bronze: pa.Table) -> Batch:
        """Refine a batch. Rows at or below the position are passed over: they were handled before a restart."""
        refined, reached = [], {}
        for source, rows in by_source(beyond(bronze, {source: memory.position for source, memory in self.memories.items()})):
            memory = self.memories.setdefault(source, Memory())
            refined.append(refine(rows, self.kind, memory.seen, memory.position.clock_ms))
            clock_ms = int(clock(rows["kafka_ts"], memory.position.clock_ms)[-1])
            reached[source] = memory.position = Position(rows["offset"][-1].as_py(), clock_ms)
            forget(memory.seen, clock_ms - HORIZON_MS)
        return Batch(_together(refined, self.kind), reached)


def by_source(rows: pa.Table) -> Iterator[tuple[Source, pa.Table]]:
    """The rows of each source in a batch, in offset order."""
    for source in sorted(sources_of(rows)):
        here = pc.and_(pc.equal(rows["partition"], source.partition), pc.equal(rows["topic_id"], source.topic_id))
        yield source, rows.filter(here).sort_by("offset")


def _together(parts: list[Refined], kind: Kind) -> Refined:
    rows = [part.rows for part in parts] or [SCHEMAS[SILVER_OF[kind]].empty_table()]
    bad = [part.quarantine for part in parts] or [QUARANTINE.empty_table()]
    return Refined(pa.concat_tables(rows), pa.concat_tables(bad), sum(part.duplicates for part in parts))
