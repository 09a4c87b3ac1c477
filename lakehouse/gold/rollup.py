"""Keep `fleet_hourly`: the days of `vehicle_hours` that have changed are made again, whoever changed them."""

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from lakehouse.gold import commits, fleet
from lakehouse.gold.dims import Dimensions
from lakehouse.gold.hours import HOURS
from lakehouse.gold.store import DIMENSIONS
from lakehouse.reader import dataset, open_table

UPSTREAM = "gold/vehicle_hours"
COLUMNS = ["date", "hour", "region", "vehicle_key", "exact"]


class Rollup:
    """The fleet's hours out of the vehicles'. One process keeps them, whatever the number of gold flows."""

    def __init__(self, lake: str) -> None:
        self._hours, self._table = open_table(lake, HOURS.name), open_table(lake, fleet.NAME)
        self._files: dict[str, frozenset[str]] | None = None
        self._dimensions = -1

    def follow(self, dimensions: Dimensions) -> int:
        """Make the days again that have changed; how many rows these have."""
        self._hours.update_incremental()
        files = _files(self._hours)
        if self._files is None and self._in_step(dimensions):
            self._files, self._dimensions = files, dimensions.version
        known = self._files if self._dimensions == dimensions.version and self._files is not None else {}
        changed = {date for date in files.keys() | known.keys() if files.get(date) != known.get(date)}
        if not changed and self._in_step(dimensions):
            return 0
        made = commits.persistently(self._table, fleet.NAME, lambda: self._make(changed, dimensions))
        self._files, self._dimensions = files, dimensions.version
        return made

    def again(self, dimensions: Dimensions) -> int:
        """Make all days again."""
        self._files, self._dimensions = {}, dimensions.version
        return self.follow(dimensions)

    def _in_step(self, dimensions: Dimensions) -> bool:
        """Whether the table was made of the hours and the dimension as they are now."""
        table = self._table
        return table.transaction_version(UPSTREAM) == commits.number(self._hours) and table.transaction_version(DIMENSIONS) == dimensions.version

    def _make(self, dates: set[str], dimensions: Dimensions) -> int:
        rows = fleet.hourly(dataset(self._hours).to_table(columns=COLUMNS, filter=ds.field("date").isin(sorted(dates))), dimensions.models)
        marks = {UPSTREAM: commits.number(self._hours), DIMENSIONS: dimensions.version}
        named = ", ".join(repr(date) for date in sorted(dates))
        commits.replace(self._table, fleet.NAME, rows, f"date IN ({named or repr('')})", marks, {})
        return rows.num_rows


def _files(table: DeltaTable) -> dict[str, frozenset[str]]:
    """The files of each day."""
    found: dict[str, set[str]] = {}
    for row in pa.table(table.get_add_actions(flatten=True)).select(["path", "partition.date"]).to_pylist():
        found.setdefault(row["partition.date"], set()).add(row["path"])
    return {date: frozenset(paths) for date, paths in found.items()}
