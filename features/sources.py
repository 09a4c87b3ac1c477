"""Rows of a feature view's source: a table of the lake, by the name that stands as its path."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from feast.data_format import DeltaFormat
from feast.data_source import DataSource
from feast.infra.offline_stores.file_source import FileSource

from contracts.errors import Terminal
from features import computed, shaped
from lakehouse import reader, saved
from lakehouse.tables import SCHEMAS

KNOWN_BY = "known_by"
ENTITY_TIME = "entity_time"
"""Tag of a source whose rows count at an instant only where their created timestamp lies at or before it too."""

_FEW = 1000


def table_name(source: DataSource) -> str:
    """The table `layer.table` that a source reads. Raises Terminal for a source that is no table of a lake."""
    if not isinstance(source, FileSource) or not isinstance(source.file_format, DeltaFormat):
        raise Terminal(f"source {source.name} is no Delta table; give FileSource(path='layer.table', file_format=DeltaFormat(), …)")
    if source.path not in SCHEMAS and not saved.is_saved(source.path):
        raise Terminal(f"source {source.name}: there is no table {source.path!r}; there are {', '.join(SCHEMAS)}, and {saved.LAYER}.NAME")
    return source.path


def schema(lake: str, source: DataSource) -> pa.Schema:
    """The columns of a source's table; of the road's own tables also before they are made."""
    name = table_name(source)
    made_by = computed_by(source)
    if made_by:
        return computed.schema(made_by)
    shape = shaped_by(source)
    if shape:
        return shaped.schema(shape)
    return SCHEMAS[name] if name in SCHEMAS else _dataset(lake, name).schema


def computed_by(source: DataSource) -> str | None:
    """The computed view that a source stands for; None for rows that are stored. Raises Terminal for one that this version does not know."""
    name = source.tags.get(computed.COMPUTED)
    if name is not None and name not in computed.VIEWS:
        raise Terminal(f"source {source.name} is computed as {name!r}, which this version does not know: run `voltlake features apply`")
    return name


def shaped_by(source: DataSource) -> str | None:
    """The shape that a source's facts are read in; None for rows as they are. Raises Terminal for one that this version does not know."""
    name = source.tags.get(shaped.SHAPED)
    if name is not None and name not in shaped.SHAPES:
        raise Terminal(f"source {source.name} is shaped as {name!r}, which this version does not know: run `voltlake features apply`")
    return name


def rows(lake: str, source: DataSource, columns: Iterable[str], matching: ds.Expression | None = None) -> pa.Table:
    """Columns of a source, called as the features are, that match an expression over the table's own columns.

    Raises Terminal naming a column that the table lacks, Transient where the table is not there yet.
    """
    name = table_name(source)
    own = [own_name(source, column) for column in columns]
    shape = shaped_by(source)
    data = ds.InMemoryDataset(shaped.rows(lake, shape)) if shape else _dataset(lake, name)
    missing = [column for column in own if column not in data.schema.names]
    if missing:
        raise Terminal(f"table {name} has no column {', '.join(missing)}; apply the feature repo of this version")
    return data.to_table(columns=dict(zip(columns, map(ds.field, own), strict=True)), filter=matching)


def size(lake: str, source: DataSource, columns: int) -> int:
    """Bytes that so many columns of a source take in memory at least, by the log's statistics; 0 for rows that are shaped."""
    name = table_name(source)
    if shaped_by(source) or not reader.exists(lake, name):
        return 0
    counts = pa.table(_table(lake, name).get_add_actions(flatten=True))["num_records"]
    return (pc.sum(counts).as_py() or 0) * columns * 8


def dataset(lake: str, source: DataSource) -> ds.Dataset:
    """The rows of a stored source, unread."""
    return _dataset(lake, table_name(source))


def own_name(source: DataSource, column: str) -> str:
    """What the table calls a column that features know by another name."""
    return next((own for own, mapped in source.field_mapping.items() if mapped == column), column)


def between(lake: str, source: DataSource, time: str, first_us: int | None, last_us: int | None) -> ds.Expression | None:
    """Rows whose time lies in a closed interval; None stands for no limit. Pushed down to the files' statistics.

    `time` is the column of event times; one without a zone is in UTC.
    """
    column = own_name(source, time)
    wanted = schema(lake, source)
    naive = column in wanted.names and getattr(wanted.field(column).type, "tz", "UTC") is None
    field = ds.field(column)
    bounds = [field >= _instant(first_us, naive)] if first_us is not None else []
    bounds += [field <= _instant(last_us, naive)] if last_us is not None else []
    return both(*bounds)


def about(column: str, values: pa.ChunkedArray) -> ds.Expression | None:
    """Rows about a few values of a key; None where there are too many to be worth asking."""
    some = pc.unique(values)
    return ds.field(column).isin(some) if len(some) <= _FEW else None


def both(*conditions: ds.Expression | None) -> ds.Expression | None:
    """All of those conditions that there are."""
    found: ds.Expression | None = None
    for condition in conditions:
        if condition is not None:
            found = condition if found is None else found & condition
    return found


def write(lake: str, source: DataSource, table: pa.Table) -> None:
    """Add rows, called as the features are or as the table's columns are.

    Raises Terminal for a table of the road: each of those has one writer, and its promise would be broken.
    """
    name = table_name(source)
    if not saved.is_saved(name):
        raise Terminal(f"table {name} is written by the road alone; push to a source whose path is {saved.LAYER}.NAME")
    saved.save(lake, name, table.rename_columns([own_name(source, column) for column in table.column_names]), overwrite=False)


def micros(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whole microseconds since the epoch. A timestamp without a zone is taken as UTC."""
    unit = pa.timestamp("us", tz=column.type.tz) if pa.types.is_timestamp(column.type) else pa.timestamp("us")
    return column.cast(unit, safe=False).cast(pa.int64())


def named(columns: Sequence[str]) -> list[str]:
    """Columns without repetition, in order."""
    return list(dict.fromkeys(columns))


def _instant(micros_utc: int, naive: bool) -> pa.Scalar:
    return pa.scalar(micros_utc, pa.int64()).cast(pa.timestamp("us", tz=None if naive else "UTC"))


def _dataset(lake: str, name: str) -> ds.Dataset:
    return reader.dataset(_table(lake, name))


def _table(lake: str, name: str) -> Any:
    return saved.open_saved(lake, name) if saved.is_saved(name) else reader.open_table(lake, name)
