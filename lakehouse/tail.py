"""Follow an append-only table as it grows: rows of new commits, in Kafka order, from the reader's own positions on.

The reader's positions decide what is new; a table version is only a hint where to look. What was committed before the
tail was opened is read in windows of offsets, what comes later from the files that each commit added. Compaction adds
files that carry no new data, and is passed over; so is a restore, which only brings back what had been added before.

A reader may be so slow that upkeep has removed the log's entries, or files, before it came to them. It then opens the table anew and
goes on in windows from the offsets that it gave out last.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import DeltaTable
from pyarrow.fs import FileType

from lakehouse.files import folder
from lakehouse.positions import Position, Source, beyond, sources_of
from lakehouse.reader import dataset

log = logging.getLogger(__name__)

WINDOW, LEAST_WINDOW = 60_000, 5_000
"""Offsets, of all partitions together and of each at least, that one step of catching up reads: bounds the memory of a long backlog."""
IDLE_POLLS = 100
"""After so many looks without anything new, it is asked whether the log has gone on without this reader."""


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
        self._columns = columns
        self._mine = ds.field("partition").isin(list(partitions))
        self._given: dict[Source, int] = {}
        self._again: Iterator[pa.Table] | None = None
        self._idle = 0
        self._open(table)

    def _open(self, table: DeltaTable) -> None:
        self._table = table
        self._files = folder(table)
        self._version = table.version()

    def backlog(self, reached: Mapping[Source, Position]) -> Iterator[pa.Table]:
        """What the table held when it was opened beyond `reached`, oldest offsets first."""
        self._given |= {source: position.offset for source, position in reached.items()}
        return self._windows()

    def _windows(self) -> Iterator[pa.Table]:
        held = dataset(self._table)
        places = {
            source: (ds.field("cluster") == source.cluster)
            & (ds.field("topic_id") == source.topic_id)
            & (ds.field("partition") == source.partition)
            & self._mine
            for source in sorted(sources(self._table))
        }
        low = {source: self._given.get(source, -1) for source in places}
        high = {}
        for source, place in places.items():
            offsets = held.to_table(columns=["offset"], filter=place & (ds.field("offset") > low[source]))["offset"]
            if len(offsets):
                low[source], high[source] = pc.min(offsets).as_py() - 1, pc.max(offsets).as_py()
        step = max(WINDOW // max(len(high), 1), LEAST_WINDOW)
        # All sources go on together: a file that holds rows of several is read once a window, not once a source.
        while high:
            windows = [
                place & (ds.field("offset") > low[source]) & (ds.field("offset") <= low[source] + step)
                for source, place in places.items()
                if source in high
            ]
            rows = held.to_table(columns=self._columns, filter=reduce(or_, windows))
            low = {source: offset + step for source, offset in low.items()}
            high = {source: last for source, last in high.items() if low[source] < last}
            if rows.num_rows:
                yield self._noted(in_order(rows))

    def poll(self) -> list[pa.Table]:
        """The rows of each commit since the last call, oldest commit first; usually none or one. After a lost place, a window."""
        if self._again is not None:
            window = next(self._again, None)
            if window is not None:
                return [window]
            self._again = None
        batches: list[pa.Table] = []
        try:
            while (added := self._added(self._version + 1)) is not None:
                rows = [self._rows(add) for add in added]
                self._version += 1
                mine = pa.concat_tables(rows, promote_options="permissive").filter(self._mine) if rows else None
                # What a flow writes once more after a restore was given before.
                new = beyond(mine, {source: Position(offset) for source, offset in self._given.items()}) if mine is not None else None
                if new is not None and new.num_rows:
                    batches.append(self._noted(in_order(new)))
        except FileNotFoundError as gone:
            self._find_again(str(gone))
            return batches
        self._idle = 0 if batches else self._idle + 1
        if self._idle >= IDLE_POLLS:
            self._idle = 0
            if DeltaTable(self._table.table_uri).version() > self._version and self._added(self._version + 1) is None:
                self._find_again(f"version {self._version + 1} is no longer in the log")
        return batches

    def _find_again(self, why: str) -> None:
        log.warning("%s: lost the place in the log (%s), going on from the positions", self._table.table_uri, why)
        self._open(DeltaTable(self._table.table_uri))
        self._again = self._windows()

    def _noted(self, rows: pa.Table) -> pa.Table:
        """The rows as they are; their greatest offsets are remembered."""
        for row in rows.group_by(list(Source._fields)).aggregate([("offset", "max")]).to_pylist():
            source = Source(row["cluster"], row["topic_id"], row["partition"])
            self._given[source] = max(self._given.get(source, -1), row["offset_max"])
        return rows

    def _added(self, version: int) -> list[dict[str, Any]] | None:
        """The files with new data of one commit; None where there is no such commit yet."""
        name = f"_delta_log/{version:020d}.json"
        if self._files.get_file_info(name).type == FileType.NotFound:
            return None
        with self._files.open_input_stream(name) as entry:
            actions = [json.loads(line) for line in entry.read().splitlines()]
        if any(action.get("commitInfo", {}).get("operation") == "RESTORE" for action in actions):
            return []
        return [action["add"] for action in actions if "add" in action and action["add"]["dataChange"]]

    def _rows(self, added: dict[str, Any]) -> pa.Table:
        with self._files.open_input_file(unquote(added["path"])) as file:
            stored = pq.read_table(file)
        for name, value in added["partitionValues"].items():
            stored = stored.append_column(name, pa.array([value] * stored.num_rows, pa.string()))
        return self._fitted(stored, self._columns) if self._columns else stored

    def _fitted(self, stored: pa.Table, columns: list[str]) -> pa.Table:
        """Some columns of a file, which an older writer may have written without all of them."""
        missing = [name for name in columns if name not in stored.column_names]
        kinds = {field.name: field.type for field in pa.schema(self._table.schema().to_arrow())} if missing else {}
        for name in missing:
            stored = stored.append_column(name, pa.nulls(stored.num_rows, kinds[name]))
        return stored.select(columns)


def in_order(rows: pa.Table) -> pa.Table:
    """Rows by source and offset."""
    return rows.sort_by([("cluster", "ascending"), ("topic_id", "ascending"), ("partition", "ascending"), ("offset", "ascending")])
