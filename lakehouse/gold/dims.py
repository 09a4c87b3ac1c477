"""The dimensions of a lake: load a registry, read the newest state."""

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from contracts.errors import Transient
from lakehouse import writer
from lakehouse.gold import dimensions
from lakehouse.gold.facts import AsOf
from lakehouse.reader import dataset, open_table

_LOADED = "gold/loaded"
_ATTEMPTS = 20
TABLES = ("gold.dim_vehicle", "gold.dim_model", "gold.dim_date")


class Dimensions:
    """`dim_vehicle` as it is now; `refresh` says whether it has changed. `version` grows with every load."""

    def __init__(self, lake: str) -> None:
        self._table: DeltaTable = open_table(lake, "gold.dim_vehicle")
        self._read()

    def refresh(self) -> bool:
        """Look again; true where there is a new version."""
        self._table.update_incremental()
        if _number(self._table) == self.version:
            return False
        self._read()
        return True

    def _read(self) -> None:
        rows = dataset(self._table).to_table(columns=dimensions.VEHICLE.names).cast(dimensions.VEHICLE)
        self.version = _number(self._table)
        self.as_of: AsOf = dimensions.as_of(rows)
        self.models = dimensions.models(rows)


def ensure(lake: str) -> None:
    """Make the dimensions; the calendar is filled at once."""
    writer.ensure(lake, TABLES)
    calendar = open_table(lake, "gold.dim_date")
    if not _number(calendar):
        _write(calendar, dimensions.date_rows())


def load(lake: str, registry: Sequence[dimensions.Row], since: datetime) -> int:
    """Take a registry in as true from `since` on; how many versions of vehicles are new or changed. Two at a time follow each other."""
    ensure(lake)
    for _ in range(_ATTEMPTS):
        table = open_table(lake, "gold.dim_vehicle")
        before = dataset(table).to_table(columns=dimensions.VEHICLE.names).cast(dimensions.VEHICLE)
        after = dimensions.loaded(before, registry, since)
        known = {str(row) for row in before.to_pylist()}
        changed = sum(str(row) not in known for row in after.to_pylist())
        if not changed or (_write(table, after) and _write(open_table(lake, "gold.dim_model"), dimensions.model_rows(after))):
            return changed
    raise Transient("gold.dim_vehicle is being loaded by others all the time; try again")


def _number(table: DeltaTable) -> int:
    """How many times it was loaded. Not the table's version: upkeep makes versions too."""
    return table.transaction_version(_LOADED) or 0


def _write(table: DeltaTable, rows: pa.Table) -> bool:
    """Put rows in the place of all; False where another load came first."""
    how = CommitProperties(app_transactions=[Transaction(_LOADED, _number(table) + 1)])
    try:
        write_deltalake(table, rows, mode="overwrite", commit_properties=how)
    except CommitFailedError:
        return False
    except (DeltaError, OSError) as error:
        raise Transient(f"the table {table.table_uri} cannot be written: {error}") from error
    return True
