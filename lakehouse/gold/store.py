"""Keep a fact's table: fold exact rows into the partitions that they touch, in one commit with the positions they reach.

The table is all the state there is. Every commit is numbered by a Delta transaction, so that two commits on the same state (the flow's
and a rebuild's) cannot both stand: the second is refused, reads again and folds again.
"""

import logging
from collections.abc import Callable, Collection, Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from contracts.errors import Terminal, Transient
from lakehouse import writer
from lakehouse.gold import facts, spans
from lakehouse.gold.dims import Dimensions
from lakehouse.gold.exact import TIME
from lakehouse.positions import Position, Reached, Source, commit_properties, later, position
from lakehouse.reader import dataset, open_table

NUMBER = "gold/commit"
DIMENSIONS = "gold/dim_vehicle"
_ATTEMPTS = 20
_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
_PROPERTIES = WriterProperties(compression="ZSTD", compression_level=1)
log = logging.getLogger(__name__)


class Refused(Exception):
    """Another commit came first: read the table again."""


def commit(table: DeltaTable, name: str, rows: pa.Table, predicate: str, marks: Mapping[str, int], reached: Mapping[Source, Position]) -> None:
    """Put rows in the place of those under a predicate on partition columns, as the next numbered commit.

    Raises Refused where another numbered commit was made since the table was read, Transient where the lake does not take it.
    """
    number = (table.transaction_version(NUMBER) or 0) + 1
    transactions = [Transaction(NUMBER, number), *(Transaction(key, value) for key, value in marks.items())]
    how = CommitProperties(app_transactions=[*(commit_properties(reached).app_transactions or []), *transactions], max_commit_retries=100)
    try:
        writer.fit(table, name)
        write_deltalake(
            table,
            _padded(rows, table),
            mode="overwrite",
            predicate=predicate,
            writer_properties=_PROPERTIES,
            commit_properties=how,
            post_commithook_properties=_HOOKS,
        )
        table.update_incremental()
    except CommitFailedError as error:
        raise Refused(str(error)) from error
    except (DeltaError, OSError) as error:
        text = f"table {name} cannot be written: {error}"
        raise (Terminal if "No space left" in str(error) else Transient)(text) from error


def persistently(table: DeltaTable, name: str, attempt: Callable[[], int]) -> int:
    """Make an attempt on the newest state of the table until no other commit comes first. Raises Terminal after many."""
    for _ in range(_ATTEMPTS):
        table.update_incremental()
        try:
            return attempt()
        except Refused as refused:
            log.info("table %s: another commit came first, folding again (%s)", name, str(refused)[:120])
    raise Terminal(f"table {name}: other writers commit all the time; run one gold flow a Kafka partition")


def clocks(table: DeltaTable, sources: Collection[Source], moved: Mapping[Source, Position]) -> dict[int, int]:
    """The clock (ms) of each partition once `moved` is reached."""
    found: dict[int, int] = {}
    for source, at in later({source: position(table, source) for source in sources}, moved).items():
        found[source.partition] = max(found.get(source.partition, 0), at.clock_ms)
    return found


