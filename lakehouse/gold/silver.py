"""Make a table of silver again from bronze, beside its flow: the same refinement, with today's quality rules, in one commit.

A part is a Kafka partition: de-duplication goes through all of it in order. What the flow has written beyond the positions that the
table had when the rebuild began stays as it is; quarantine is not made again.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import DeltaTable

from contracts.errors import Terminal
from contracts.identity import KINDS, Kind
from lakehouse import replay
from lakehouse.gold import commits
from lakehouse.gold.shadow import Shadow, Tell, Wish, of, partition_values
from lakehouse.positions import Position, beyond, position
from lakehouse.reader import dataset, open_table
from lakehouse.tables import SCHEMAS, SILVER_OF
from lakehouse.tail import sources

KIND_OF: dict[str, Kind] = {SILVER_OF[kind]: kind for kind in KINDS}
_BATCH_ROWS = 50_000


def rebuild(lake: str, wish: Wish, scratch: Path, tell: Tell = lambda _: None) -> int:
    """Make the table again; how many rows were put in place. Raises Terminal where bronze does not reach back."""
    kind = KIND_OF[wish.table]
    if not replay.reaches_back(lake, kind):
        raise Terminal(f"bronze no longer holds all that {wish.table} was made of: what is gone could not be made again")
    table = open_table(lake, wish.table)
    shadow = Shadow(scratch, wish, {source: position(table, source) for source in sources(table)})
    tell(f"{'going on with' if shadow.resumed else 'beginning'} {wish.table}")
    partitions = sorted({source.partition for source in shadow.reached})
    for partition in partitions:
        if not shadow.has(str(partition)):
            rows = _write(lake, kind, wish, shadow, partition)
            tell(f"Kafka partition {partition}: {rows} rows")
    made = commits.persistently(table, wish.table, lambda: _swap(table, wish, shadow, partitions))
    shadow.remove()
    return made


def _write(lake: str, kind: Kind, wish: Wish, shadow: Shadow, partition: int) -> int:
    """One part, window by window: it appears when it is whole."""
    schema, count = SCHEMAS[wish.table], 0
    until = {source: at for source, at in shadow.reached.items() if source.partition == partition}
    half = shadow.file(f"{partition}").with_suffix(".half")
    with pq.ParquetWriter(half, schema, compression="zstd", compression_level=1) as file:
        for window in replay.again(lake, kind, until):
            rows = window.filter(pc.is_in(window["vehicle_id"], pa.array(wish.vehicles, pa.string()))) if wish.vehicles else window
            days = [day for day in rows["date"].unique().to_pylist() if wish.holds(day)]
            rows = rows.filter(pc.is_in(rows["date"], pa.array(days, pa.string())))
            file.write_table(rows.select(schema.names).cast(schema))
            count += rows.num_rows
    os.replace(half, shadow.file(f"{partition}"))
    return count


def _swap(table: DeltaTable, wish: Wish, shadow: Shadow, partitions: Sequence[int]) -> int:
    """One attempt on the table as it stands. Raises Refused where another rewrote it meanwhile; appends may pass by."""
    schema = SCHEMAS[wish.table]
    parts = ds.dataset([str(shadow.file(str(partition))) for partition in partitions], schema=schema)
    days = {day for day in partition_values(table, "date") if wish.holds(day)}
    for batch in parts.to_batches(columns=["date"]):
        days |= set(pc.unique(batch["date"]).to_pylist())
    there = ds.field("date").isin(sorted(days))
    # Read before the writer asks for batches: the Delta library does not read while it writes.
    later = ds.scalar(False)
    for source in sources(table):
        here = (ds.field("partition") == source.partition) & (ds.field("topic_id") == source.topic_id)
        later = later | (here & (ds.field("offset") > shadow.reached.get(source, Position()).offset))
    stay = there & (later | ~of(wish.vehicles)) if wish.vehicles else there & later
    others = dataset(table).to_table(columns=schema.names, filter=stay).cast(schema)
    if not wish.vehicles:
        others = beyond(others, shadow.reached)
    count = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal count
        for batch in parts.to_batches(batch_size=_BATCH_ROWS, batch_readahead=1, fragment_readahead=1):
            count += batch.num_rows
            yield batch
        yield from others.to_batches()

    predicate = f"date IN ({', '.join(map(repr, sorted(days) or ['']))})"
    commits.replace(table, wish.table, pa.RecordBatchReader.from_batches(schema, batches()), predicate, {}, {})
    return count
