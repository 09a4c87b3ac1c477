"""What the flows bronze and silver commit: rows together with the Kafka positions that they reach."""

import time
from collections import Counter
from collections.abc import Callable

import pyarrow as pa

from cloud_stream.connectors.delta import Committed
from cloud_stream.steps.silver import Batch, Refiner
from contracts.errors import Terminal
from contracts.identity import Kind
from lakehouse import writer
from lakehouse.positions import Reached, Source, beyond, later, position, reached_by
from lakehouse.reader import open_table
from lakehouse.snapshots import write_seen
from lakehouse.tables import SILVER_OF

SNAPSHOT_S = 30.0
"""How often what was seen is written down: bounds what a restart must read again."""
LOOK_S = 5.0
"""How long nothing must come in until a flow looks whether its table was restored."""


def reached_of(lake: str, name: str, sources: list[Source]) -> Reached:
    """How far a table has read these sources."""
    table = open_table(lake, name)
    return {source: position(table, source) for source in sources}


class Restored:
    """Notices, while nothing comes in, that a table was restored to an earlier version: what came since must be written again.

    With rows coming in, the next commit notices by itself.
    """

    def __init__(self, lake: str, name: str, reached: Callable[[], Reached], told: Callable[[str, int], None]) -> None:
        self._lake, self._name, self._reached, self._told = lake, name, reached, told
        self._looked = time.monotonic()

    def received(self, name: str, rows: int) -> None:
        """Hand on what was received; after some seconds without any, look. Raises Terminal where the table went back."""
        self._told(name, rows)
        now = time.monotonic()
        if rows:
            self._looked = now
        elif now - self._looked >= LOOK_S:
            self._looked = now
            table = open_table(self._lake, self._name)
            if any(position(table, source).offset < at.offset for source, at in self._reached().items()):
                raise Terminal(f"table {self._name} was restored to an earlier version: starting again from its positions")


class Rows:
    """Appends tables to one Delta table; the positions are those of the rows (bronze)."""

    def __init__(self, lake: str, name: str, reached: Reached) -> None:
        self._table, self._name = open_table(lake, name), name
        self._reached = dict(reached)
        self._pending: list[pa.Table] = []

    def add(self, item: pa.Table) -> None:
        """Take a table of bronze rows, in offset order a source."""
        self._pending.append(item)

    def commit(self) -> Committed:
        """Append them, once."""
        rows = beyond(pa.concat_tables(self._pending), self._reached)
        self._pending = []
        if rows.num_rows:
            came = reached_by(rows, "kafka_ts")
            moved = later(self._reached, came)
            writer.append(self._table, self._name, rows, {source: moved[source] for source in came})
            self._reached = moved
        return Committed({self._name: rows.num_rows})


class SilverRows:
    """Quarantine first, then silver, whose commit is the commit point; now and then what was seen."""

    def __init__(self, lake: str, kind: Kind, refiner: Refiner) -> None:
        self._kind, self._refiner = kind, refiner
        self._silver, self._quarantine = open_table(lake, SILVER_OF[kind]), open_table(lake, "silver.quarantine")
        self._seen = open_table(lake, "silver.seen")
        self._pending: list[Batch] = []
        self._written = time.monotonic()

    def add(self, item: Batch) -> None:
        """Take a refined batch."""
        self._pending.append(item)

    def commit(self) -> Committed:
        """Both tables, in this order. A crash in between repeats the quarantine's rows, which its own positions then pass over."""
        reached: Reached = {}
        for batch in self._pending:
            reached |= batch.reached
        bad = pa.concat_tables([batch.refined.quarantine for batch in self._pending])
        rows = pa.concat_tables([batch.refined.rows for batch in self._pending])
        refused = {"duplicate": sum(batch.refined.duplicates for batch in self._pending)} | Counter(bad["reason"].to_pylist())
        self._pending = []
        if bad.num_rows:
            self._quarantine.update_incremental()
            stands = {source: position(self._quarantine, source) for source in reached}
            writer.append(self._quarantine, "silver.quarantine", beyond(bad, stands), later(stands, reached))
        if reached:
            writer.append(self._silver, SILVER_OF[self._kind], rows, reached)
        if time.monotonic() - self._written > SNAPSHOT_S:
            self._seen.update_incremental()
            write_seen(self._seen, self._kind, self._refiner.seen, self._refiner.reached)
            self._written = time.monotonic()
        return Committed({SILVER_OF[self._kind]: rows.num_rows}, refused)
