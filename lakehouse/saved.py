"""Tables that people save beside the road's own, in the layer `saved`: feature sets, pushed features. Plain Delta, no Kafka positions."""

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from contracts.errors import Terminal, Transient
from lakehouse.reader import address, exists

LAYER = "saved"


def is_saved(name: str) -> bool:
    """Whether a name `layer.table` is one of a saved table."""
    layer, _, table = name.partition(".")
    return layer == LAYER and table.isidentifier()


def open_saved(lake: str, name: str) -> DeltaTable:
    """The newest state of a saved table. Raises Terminal where there is none, Transient where it cannot be read."""
    try:
        return DeltaTable(address(lake, _checked(name)))
    except TableNotFoundError:
        raise Terminal(f"there is no table {name} in the lake {lake}; save it first") from None
    except (DeltaError, OSError) as error:
        raise Transient(f"table {name} in the lake {lake} cannot be read: {error}") from error


def save(lake: str, name: str, rows: pa.Table, *, overwrite: bool) -> None:
    """Make the table with these rows, or add them to it, or put them in its place, in one commit.

    Raises Terminal where the name is not one of a saved table or the columns are not the table's, Transient where the lake does not take it.
    """
    place = address(lake, _checked(name))
    try:
        if exists(lake, name) and not overwrite:
            wanted = pa.schema(DeltaTable(place).schema().to_arrow())
            rows = _fitted(name, rows, wanted)
        write_deltalake(place, rows, mode="overwrite" if overwrite else "append", schema_mode="overwrite" if overwrite else None)
    except (DeltaError, OSError) as error:
        raise Transient(f"table {name} cannot be written: {error}") from error


def _fitted(name: str, rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    if set(rows.column_names) != set(wanted.names):
        raise Terminal(f"table {name} has the columns {', '.join(wanted.names)}; given are {', '.join(rows.column_names)}")
    try:
        return rows.select(wanted.names).cast(wanted)
    except pa.ArrowInvalid as error:
        raise Terminal(f"table {name} cannot take these values: {error}") from None


def _checked(name: str) -> str:
    if not is_saved(name):
        raise Terminal(f"{name!r} is not a name of a saved table; it looks like {LAYER}.my_features")
    return name
