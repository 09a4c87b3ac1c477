"""Keep a fact's table: fold exact rows into the partitions that they touch, in one commit with the positions they reach.

The table is all the state there is.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from contracts.errors import Terminal
from lakehouse import current
from lakehouse.gold import commits, facts, spans
from lakehouse.gold.commits import persistently
from lakehouse.gold.dims import Dimensions
from lakehouse.gold.exact import TIME
from lakehouse.positions import START, Position, Reached, Source, clocks_of, later, position
from lakehouse.reader import dataset, open_table
from lakehouse.tables import VEHICLE_CURRENT

T = TypeVar("T")
DIMENSIONS = "gold/dim_vehicle"
CURRENT = "gold.vehicle_current"


class Owned:
    """How far a table has read the sources that this process owns: looked up again only where a commit of somebody else came in between."""

    def __init__(self, table: DeltaTable, name: str, reached: Reached) -> None:
        self.reached = dict(reached)
        self._table, self._name = table, name
        self._known: commits.State | None = None
        """The state of the table in which `reached` was seen to stand."""

    def persist(self, moved: Mapping[Source, Position], attempt: Callable[[], tuple[T, commits.State]]) -> T:
        """Make an attempt to commit these positions until no other commit comes first; what it gave beside the state that it made.

        Raises Terminal where somebody else has moved positions that are owned here, or are about to be moved.
        """

        def checked() -> tuple[T, commits.State]:
            self._check(moved)
            return attempt()

        given, self._known = persistently(self._table, self._name, checked)
        self.reached = later(self.reached, moved)
        return given

    def _check(self, moved: Iterable[Source]) -> None:
        state = commits.state(self._table)
        if state == self._known:
            return
        expected = dict.fromkeys(moved, START) | self.reached
        if any(position(self._table, source) != at for source, at in expected.items()):
            raise Terminal(f"table {self._name}: another writer owns the same Kafka positions; run one gold flow a partition")
        self._known = state


class FactTable:
    """One fact's table in a lake, for the Kafka sources that this process owns."""

    def __init__(self, lake: str, fact: facts.Fact, sources: Collection[Source]) -> None:
        self._fact = fact
        self.table = open_table(lake, fact.name)
        self._owned = Owned(self.table, fact.name, {source: position(self.table, source) for source in sources})

    @property
    def reached(self) -> Reached:
        """How far the table has read."""
        return self._owned.reached

    def fold_in(self, fresh: pa.Table, moved: Mapping[Source, Position], dimensions: Dimensions) -> int:
        """Take in exact rows and the positions that they reach; how many rows of the table changed. Nothing stands twice.

        Raises Terminal where somebody else has moved the same positions.
        """
        return self._owned.persist(moved, lambda: self._fold(fresh, moved, dimensions))

    def _fold(self, fresh: pa.Table, moved: Mapping[Source, Position], dimensions: Dimensions) -> tuple[int, commits.State]:
        fact, partitions = self._fact, sorted({*fresh["partition"].to_pylist(), *(source.partition for source in moved)})
        before, after = clocks_of(self.reached), clocks_of(later(self.reached, moved))
        dates = {*facts.dates(fact, fresh), *self._dates_of_spans(fresh, partitions, before)}
        if not dates:
            return 0, commits.replace(self.table, fact.name, fact.schema.empty_table(), "date IN ('')", {DIMENSIONS: dimensions.version}, moved)
        place = ds.field("date").isin(sorted(dates)) & ds.field("partition").isin(partitions)
        held = dataset(self.table).to_table(columns=fact.schema.names, filter=place).cast(fact.schema)
        concerned = facts.concerned(fact, held, fresh)
        folded = facts.fold(fact, [facts.exact_of(fact, held.filter(concerned)), fresh])
        rows = facts.present(fact, folded, after, dimensions.as_of)
        # A joined span begins where one of its parts did, so its date is among them.
        others = held.filter(pc.invert(concerned))
        marks = {DIMENSIONS: dimensions.version}
        made = commits.replace(self.table, fact.name, pa.concat_tables([others, rows]), _predicate(dates, partitions), marks, moved)
        return rows.num_rows, made

    def _dates_of_spans(self, fresh: pa.Table, partitions: list[int], before: Mapping[int, int]) -> set[str]:
        """Dates of the spans that may grow, join or close: those that end later than a gap before the first new row or the last clock."""
        if self._fact.keys is not None:
            return set()
        first = pc.min(fresh["start_ms"]).as_py()
        least = min(value for value in (first, *(before.get(partition, 0) for partition in partitions)) if value is not None)
        since = pa.scalar(max(least - spans.GAP_MS, 0) * 1000, pa.int64()).cast(TIME)
        late = (ds.field("end_ts") >= since) & ds.field("partition").isin(partitions)
        return set(dataset(self.table).to_table(columns=["date"], filter=late)["date"].unique().to_pylist())

    def keyed(self, dimensions: Dimensions) -> bool:
        """Whether the newest commit was made with this state of the dimensions."""
        return (self.table.transaction_version(DIMENSIONS) or 0) >= dimensions.version

    def rekey(self, dimensions: Dimensions) -> int:
        """Give the rows the surrogate keys of a dimension that has changed since they were written; how many had another one.

        Rows of all Kafka partitions, for their owner may have looked at the dimension before this one did.
        """
        return persistently(self.table, self._fact.name, lambda: self._rekey(dimensions))

    def _rekey(self, dimensions: Dimensions) -> int:
        fact = self._fact
        begins = fact.fields_begin
        held = dataset(self.table).to_table(columns=list({"date", "partition", "vehicle_id", "vehicle_key", begins}))
        instants = facts.milliseconds(held[begins])
        wanted = pa.array(dimensions.as_of(held["vehicle_id"].to_pylist(), instants), pa.string())
        wrong = held.filter(pc.not_equal(held["vehicle_key"], wanted))
        dates, partitions = set(wrong["date"].unique().to_pylist()) or {""}, sorted(set(wrong["partition"].to_pylist())) or [0]
        place = ds.field("date").isin(sorted(dates)) & ds.field("partition").isin(partitions)
        rows = dataset(self.table).to_table(columns=fact.schema.names, filter=place).cast(fact.schema)
        keys = pa.array(dimensions.as_of(rows["vehicle_id"].to_pylist(), facts.milliseconds(rows[begins])), pa.string())
        rows = rows.set_column(rows.schema.get_field_index("vehicle_key"), "vehicle_key", keys)
        commits.replace(self.table, fact.name, rows, _predicate(dates, partitions), {DIMENSIONS: dimensions.version}, {})
        return wrong.num_rows


