"""Write tables of a lake: rows and the positions they bring a table to become visible in one commit."""

from collections.abc import Callable, Iterable, Mapping

import pyarrow as pa
from deltalake import DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, SchemaMismatchError

from contracts.errors import Terminal, Transient
from lakehouse.positions import Position, Source, commit_properties
from lakehouse.reader import address
from lakehouse.tables import PARTITIONED_BY, SCHEMAS

_PROPERTIES = WriterProperties(compression="ZSTD", compression_level=1)


def ensure(lake: str, names: Iterable[str]) -> None:
    """Make the tables that are not there yet."""
    for name in names:
        try:
            if not DeltaTable.is_deltatable(address(lake, name)):
                settings = {"delta.checkpointInterval": "200", "delta.logRetentionDuration": "interval 7 days"}
                DeltaTable.create(address(lake, name), SCHEMAS[name], mode="ignore", partition_by=PARTITIONED_BY[name], configuration=settings)
        except (DeltaError, OSError) as error:
            raise _broken(name, error) from error


def append(table: DeltaTable, name: str, rows: pa.Table, reached: Mapping[Source, Position]) -> None:
    """Add rows together with the positions they reach. `table` is at the new version afterwards.

    Raises Terminal where another writer has moved the same positions meanwhile: two writers own one source.
    """
    how, data = commit_properties(reached), _columns(name, rows)
    _commit(table, name, lambda: write_deltalake(table, data, mode="append", writer_properties=_PROPERTIES, commit_properties=how))


def replace(table: DeltaTable, name: str, rows: pa.Table, predicate: str, reached: Mapping[Source, Position]) -> None:
    """Put rows in the place of those that match `predicate` (on partition columns), together with the positions."""
    how, data = commit_properties(reached), _columns(name, rows)
    _commit(
        table,
        name,
        lambda: write_deltalake(table, data, mode="overwrite", predicate=predicate, writer_properties=_PROPERTIES, commit_properties=how),
    )


def _columns(name: str, rows: pa.Table) -> pa.Table:
    return rows.select(SCHEMAS[name].names).cast(SCHEMAS[name])


def _commit(table: DeltaTable, name: str, write: Callable[[], None]) -> None:
    try:
        write()
        table.update_incremental()
    except CommitFailedError as error:
        raise Terminal(f"table {name}: another writer owns the same Kafka positions; run one writer a partition ({error})") from error
    except (DeltaError, OSError) as error:
        raise _broken(name, error) from error


def _broken(name: str, error: Exception) -> Transient | Terminal:
    """Transient where waiting may help; a full disk or a table of another version needs a person."""
    text = f"table {name} cannot be written: {error}"
    if "No space left" in str(error):
        return Terminal(text + "; free some disk space")
    if isinstance(error, SchemaMismatchError) or "Cannot cast schema" in str(error):
        return Terminal(text + "; it is of another version of voltlake: rebuild it, or move it away")
    return Transient(text)
