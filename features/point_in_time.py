"""Which row was the newest at an instant: one sort and one search, or DuckDB's ASOF join over Arrow, on narrow columns only. Pure.

The answer is the number of a row, so that the caller takes the wide columns once, as they are, to the last bit.
Times are whole microseconds since the epoch.

A row r answers a question q where their keys are equal, `r.at <= q.at`, `r.at + ttl >= q.at`, and, where q has a
`known_until`, `r.known <= q.known_until`. Of several the greatest `(at, known)` wins, a null `known` last, then the last row.
"""

import tempfile
from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features import sorted_search

PLACE = "place"
AT = "at"
KNOWN = "known"
KNOWN_UNTIL = "known_until"

# By event time alone. One row a key and instant: the one known last.
_BY_EVENT = """
WITH newest AS (
    SELECT * FROM rows QUALIFY row_number() OVER (PARTITION BY {keys}, "at" ORDER BY known DESC NULLS LAST, place DESC) = 1
)
SELECT q.place, r.place AS found
FROM questions q ASOF LEFT JOIN newest r ON {equal} AND q."at" >= r."at"
WHERE q.known_until IS NULL
"""
# As it was lived: known until the very instant that is asked for. A row counts from greatest(at, known) on. In that order
# only rows that are the newest so far can ever be an answer; of those that count from the same moment, the last one.
_AS_LIVED = """
WITH lived AS (
    SELECT *, greatest("at", known) AS since FROM rows WHERE known IS NOT NULL
), records AS (
    SELECT * FROM lived
    WINDOW before AS (PARTITION BY {keys} ORDER BY since, "at", known, place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        sofar AS (PARTITION BY {keys} ORDER BY since, "at", known, place)
    QUALIFY coalesce("at" >= max("at") OVER before, true) AND coalesce(since <> lead(since) OVER sofar, true)
)
SELECT q.place, r.place AS found
FROM questions q ASOF LEFT JOIN records r ON {equal} AND q."at" >= r.since
WHERE q.known_until = q."at"
"""
# Any other limit: every pair, so its cost is the number of rows within the ttl.
_BY_LIMIT = """
SELECT q.place, r.place AS found
FROM questions q JOIN rows r ON {equal} AND r."at" <= q."at" AND r.known <= q.known_until AND r."at" >= q."at" - {ttl}
WHERE q.known_until <> q."at"
QUALIFY row_number() OVER (PARTITION BY q.place ORDER BY r."at" DESC, r.known DESC, r.place DESC) = 1
"""
_LATEST = """
SELECT place FROM rows QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY "at" DESC, known DESC NULLS LAST, place DESC) = 1 ORDER BY place
"""
_ENDLESS_US = 1 << 61


def match(questions: pa.Table, rows: pa.Table, keys: Sequence[str], ttl_us: int | None) -> pa.Array:
    """For each question the number of the row that answers it, null where none does.

    questions: `at`, `known_until` (null: no limit), and the keys. rows: `at`, `known` (may be null), and the keys, of the same types.
    No key at all is allowed: then all rows are about the same thing. ttl_us None: a row never expires.
    """
    found = np.full(questions.num_rows, -1, np.int64)
    if questions.num_rows and rows.num_rows:
        left = _searched(found, questions, rows, keys)
        if len(left):
            some = pa.array(left)
            found[left] = _joined(questions.take(some), rows, keys, ttl_us)
        if ttl_us is not None:
            there = np.flatnonzero(found >= 0)
            old = rows[AT].to_numpy()[found[there]] + ttl_us < questions[AT].to_numpy()[there]
            found[there[old]] = -1
    return pa.array(found, mask=found < 0)


def _searched(found: np.ndarray, questions: pa.Table, rows: pa.Table, keys: Sequence[str]) -> np.ndarray:
    """Fill in what one sort and one search answer; the questions that are left."""
    prepared = sorted_search.prepare(questions, rows, keys)
    if prepared is None:
        return np.arange(questions.num_rows)
    limits = questions[KNOWN_UNTIL].cast(pa.int64())
    free = limits.is_null().to_numpy()
    lived = pc.fill_null(pc.equal(limits, questions[AT]), False).to_numpy()
    for chosen, answer in ((np.flatnonzero(free), sorted_search.by_event), (np.flatnonzero(lived), sorted_search.as_lived)):
        if len(chosen):
            found[chosen] = answer(prepared, chosen)
    return np.flatnonzero(~free & ~lived)


def _joined(questions: pa.Table, rows: pa.Table, keys: Sequence[str], ttl_us: int | None) -> np.ndarray:
    """The same by joins in DuckDB, for any key and any limit."""
    found = np.full(questions.num_rows, -1, np.int64)
    asked, given, names = _numbered(questions, keys), _numbered(rows, keys), _names(keys)
    equal = " AND ".join(f"q.{name} = r.{name}" for name in names)
    with _session() as session:
        session.register("questions", asked)
        session.register("rows", given)
        for sql in _needed(questions):
            text = sql.format(keys=", ".join(names), equal=equal, ttl=_ENDLESS_US if ttl_us is None else ttl_us)
            answers = session.sql(text).to_arrow_table()
            answers = answers.filter(answers["found"].is_valid())
            found[answers[PLACE].to_numpy()] = answers["found"].to_numpy()
    return found


def latest(rows: pa.Table, keys: Sequence[str]) -> pa.Array:
    """The numbers of the newest row a key, ascending. rows as for `match`."""
    with _session() as session:
        session.register("rows", _numbered(rows, keys))
        return session.sql(_LATEST.format(keys=", ".join(_names(keys)))).to_arrow_table()[PLACE].combine_chunks()


def _needed(questions: pa.Table) -> list[str]:
    """The statements that answer at least one question; each question is answered by exactly one."""
    limits = questions[KNOWN_UNTIL]
    lived = pc.sum(pc.equal(limits, questions[AT])).as_py() or 0
    counts = {_BY_EVENT: limits.null_count, _AS_LIVED: lived, _BY_LIMIT: len(limits) - limits.null_count - lived}
    return [sql for sql, count in counts.items() if count]


def _names(keys: Sequence[str]) -> list[str]:
    return [f"k{number}" for number in range(max(len(keys), 1))]


def _numbered(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Keys as k0, k1, … (a constant where there is none), the times, and each row's number."""
    columns = {f"k{number}": table[key] for number, key in enumerate(keys)} or {"k0": pa.nulls(table.num_rows, pa.int8()).fill_null(0)}
    times = {name: table[name] for name in (AT, KNOWN, KNOWN_UNTIL) if name in table.column_names}
    return pa.table({**columns, **times, PLACE: np.arange(table.num_rows)})


def _session() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"temp_directory": tempfile.gettempdir()})
