"""Write tables of a lake: rows and the positions they bring a table to become visible in one commit.

A table may have fewer columns than the catalogue, or more: another process may run an older or a newer one. Columns that it lacks
are added (a commit of the log alone), rows that lack a column are null there. No file is rewritten and nobody stops.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, PostCommitHookProperties, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, SchemaMismatchError
from deltalake.schema import Schema
from deltalake.transaction import AddAction, RemoveAction

from contracts.errors import Terminal, Transient
from lakehouse.files import HOT, Storage, write
from lakehouse.positions import Position, Source, commit_properties, position
from lakehouse.reader import address
from lakehouse.tables import PARTITIONED_BY, SCHEMAS

_PROPERTIES = WriterProperties(compression="ZSTD", compression_level=1)
_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
"""Expired parts of the log go away in upkeep, not while rows wait."""
_ATTEMPTS = 20
_CONFIGURATION = {"delta.checkpointInterval": "20", "delta.logRetentionDuration": "interval 7 days"}
"""Whoever opens or commits reads the log's entries behind the newest checkpoint: with 200 of them a commit costs three times as much."""


def ensure(lake: str, names: Iterable[str]) -> None:
    """Make the tables that are not there yet, and add the columns that those which are there lack."""
    for name in names:
        try:
            if DeltaTable.is_deltatable(address(lake, name)):
                fit(DeltaTable(address(lake, name)), name)
            else:
                DeltaTable.create(address(lake, name), SCHEMAS[name], mode="ignore", partition_by=PARTITIONED_BY[name], configuration=_CONFIGURATION)
        except (DeltaError, OSError) as error:
            raise _broken(name, error) from error


def append(table: DeltaTable, name: str, rows: pa.Table, reached: Mapping[Source, Position]) -> None:
    """Add rows together with the positions they reach. `table` is at the new version afterwards.

    Raises Terminal where another writer has moved the same positions meanwhile: two writers own one source.
    """
    how, partition_by = commit_properties(reached), PARTITIONED_BY[name]
    data = rows.select(SCHEMAS[name].names).cast(SCHEMAS[name])
    try:
        added: list[AddAction | RemoveAction] = [*write(Storage(table), data, partition_by, HOT)]
    except OSError as error:
        raise _broken(name, error) from error

    def commit() -> None:
        fit(table, name)
        table.create_write_transaction(added, "append", table.schema(), partition_by, commit_properties=how, post_commithook_properties=_HOOKS)

    _attempt(table, name, reached, commit)


def replace(table: DeltaTable, name: str, rows: pa.Table, predicate: str, reached: Mapping[Source, Position]) -> None:
    """Put rows in the place of those that match `predicate` (on partition columns), together with the positions."""
    how, data = commit_properties(reached), rows.select(SCHEMAS[name].names).cast(SCHEMAS[name])

    def commit() -> None:
        fit(table, name)
        given = padded(data, table)
        write_deltalake(
            table,
            given,
            mode="overwrite",
            predicate=predicate,
            writer_properties=_PROPERTIES,
            commit_properties=how,
            post_commithook_properties=_HOOKS,
        )

    _attempt(table, name, reached, commit)


def fit(table: DeltaTable, name: str) -> None:
    """Add the columns that the catalogue has and the table lacks. Raises Terminal where it is another table altogether."""
    held = {field.name: field.type for field in table.schema().fields}
    missing = [field for field in SCHEMAS[name] if field.name not in held or _is_wider(field.type, held[field.name])]
    if missing:
        if table.metadata().partition_columns != PARTITIONED_BY[name]:
            raise Terminal(f"table {name} cannot be written: it is of another version of voltlake; rebuild it, or move it away")
        table.alter.add_columns(list(Schema.from_arrow(pa.schema(missing)).fields))


def _is_wider(wanted: pa.DataType, held: Any) -> bool:
    return pa.types.is_struct(wanted) and not {field.name for field in wanted} <= {field.name for field in held.fields}


def padded(rows: pa.Table, table: DeltaTable) -> pa.Table:
    """The rows with the columns, and the fields of structs, that only the table knows, as nulls."""
    for field in pa.schema(table.schema().to_arrow()):
        if field.name not in rows.column_names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
        elif pa.types.is_struct(field.type) and rows.schema.field(field.name).type != field.type:
            rows = rows.set_column(rows.schema.get_field_index(field.name), field, rows[field.name].cast(field.type))
    return rows


def _attempt(table: DeltaTable, name: str, reached: Mapping[Source, Position], change: Callable[[], None]) -> None:
    """Do it and come to the newest version; again where somebody changed the columns meanwhile, but not the positions."""
    for left in reversed(range(_ATTEMPTS)):
        try:
            change()
            table.update_incremental()
        except CommitFailedError as error:
            stood = {source: position(table, source) for source in reached}
            table.update_incremental()
            moved = any(position(table, source) != at for source, at in stood.items())
            if "Metadata changed" not in str(error) or moved or not left:
                raise Terminal(f"table {name}: another writer owns the same Kafka positions; run one writer a partition ({error})") from error
        except (DeltaError, OSError) as error:
            raise _broken(name, error) from error
        else:
            return


def _broken(name: str, error: Exception) -> Transient | Terminal:
    """Transient where waiting may help; a full disk or a table of another version needs a person."""
    text = f"table {name} cannot be written: {error}"
    if "No space left" in str(error):
        return Terminal(text + "; free some disk space")
    if isinstance(error, SchemaMismatchError) or "Cannot cast schema" in str(error):
        return Terminal(text + "; it is of another version of voltlake: rebuild it, or move it away")
    return Transient(text)
