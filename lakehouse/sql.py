"""SQL over a lake: DuckDB on the Delta tables, reading only."""

import re
import tempfile
import threading

import duckdb
import pyarrow as pa

from contracts.errors import Terminal
from lakehouse.history import at
from lakehouse.reader import dataset, exists, open_table
from lakehouse.tables import SCHEMAS

SPILL = "4GB"
"""What does not fit into memory goes to the system's folder for temporary files, so much at most."""


def query(lake: str, sql: str, *, as_of: str | None = None, seconds: float = 60, memory: str = "2GB") -> pa.Table:
    """The answer to one SELECT; tables are called `layer.table`. Raises Terminal with what is wrong with the question.

    Nothing outside the lake can be read or written by it; it ends after `seconds` and within `memory`. `as_of` is an instant in
    ISO 8601, or a version where one table is asked: the tables are read as they were.
    """
    if not re.fullmatch(r"[0-9.]+ *[KMGT]i?B", memory):
        raise Terminal(f"{memory!r} is no amount of memory; one looks like 2GB")
    limits: dict[str, str | bool | int | float | list[str]] = {"memory_limit": memory, "threads": 2, "max_temp_directory_size": SPILL}
    with tempfile.TemporaryDirectory(prefix="voltlake-query-") as spill, duckdb.connect(config={**limits, "temp_directory": spill}) as connection:
        for name in SCHEMAS:
            if re.search(rf"\b{re.escape(name)}\b", sql) and exists(lake, name):
                layer, table = name.split(".")
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
                opened = open_table(lake, name) if as_of is None else at(lake, name, as_of)
                connection.register(f"_{layer}_{table}", dataset(opened))
                connection.execute(f'CREATE VIEW {layer}.{table} AS SELECT * FROM "_{layer}_{table}"')  # noqa: S608 - our own names
        connection.execute("SET enable_external_access=false; SET lock_configuration=true")
        return _ask(connection, sql, seconds, lake)


def _ask(connection: duckdb.DuckDBPyConnection, sql: str, seconds: float, lake: str) -> pa.Table:
    timer = threading.Timer(seconds, connection.interrupt)
    timer.start()
    try:
        statements = connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise Terminal("give one SELECT: the lake is only read")
        return connection.sql(sql).to_arrow_table()
    except duckdb.InterruptException:
        raise Terminal(f"the query took longer than {seconds:g} s and was stopped; narrow it down") from None
    except duckdb.OutOfMemoryException:
        raise Terminal("the query needs more memory than it may use; narrow it down, or allow more") from None
    except duckdb.CatalogException as error:
        there = ", ".join(name for name in SCHEMAS if exists(lake, name)) or "none yet"
        raise Terminal(f"{str(error).splitlines()[0]}. Tables in this lake: {there}") from None
    except duckdb.Error as error:
        raise Terminal(str(error).splitlines()[0]) from None
    finally:
        timer.cancel()
