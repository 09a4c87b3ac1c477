"""Put a shadow in the place of what a table holds, in one commit, while the table's own writer goes on."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from contracts.errors import Terminal
from lakehouse.gold import commits
from lakehouse.gold.dims import Dimensions
from lakehouse.gold.folds import FOLDS, Fold
from lakehouse.gold.shadow import Shadow, Wish, of, part, partition_values
from lakehouse.gold.spans import GAP_MS
from lakehouse.gold.store import DIMENSIONS
from lakehouse.positions import Position, Reached, beyond, position
from lakehouse.reader import dataset, open_table
from lakehouse.tables import SCHEMAS, SILVER_OF
from lakehouse.tail import sources


def swap(lake: str, wish: Wish, table: DeltaTable, shadow: Shadow, days: Sequence[str]) -> int:
    """One attempt on the table as it stands: how many rows were put in place. Raises Refused where another commit came first.

    `days` are those that the shadow holds. The table's positions stay; what silver got between the shadow's and the table's is folded in.
    """
    fold, schema = FOLDS[wish.table], SCHEMAS[wish.table]
    reached: Reached = {source: position(table, source) for kind in fold.columns for source in sources(open_table(lake, SILVER_OF[kind]))}  # type: ignore[index]
    dimensions = Dimensions(lake)
    newer = fold.merge(list(_since(lake, fold, shadow.reached, reached, wish.vehicles)))
    if fold.dated:
        concerned = sorted(day for day in {*partition_values(table, "date"), *days, *fold.days(newer)} if wish.holds(day))
        predicate, there = f"date IN ({', '.join(map(repr, concerned or ['']))})", ds.field("date").isin(concerned)
    else:
        concerned, partitions = [], {*partition_values(table, "partition"), *(str(source.partition) for source in reached)}
        predicate, there = f"partition IN ({', '.join(sorted(partitions) or ['-1'])})", ds.scalar(True)
    # Read before the writer asks for batches: the Delta library does not read while it writes.
    stay = there & ~of(wish.vehicles) if wish.vehicles else ds.scalar(False)
    others = dataset(table).to_table(columns=schema.names, filter=stay).cast(schema)
    count = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal count
        for exact in _exact(fold, wish, shadow, days, newer, concerned):
            rows = fold.rows(exact, reached, dimensions.as_of)
            if fold.spans:
                rows = rows.filter(pc.is_in(rows["date"], pa.array(concerned, pa.string())))
            count += rows.num_rows
            yield from rows.to_batches()
        yield from others.to_batches()

    whole = fold.dated and not (wish.first or wish.last or wish.vehicles)
    reader = pa.RecordBatchReader.from_batches(schema, batches())
    commits.replace(table, wish.table, reader, predicate, {DIMENSIONS: dimensions.version} if whole else {}, {})
    return count


def _exact(fold: Fold, wish: Wish, shadow: Shadow, days: Sequence[str], newer: pa.Table, concerned: Sequence[str]) -> Iterator[pa.Table]:
    """All exact rows, day by day where a row belongs to one day only: bounds the memory."""
    if fold.spans or not fold.dated:
        exact = fold.merge([*shadow.read([part(kind, day) for kind in fold.columns for day in days]), newer])
        if fold.spans:
            _check_edges(wish, exact, days)
        yield exact
        return
    belongs = fold.days(newer)
    for day in concerned:
        parts = shadow.read([part(kind, day) for kind in fold.columns])
        yield fold.merge([*parts, newer.filter(pc.equal(pa.array(belongs, pa.string()), day))])


def _since(lake: str, fold: Fold, since: Reached, until: Reached, vehicles: Sequence[str]) -> Iterator[pa.Table]:
    """Exact rows of what silver holds between two positions."""
    for kind in fold.columns:
        place = ds.scalar(False)
        for source, at in until.items():
            here = (ds.field("partition") == source.partition) & (ds.field("topic_id") == source.topic_id)
            low = since.get(source, Position()).offset
            if at.offset > low:
                place = place | (here & (ds.field("offset") > low) & (ds.field("offset") <= at.offset))
        held = dataset(open_table(lake, SILVER_OF[kind]))  # type: ignore[index]
        for batch in held.to_batches(columns=fold.columns[kind], filter=place & of(vehicles)):
            if batch.num_rows:
                yield fold.partial(kind, beyond(pa.Table.from_batches([batch]), since))


def _check_edges(wish: Wish, exact: pa.Table, days: Sequence[str]) -> None:
    """A span at the edge of what was read may be longer than what was read. Raises Terminal with what to ask for instead."""
    if not days or not (wish.first or wish.last):
        return
    low, high = _ms(days[0]), _ms(days[-1]) + 86_400_000
    for start, end in zip(exact["start_ms"].to_pylist(), exact["end_ms"].to_pylist(), strict=True):
        if wish.first and days[0] < wish.first <= _day(end) and start - low <= GAP_MS:
            raise Terminal(f"a span that began by {days[0]} reaches into {wish.first}: begin earlier with --from")
        if wish.last and _day(start) <= wish.last < days[-1] and high - end <= GAP_MS:
            raise Terminal(f"a span that began by {wish.last} goes on after {days[-1]}: end later with --to")


def _ms(day: str) -> int:
    return (date.fromisoformat(day) - date(1970, 1, 1)).days * 86_400_000


def _day(ms: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=ms // 86_400_000)).isoformat()