class CurrentTable:
    """`gold.vehicle_current` for the Kafka sources that this process owns. Rows that it wrote itself are kept at hand."""

    def __init__(self, lake: str, sources: Collection[Source]) -> None:
        self._partitions = sorted({source.partition for source in sources})
        self.table = open_table(lake, CURRENT)
        self._owned = Owned(self.table, CURRENT, {source: position(self.table, source) for source in sources})
        self._rows: pa.Table | None = None
        self._number = -1

    @property
    def reached(self) -> Reached:
        """How far the table has read."""
        return self._owned.reached

    def fold_in(self, rows: pa.Table, moved: Mapping[Source, Position]) -> int:
        """Take in silver rows and the positions that they reach; how many vehicles the table then has. Raises as a fact's table does."""
        fresh = current.newest(rows)

        def attempt() -> tuple[int, commits.State]:
            if self._rows is None or commits.number(self.table) != self._number:
                mine = ds.field("partition").isin(self._partitions)
                self._rows = dataset(self.table).to_table(columns=VEHICLE_CURRENT.names, filter=mine).cast(VEHICLE_CURRENT)
            made = current.newest(self._rows, fresh)
            state = commits.replace(self.table, CURRENT, made, f"partition IN ({', '.join(map(str, self._partitions))})", {}, moved)
            self._rows, self._number = made, state.number
            return made.num_rows, state

        return self._owned.persist(moved, attempt)


def _predicate(dates: Collection[str], partitions: Collection[int]) -> str:
    return f"date IN ({', '.join(repr(date) for date in sorted(dates))}) AND partition IN ({', '.join(map(str, sorted(partitions)))})"
