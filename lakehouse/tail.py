"""Follow an append-only table as it grows: rows of new commits, in Kafka order, from the reader's own positions on.

The reader's positions decide what is new; a table version is only a hint where to look. What was committed before the
tail was opened is read in windows of offsets, what comes later from the files that each commit added. Compaction adds
files that carry no new data, and is passed over.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileType, PyFileSystem

from lakehouse.positions import Position, Source, sources_of
from lakehouse.reader import dataset

WINDOW = 20_000
"""Offsets a partition that one step of catching up reads: bounds the memory of a long backlog."""


def sources(table: DeltaTable) -> set[Source]:
    """The Kafka sources whose rows a table holds, by the log's statistics where these are exact."""
    actions = pa.table(table.get_add_actions(flatten=True))
    found: set[Source] = set()
    for row in actions.to_pylist():
        if row["num_records"] == 0:
            continue
        exact = all(row.get(f"min.{name}") is not None and row[f"min.{name}"] == row[f"max.{name}"] for name in ("cluster", "topic_id"))
        if exact:
            partitions = range(row["min.partition"], row["max.partition"] + 1)
            found |= {Source(row["min.cluster"], row["min.topic_id"], partition) for partition in partitions}
        else:
            return sources_of(dataset(table).to_table(columns=list(Source._fields)))
    return found


class Tail:
    """The new rows of a table, for the Kafka partitions that this reader owns."""

    def __init__(self, table: DeltaTable, partitions: Sequence[int], columns: list[str] | None = None) -> None:
        self._table = table
        self._columns = columns
        self._mine = ds.field("partition").isin(list(partitions))
        self._files = PyFileSystem(DeltaStorageHandler.from_table(table._table))
        self._version = table.version()
        self._read: dict[Source, int] = {}

    def backlog(self, reached: Mapping[Source, Position]) -> Iterator[pa.Table]:
        """What the table held when it was opened beyond `reached`, oldest offsets first."""
        held = dataset(self._table)
        for source in sorted(sources(self._table)):
            low = reached.get(source, Position()).offset
            place = (
                (ds.field("cluster") == source.cluster)
                & (ds.field("topic_id") == source.topic_id)
                & (ds.field("partition") == source.partition)
                & self._mine
            )
            offsets = held.to_table(columns=["offset"], filter=place & (ds.field("offset") > low))["offset"]
            highest = pc.max(offsets).as_py() if len(offsets) else None
            while highest is not None and low < highest:
                window = place & (ds.field("offset") > low) & (ds.field("offset") <= low + WINDOW)
                rows = held.to_table(columns=self._columns, filter=window)
                low += WINDOW
                if rows.num_rows:
                    yield in_order(rows)

    def poll(self) -> list[pa.Table]:
        """The rows of each commit since the last call, oldest commit first; usually none or one."""
        batches = []
        while (added := self._added(self._version + 1)) is not None:
            self._version += 1
            rows = [self._rows(add) for add in added]
            if rows:
                mine = pa.concat_tables(rows, promote_options="permissive").filter(self._mine)
                if mine.num_rows:
                    batches.append(in_order(mine))
        return batches

    def _added(self, version: int) -> list[dict[str, Any]] | None:
        """The files with new data of one commit; None where there is no such commit yet."""
        name = f"_delta_log/{version:020d}.json"
        if self._files.get_file_info(name).type == FileType.NotFound:
            return None
        with self._files.open_input_stream(name) as log:
            actions = [json.loads(line) for line in log.read().splitlines()]
        return [action["add"] for action in actions if "add" in action and action["add"]["dataChange"]]

    def _rows(self, added: dict[str, Any]) -> pa.Table:
        with self._files.open_input_file(added["path"]) as file:
            stored = pq.read_table(file)
        for name, value in added["partitionValues"].items():
            stored = stored.append_column(name, pa.array([value] * stored.num_rows, pa.string()))
        return stored.select(self._columns) if self._columns else stored


def in_order(rows: pa.Table) -> pa.Table:
    """Rows by source and offset."""
    return rows.sort_by([("cluster", "ascending"), ("topic_id", "ascending"), ("partition", "ascending"), ("offset", "ascending")])
