"""Gold as the pages read it: tables that stay open between questions, and an honest nothing where one is not made yet."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from contracts.errors import Terminal, Transient
from lakehouse import reader, saved
from lakehouse.tables import SCHEMAS, TIME

LONGEST_MS = 400 * 24 * 3600 * 1000


class Span:
    """A time range, `from_ms` included and `to_ms` not. Raises Terminal where it is empty or longer than 400 days."""

    def __init__(self, from_ms: int, to_ms: int) -> None:
        if not 0 < to_ms - from_ms <= LONGEST_MS:
            raise Terminal("a time range begins before it ends, and is at most 400 days")
        self.from_ms, self.to_ms = from_ms, to_ms

    @property
    def first(self) -> datetime:
        """Its beginning."""
        return datetime.fromtimestamp(self.from_ms / 1000, UTC)

    @property
    def last(self) -> datetime:
        """Its end."""
        return datetime.fromtimestamp(self.to_ms / 1000, UTC)

    def dates(self, before_days: int = 0) -> ds.Expression:
        """The partitions that can hold its rows; some days earlier too, where a row is filed under the day on which it began."""
        since = (self.first - timedelta(days=before_days)).date().isoformat()
        return (ds.field("date") >= since) & (ds.field("date") <= self.last.date().isoformat())

    def holds(self, column: str) -> ds.Expression:
        """Rows whose time is within."""
        return (ds.field(column) >= pa.scalar(self.first, TIME)) & (ds.field(column) < pa.scalar(self.last, TIME))


class Lake:
    """Tables of one lake, for all threads."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._open: dict[str, Any] = {}
        self._sets: dict[str, tuple[int, ds.Dataset]] = {}

    def dataset(self, name: str) -> ds.Dataset | None:
        """The newest state of a table; None where it is not made yet."""
        with self._lock:
            table = self._open.get(name)
            if table is None:
                if name not in SCHEMAS or not reader.exists(self._address, name):
                    return None
                table = self._open[name] = reader.open_table(self._address, name)
            elif not reader.refreshed(table):
                self._sets.pop(name, None)  # it was made anew, or is gone
                del self._open[name]
                return None
            known = self._sets.get(name)
            if known is None or known[0] != table.version():
                known = self._sets[name] = (table.version(), reader.dataset(table))
            return known[1]

    def rows(self, name: str, columns: Sequence[str], where: ds.Expression | None = None) -> pa.Table:
        """Some columns of the rows that match. Raises Transient where a file vanished while it was read."""
        found = self.dataset(name)
        if found is None:
            return pa.schema([SCHEMAS[name].field(column) for column in columns]).empty_table() if name in SCHEMAS else pa.table({})
        try:
            return found.to_table(columns=list(columns), filter=where)
        except (OSError, pa.ArrowException) as error:
            raise Transient(f"{name} cannot be read just now: {error}") from error

    def saved(self, name: str) -> pa.Table | None:
        """A table that somebody saved, whole; None where there is none. Raises Transient where it cannot be read."""
        try:
            return reader.dataset(saved.open_saved(self._address, name)).to_table()
        except Terminal:
            return None
        except (OSError, pa.ArrowException) as error:
            raise Transient(f"{name} cannot be read just now: {error}") from error

    def sql(self, asked: str, **tables: pa.Table) -> pa.Table:
        """The answer of DuckDB to a question over some Arrow tables."""
        with duckdb.connect() as connection:
            connection.execute("SET threads = 1; SET TimeZone = 'UTC'")
            for name, table in tables.items():
                connection.register(name, table)
            return connection.sql(asked).to_arrow_table()


def columns(table: pa.Table) -> dict[str, list[Any]]:
    """An Arrow table as JSON has it: times as whole milliseconds."""
    out = {}
    for name in table.column_names:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.int64())
        out[name] = column.to_pylist()
    return out
