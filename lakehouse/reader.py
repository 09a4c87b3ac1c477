"""Read the tables of a lake."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from operator import and_
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from contracts.errors import Terminal, Transient
from lakehouse.files import folder
from lakehouse.tables import SCHEMAS


def address(lake: str, name: str) -> str:
    """Where the table `layer.table` lives in a lake."""
    return f"{lake.rstrip('/')}/{name.replace('.', '/')}"


@contextmanager
def _translated(lake: str, name: str) -> Iterator[None]:
    """Errors of the Delta library as ours."""
    try:
        yield
    except TableNotFoundError:
        raise Transient(f"table {name} is not in the lake {lake} yet") from None
    except (DeltaError, OSError) as error:
        raise Transient(f"table {name} in the lake {lake} cannot be read: {error}") from error


def exists(lake: str, name: str) -> bool:
    """Whether the table has been made yet."""
    with _translated(lake, name):
        return DeltaTable.is_deltatable(address(lake, name))


def open_table(lake: str, name: str) -> DeltaTable:
    """The newest state of a table. Raises Transient where it is not there yet, Terminal where there is no such table."""
    if name not in SCHEMAS:
        raise Terminal(f"there is no table {name}; there are {', '.join(SCHEMAS)}")
    with _translated(lake, name):
        return DeltaTable(address(lake, name))


def refreshed(table: DeltaTable) -> bool:
    """Bring an open table up to its newest version; False where it is not the table any more that it was when it was opened."""
    try:
        before = table.metadata().id
        table.update_incremental()
        return bool(table.metadata().id == before)
    except (DeltaError, OSError):
        return False


SKIPPING = ("vehicle_id", "event_ts", "known_at", "kafka_ts", "partition", "offset")
"""Columns by whose bounds files are passed over. (The library's own dataset looks at 32 columns: a millisecond a file.)"""


def dataset(table: DeltaTable) -> ds.Dataset:
    """The rows of a table as an Arrow dataset that skips files by their statistics."""
    schema = pa.schema(table.schema().to_arrow())
    actions = pa.table(table.get_add_actions(flatten=False))
    sizes = dict(zip(map(unquote, actions["path"].to_pylist()), actions["size_bytes"].to_pylist(), strict=True))
    form, files = ds.ParquetFileFormat(), folder(table, sizes)
    told = list(zip(actions["path"].to_pylist(), _conditions(actions, table.metadata().partition_columns, schema), strict=True))
    fragments = [form.make_fragment(unquote(path), filesystem=files, partition_expression=condition) for path, condition in told]
    return ds.FileSystemDataset(fragments, schema, form, files)


def _conditions(actions: pa.Table, partition_by: list[str], schema: pa.Schema) -> Iterator[ds.Expression]:
    """What holds for every row of each file: its partition, and the bounds of the columns that have no nulls."""
    known: list[list[ds.Expression]] = [[] for _ in range(actions.num_rows)]
    for name in partition_by:
        values = pc.struct_field(actions["partition"].combine_chunks(), name).cast(schema.field(name).type)
        for told, value in zip(known, values, strict=True):
            told.append(ds.field(name) == value if value.is_valid else ds.field(name).is_null())
    for name in SKIPPING:
        lowest, highest, nulls = (_stated(actions, what, name) for what in ("min", "max", "null_count"))
        if name in partition_by or name not in schema.names or lowest is None or highest is None or nulls is None:
            continue
        for told, least, greatest, count in zip(known, lowest, highest, nulls, strict=True):
            if count.as_py() == 0 and least.is_valid and greatest.is_valid:
                told.append((ds.field(name) >= least) & (ds.field(name) <= greatest))
    for told in known:
        yield reduce(and_, told) if told else ds.scalar(True)


def _stated(actions: pa.Table, what: str, name: str) -> pa.Array | None:
    """A statistic of a column, one value a file; None where the log has none."""
    if what not in actions.column_names or name not in {field.name for field in actions.schema.field(what).type}:
        return None
    return pc.struct_field(actions[what].combine_chunks(), name)


def arrow(lake: str, name: str, columns: Sequence[str] | None = None, filters: ds.Expression | None = None) -> pa.Table:
    """The rows of a table, some columns or all, that match an Arrow expression."""
    table = open_table(lake, name)
    with _translated(lake, name):
        return dataset(table).to_table(columns=list(columns) if columns else None, filter=filters)


def count(lake: str, name: str) -> int:
    """Number of rows by the log's statistics: reads no data. 0 where the table is not there yet."""
    if not exists(lake, name):
        return 0
    table = open_table(lake, name)
    with _translated(lake, name):
        counts = pa.table(table.get_add_actions(flatten=True))["num_records"]
    return sum(number for number in counts.to_pylist() if number is not None)
