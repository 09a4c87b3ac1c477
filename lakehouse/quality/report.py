"""The day's report: of what Kafka took in on a day, what became of it, and which rules had something to say.

A record belongs to the day (UTC) of its Kafka timestamp in all tables, so that the counts add up:
`taken = rows + refused + duplicates + waiting`.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from contracts.errors import Terminal
from contracts.identity import KINDS, Kind
from contracts.quality import REPLAYED, RULES
from lakehouse.positions import position
from lakehouse.reader import exists, open_table
from lakehouse.sql import query
from lakehouse.tables import BRONZE_OF, SILVER_OF
from lakehouse.tail import sources

_DAY_MS = 86_400_000
_DAY = f"epoch_ms(kafka_ts) // {_DAY_MS}"
_SECONDS = 600.0


class Day(msgspec.Struct, kw_only=True):
    """One kind on one day. `refused` counts quarantined records by reason, `marked` rows by rule; a repaired row counts as marked too.

    `duplicates` had been seen before; `waiting` stand in bronze and were not yet read by silver.
    """

    day: str
    kind: Kind
    taken: int = 0
    rows: int = 0
    duplicates: int = 0
    waiting: int = 0
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    marked: dict[str, int] = msgspec.field(default_factory=dict)


def days(lake: str, only: str | None = None) -> list[Day]:
    """A report a kind and day that has records, oldest first; of one day, `YYYY-MM-DD`, where `only` is set."""
    where = _where(only)
    found: dict[tuple[int, Kind], Day] = {}
    for kind in KINDS:
        if all(exists(lake, name) for name in (BRONZE_OF[kind], SILVER_OF[kind], "silver.quarantine")):
            _count(lake, kind, where, found)
    return [found[key] for key in sorted(found)]


def rules() -> dict[str, str]:
    """What each name in `marked` and `refused` says, for people."""
    return {rule.name: rule.says for rule in RULES} | {REPLAYED: "came back out of quarantine", "unknown_signal": "a signal that the catalogue lacks"}


def _where(only: str | None) -> str:
    if only is None:
        return "true"
    try:
        day = datetime.strptime(only, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Terminal(f"{only!r} is no day; a day looks like 2026-01-31") from None
    first = day - datetime.fromtimestamp(0, UTC)
    return f"{_DAY} = {first // timedelta(days=1)}"


def _count(lake: str, kind: Kind, where: str, found: dict[tuple[int, Kind], Day]) -> None:
    silver = open_table(lake, SILVER_OF[kind])
    # Everything is counted up to where silver was when it was asked, so that what comes meanwhile does not look refused.
    reached = [(source, position(silver, source).offset) for source in sorted(sources(open_table(lake, BRONZE_OF[kind])))]
    if not reached:
        return
    places = ", ".join(f"('{source.cluster}', '{source.topic_id}', {source.partition}, {offset})" for source, offset in reached)
    join = 'p.cluster = t.cluster AND p.topic_id = t.topic_id AND p.part = t."partition"'
    of = f"FROM {{}} AS t JOIN (VALUES {places}) AS p(cluster, topic_id, part, reached) ON {join} WHERE {where}"
    until = f'{of} AND t."offset" <= p.reached'
    rows, refused = until.format(SILVER_OF[kind]), f"{until.format('silver.quarantine')} AND kind = '{kind}'"
    waiting = 'count(*) FILTER (t."offset" > p.reached)'
    day_of = partial(_day, kind, found)
    for row in _ask(lake, f"SELECT {_DAY} AS day, count(*) AS n, {waiting} AS waiting {of.format(BRONZE_OF[kind])} GROUP BY 1"):
        day_of(row).taken, day_of(row).waiting = row["n"], row["waiting"]
    for row in _ask(lake, f"SELECT {_DAY} AS day, count(*) AS n {rows} GROUP BY 1"):
        day_of(row).rows = row["n"]
    marked = f"SELECT kafka_ts, unnest(marks) AS name {rows}"
    if kind == "telemetry":
        marked += f" UNION ALL SELECT kafka_ts, 'unknown_signal' {rows} AND unknown_signals IS NOT NULL"
    by_name = f"SELECT {_DAY} AS day, name, count(*) AS n FROM ({marked}) GROUP BY ALL ORDER BY ALL"  # noqa: S608 - our own names
    for row in _ask(lake, by_name):
        day_of(row).marked[row["name"]] = row["n"]
    for row in _ask(lake, f"SELECT {_DAY} AS day, reason, count(*) AS n {refused} GROUP BY ALL ORDER BY ALL"):
        day_of(row).refused[row["reason"]] = row["n"]
    for day in (day for day in found.values() if day.kind == kind):
        day.duplicates = day.taken - day.waiting - day.rows - sum(day.refused.values())


def _day(kind: Kind, found: dict[tuple[int, Kind], Day], row: dict[str, Any]) -> Day:
    text = datetime.fromtimestamp(row["day"] * _DAY_MS / 1000, UTC).strftime("%Y-%m-%d")
    return found.setdefault((row["day"], kind), Day(day=text, kind=kind))


def _ask(lake: str, question: str) -> list[dict[str, Any]]:
    return query(lake, question, seconds=_SECONDS).to_pylist()
