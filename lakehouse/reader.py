"""Read the tables of a lake."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from contracts.errors import Terminal, Transient
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


def dataset(table: DeltaTable) -> ds.Dataset:
    """The rows of a table as an Arrow dataset that skips files by their statistics."""
    return table.to_pyarrow_dataset()


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
