"""How far a table has read: Kafka positions kept as transactions of the Delta log, in the same commit as the rows.

A position belongs to a source: cluster id, topic UUID and partition, so that a topic that was deleted and made again is
another source. Beside the offset stands the source's clock: the running maximum of the Kafka timestamp up to there, in
milliseconds. Offsets have gaps: compare them, never count them.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction


class Source(NamedTuple):
    """Where offsets count."""

    cluster: str
    topic_id: str
    partition: int


class Position(NamedTuple):
    """The last offset that was taken in, and the source's clock there (ms since the epoch)."""

    offset: int = -1
    clock_ms: int = 0


START = Position()


def position(table: DeltaTable, source: Source) -> Position:
    """How far `table` has read `source`; `START` where it never did."""
    offset = table.transaction_version(_offset_id(source))
    clock_ms = table.transaction_version(_clock_id(source))
    return Position(-1 if offset is None else offset, clock_ms or 0)


def commit_properties(reached: Mapping[Source, Position]) -> CommitProperties:
    """What a commit must carry so that its rows and these positions become visible together."""
    transactions = []
    for source, (offset, clock_ms) in sorted(reached.items()):
        transactions += [Transaction(_offset_id(source), offset), Transaction(_clock_id(source), clock_ms)]
    return CommitProperties(app_transactions=transactions, max_commit_retries=100)


def _offset_id(source: Source) -> str:
    return f"offset/{source.cluster}/{source.topic_id}/{source.partition}"


def _clock_id(source: Source) -> str:
    return f"clock/{source.cluster}/{source.topic_id}/{source.partition}"


Reached = dict[Source, Position]


def reached_by(rows: pa.Table, clock_column: str = "known_at") -> Reached:
    """The positions that a table's rows reach: the greatest offset of each source, and its clock there."""
    grouped = rows.group_by(list(Source._fields)).aggregate([("offset", "max"), (clock_column, "max")]).to_pylist()
    return {
        Source(row["cluster"], row["topic_id"], row["partition"]): Position(
            row["offset_max"], int(row[f"{clock_column}_max"].timestamp() * 1000 + 0.5)
        )
        for row in grouped
    }


def clocks_of(reached: Mapping[Source, Position]) -> dict[int, int]:
    """The clock (ms) of each partition: the newest of its sources'."""
    found: dict[int, int] = {}
    for source, at in reached.items():
        found[source.partition] = max(found.get(source.partition, 0), at.clock_ms)
    return found


def sources_of(rows: pa.Table) -> set[Source]:
    """The sources that rows came from."""
    return {Source(**row) for row in rows.select(list(Source._fields)).group_by(list(Source._fields)).aggregate([]).to_pylist()}


def by_source(rows: pa.Table) -> tuple[list[Source], np.ndarray]:
    """The sources that rows came from, and for each row the place of its own among them."""
    clusters, topics = (rows[name].combine_chunks().dictionary_encode() for name in ("cluster", "topic_id"))
    partitions, width = rows["partition"].to_numpy().astype(np.int64), max(len(topics.dictionary), 1)
    which = clusters.indices.to_numpy().astype(np.int64) * width + topics.indices.to_numpy()
    span = int(partitions.max(initial=0)) + 1
    unique, places = np.unique(which * span + partitions, return_inverse=True)
    names = clusters.dictionary.to_pylist(), topics.dictionary.to_pylist()
    found = [Source(names[0][code // span // width], names[1][code // span % width], code % span) for code in unique.tolist()]
    return found, places


def beyond(rows: pa.Table, reached: Mapping[Source, Position]) -> pa.Table:
    """The rows whose offset is greater than what is reached of their source."""
    old = None
    for source in sources_of(rows) & reached.keys():
        below = pc.less_equal(rows["offset"], reached[source].offset)
        if pc.any(below).as_py():
            here = pc.and_(pc.equal(rows["partition"], source.partition), pc.equal(rows["topic_id"], source.topic_id))
            of_source = pc.and_(here, below)
            old = of_source if old is None else pc.or_(old, of_source)
    return rows if old is None else rows.filter(pc.invert(old))


def upto(rows: pa.Table, reached: Mapping[Source, Position]) -> pa.Table:
    """The rows whose offset is not greater than what is reached of their source; none of a source that is not named."""
    kept = pa.array(np.zeros(rows.num_rows, bool))
    for source in sources_of(rows) & reached.keys():
        here = pc.and_(pc.equal(rows["partition"], source.partition), pc.equal(rows["topic_id"], source.topic_id))
        kept = pc.or_(kept, pc.and_(here, pc.less_equal(rows["offset"], reached[source].offset)))
    return rows if pc.all(kept).as_py() else rows.filter(kept)


def later(one: Mapping[Source, Position], other: Mapping[Source, Position]) -> Reached:
    """Of two readers' positions the greater of each source."""
    return {source: max(one.get(source, START), other.get(source, START)) for source in {*one, *other}}