class FactTable:
    """One fact's table in a lake, for the Kafka sources that this process owns."""

    def __init__(self, lake: str, fact: facts.Fact, sources: Collection[Source]) -> None:
        self._fact, self._sources = fact, list(sources)
        self.table = open_table(lake, fact.name)
        self.reached: Reached = {source: position(self.table, source) for source in sources}

    def fold_in(self, fresh: pa.Table, moved: Mapping[Source, Position], dimensions: Dimensions) -> int:
        """Take in exact rows and the positions that they reach; how many rows of the table changed. Nothing stands twice.

        Raises Terminal where somebody else has moved the same positions.
        """

        def attempt() -> int:
            stands = {source: position(self.table, source) for source in moved}
            if any(self.reached.get(source, Position()) != at for source, at in stands.items()):
                raise Terminal(f"table {self._fact.name}: another writer owns the same Kafka positions; run one gold flow a partition")
            return self._fold(fresh, moved, dimensions)

        changed = persistently(self.table, self._fact.name, attempt)
        self.reached = later(self.reached, moved)
        return changed

    def _fold(self, fresh: pa.Table, moved: Mapping[Source, Position], dimensions: Dimensions) -> int:
        fact, partitions = self._fact, sorted({*fresh["partition"].to_pylist(), *(source.partition for source in moved)})
        before, after = clocks(self.table, self._sources, {}), clocks(self.table, self._sources, moved)
        dates = {*facts.dates(fact, fresh), *self._dates_of_spans(fresh, partitions, before)}
        if not dates:
            commit(self.table, fact.name, fact.schema.empty_table(), "date IN ('')", {DIMENSIONS: dimensions.version}, moved)
            return 0
        place = ds.field("date").isin(sorted(dates)) & ds.field("partition").isin(partitions)
        held = dataset(self.table).to_table(columns=fact.schema.names, filter=place).cast(fact.schema)
        concerned = facts.concerned(fact, held, fresh)
        made = facts.fold(fact, [facts.exact_of(fact, held.filter(concerned)), fresh])
        rows = facts.present(fact, made, after, dimensions.as_of)
        # A joined span begins where one of its parts did, so its date is among them.
        others = held.filter(pc.invert(concerned))
        commit(self.table, fact.name, pa.concat_tables([others, rows]), _predicate(dates, partitions), {DIMENSIONS: dimensions.version}, moved)
        return rows.num_rows

    def _dates_of_spans(self, fresh: pa.Table, partitions: list[int], before: Mapping[int, int]) -> set[str]:
        """Dates of the spans that may grow, join or close: those that end later than a gap before the first new row or the last clock."""
        if self._fact.keys is not None:
            return set()
        first = pc.min(fresh["start_ms"]).as_py()
        least = min(value for value in (first, *(before.get(partition, 0) for partition in partitions)) if value is not None)
        since = pa.scalar(max(least - spans.GAP_MS, 0) * 1000, pa.int64()).cast(TIME)
        late = (ds.field("end_ts") >= since) & ds.field("partition").isin(partitions)
        return set(dataset(self.table).to_table(columns=["date"], filter=late)["date"].unique().to_pylist())

    def rekey(self, dimensions: Dimensions) -> int:
        """Give the rows the surrogate keys of a dimension that has changed since they were written; how many had another one."""
        return persistently(self.table, self._fact.name, lambda: self._rekey(dimensions))

    def _rekey(self, dimensions: Dimensions) -> int:
        fact = self._fact
        if (self.table.transaction_version(DIMENSIONS) or 0) >= dimensions.version:
            return 0
        mine = ds.field("partition").isin(sorted({source.partition for source in self._sources}))
        begins = fact.fields_begin
        held = dataset(self.table).to_table(columns=["date", "partition", "vehicle_id", "vehicle_key", begins], filter=mine)
        instants = facts.milliseconds(held[begins])
        wanted = pa.array(dimensions.as_of(held["vehicle_id"].to_pylist(), instants), pa.string())
        wrong = held.filter(pc.not_equal(held["vehicle_key"], wanted))
        dates, partitions = set(wrong["date"].unique().to_pylist()) or {""}, sorted(set(wrong["partition"].to_pylist())) or [0]
        place = ds.field("date").isin(sorted(dates)) & ds.field("partition").isin(partitions)
        rows = dataset(self.table).to_table(columns=fact.schema.names, filter=place).cast(fact.schema)
        keys = pa.array(dimensions.as_of(rows["vehicle_id"].to_pylist(), facts.milliseconds(rows[begins])), pa.string())
        rows = rows.set_column(rows.schema.get_field_index("vehicle_key"), "vehicle_key", keys)
        commit(self.table, fact.name, rows, _predicate(dates, partitions), {DIMENSIONS: dimensions.version}, {})
        return wrong.num_rows


def _predicate(dates: Collection[str], partitions: Collection[int]) -> str:
    return f"date IN ({', '.join(repr(date) for date in sorted(dates))}) AND partition IN ({', '.join(map(str, sorted(partitions)))})"


def _padded(rows: pa.Table, table: DeltaTable) -> pa.Table:
    """The rows with the columns that only the table knows, as nulls."""
    for field in pa.schema(table.schema().to_arrow()):
        if field.name not in rows.column_names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows
