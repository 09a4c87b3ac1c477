"""Parquet files of a Delta table: how rows are encoded, where the file goes, and the statistics by which readers skip it.

Written here and not by the Delta library's own writer, which needs some four times the processor time for the same file. The
log's protocol stays the library's: it only hears which files to add (`lakehouse.writer`).
"""

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction
from pyarrow.fs import FileSystem, LocalFileSystem, PyFileSystem, SubTreeFileSystem


class Encoding(NamedTuple):
    """How hard a file is compressed. `row_group` rows are the least that a reader reads."""

    compression: str
    level: int | None
    row_group: int
    dense: bool = False


HOT = Encoding("snappy", None, row_group=16 * 1024)
"""Files of one commit, soon to be compacted. Who catches up reads a large one in windows of offsets, and of it only the groups that it needs."""
DENSE = Encoding("zstd", 9, row_group=32 * 1024, dense=True)
"""Files of a compaction: written once, read often."""


def folder(table: DeltaTable, sizes: Mapping[str, int] | None = None) -> FileSystem:
    """The folder of a table, to read its files from; an object store is not asked for those whose `sizes` are given.

    A folder of this machine is read by Arrow alone. The Delta library's file system would run Python on Arrow's threads, and these close
    a scan's last files behind its back: a process that ends meanwhile is aborted.
    """
    place = urlsplit(table.table_uri)
    if place.scheme == "file":
        return SubTreeFileSystem(unquote(place.path), LocalFileSystem())
    return PyFileSystem(DeltaStorageHandler.from_table(table._table, {}, dict(sizes or {})))


class Storage:
    """The folder of a table, wherever it is."""

    def __init__(self, table: DeltaTable) -> None:
        self._handler = DeltaStorageHandler.from_table(table._table)
        self.reading = folder(table)
        """To read its files."""

    def put(self, path: str, content: bytes) -> None:
        """Write a new file."""
        stream: Any = self._handler._handler.open_output_stream(path, None)
        stream.write(content)
        stream.close()

    def remove(self, path: str) -> None:
        """Remove a file that nobody refers to any more."""
        self.reading.delete_file(path)


def write(files: Storage, rows: pa.Table, partition_by: Sequence[str], encoding: Encoding, *, new_data: bool = True) -> list[AddAction]:
    """Write the rows, a file a partition; what the log must say of them. Nothing is visible before it says so."""
    return [_write(files, part, values, encoding, new_data) for values, part in _parts(rows, partition_by)]


def _parts(rows: pa.Table, partition_by: Sequence[str]) -> Iterator[tuple[dict[str, Any], pa.Table]]:
    """The rows of each partition, without the columns that are the same in all of them."""
    if not rows.num_rows:
        return
    keys = rows.select(partition_by).group_by(list(partition_by)).aggregate([]).to_pylist() if partition_by else [{}]
    for key in keys:
        part = rows
        for name, value in key.items():
            if len(keys) > 1:
                part = part.filter(pc.is_null(part[name]) if value is None else pc.equal(part[name], pa.scalar(value, part.schema.field(name).type)))
        yield key, part.drop_columns(list(partition_by))


def _write(files: Storage, rows: pa.Table, values: dict[str, Any], encoding: Encoding, new_data: bool) -> AddAction:
    texts = {name: None if value is None else str(value) for name, value in values.items()}
    folder = "".join(f"{name}={'__HIVE_DEFAULT_PARTITION__' if text is None else quote(text, safe='')}/" for name, text in texts.items())
    path = f"{folder}part-00000-{uuid.uuid4()}-c000.{encoding.compression}.parquet"
    collected: list[pq.FileMetaData] = []
    sink = pa.BufferOutputStream()
    pq.write_table(
        rows,
        sink,
        compression=encoding.compression,
        compression_level=encoding.level,
        row_group_size=encoding.row_group,
        write_statistics=_indexed(rows.schema),
        metadata_collector=collected,
        store_schema=False,
        **_encodings(rows, encoding),
    )
    content = sink.getvalue().to_pybytes()
    files.put(path, content)
    stats = json.dumps(_statistics(rows, collected[0]))
    return AddAction(quote(path, safe="/="), len(content), texts, int(time.time() * 1000), new_data, stats)


def _encodings(rows: pa.Table, encoding: Encoding) -> dict[str, Any]:
    """Texts and lists by dictionary; numbers as they are while hot, by dictionary where the file is to last."""
    if encoding.dense:
        return {"use_dictionary": True, "dictionary_pagesize_limit": 2**20, "data_page_size": 2**20}
    return {"use_dictionary": [field.name for field in rows.schema if pa.types.is_string(field.type)]}


def _indexed(schema: pa.Schema) -> list[str]:
    """The columns by which readers skip files and row groups: names, times and counts; not the measurements."""
    return [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_integer(field.type) or pa.types.is_timestamp(field.type)]


def _statistics(rows: pa.Table, written: pq.FileMetaData) -> dict[str, Any]:
    """The log's statistics, out of the file's own."""
    least: dict[str, Any] = {}
    greatest: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    wanted = {*_indexed(rows.schema)}
    for at in range(written.num_columns):
        name = written.schema.column(at).path
        if name not in wanted:
            continue
        groups = [written.row_group(group).column(at).statistics for group in range(written.num_row_groups)]
        if any(group is None or not group.has_null_count for group in groups):
            continue
        nulls[name] = sum(group.null_count for group in groups)
        bounded = [group for group in groups if group.has_min_max]
        if bounded and len(bounded) == len(groups):
            least[name] = _as_json(min(group.min for group in bounded))
            greatest[name] = _as_json(max(group.max for group in bounded))
    return {"numRecords": rows.num_rows, "minValues": least, "maxValues": greatest, "nullCount": nulls}


def _as_json(value: Any) -> Any:
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else value
