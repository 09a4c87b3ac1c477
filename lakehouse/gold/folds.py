"""Every table of gold that is a fold over silver, in one shape: what a rebuild and a verification need to know of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from lakehouse import current, minutes
from lakehouse.gold import cells, facts
from lakehouse.gold.battery import BATTERY
from lakehouse.gold.exact import Reading
from lakehouse.gold.facts import AsOf, Fact
from lakehouse.gold.frames import frames
from lakehouse.gold.tables import FACTS
from lakehouse.positions import Reached, Source, clocks_of
from lakehouse.tables import MINUTE_COUNTERS, MINUTE_STATS, SCHEMAS, SILVER_TELEMETRY, VEHICLE_CURRENT, VEHICLE_MINUTES

PLACE = [*Source._fields, "offset"]
_SHARED = ["vehicle_id", "region", "event_ts", "known_at", *PLACE]


class Fold(NamedTuple):
    """A table of gold. `partial` and `merge` make exact rows of silver rows (by kind) and of exact rows, `rows` the table's own.

    `columns` are the silver columns that it needs, by kind; `order` names a row.
    """

    name: str
    columns: Mapping[str, list[str]]
    order: list[str]
    partial: Callable[[str, pa.Table], pa.Table]
    merge: Callable[[Sequence[pa.Table]], pa.Table]
    rows: Callable[[pa.Table, Reached, AsOf], pa.Table]
    spans: bool = False
    day_ms: str | None = None
    """The exact column (ms) that a row's day is taken from, where there is one."""

    def days(self, exact: pa.Table) -> list[str]:
        """The day of each exact row."""
        return Reading(exact).date(self.day_ms).to_pylist() if self.day_ms else exact["date"].to_pylist()

    @property
    def dated(self) -> bool:
        """Whether rows belong to a day."""
        return "date" in SCHEMAS[self.name].names


def _of_fact(fact: Fact) -> Fold:
    def partial(kind: str, rows: pa.Table) -> pa.Table:
        made = cells.partial(rows) if kind == "cells" else fact.partial(frames(rows, fact.signals))
        return facts.fold(fact, [made])

    columns = {"telemetry": [*_SHARED, *fact.signals]}
    if fact is BATTERY:
        columns["cells"] = [*_SHARED, "cell_v", "probe_c"]
    order = ["vehicle_id", "date", fact.fields_begin] if fact.fields_begin != "date" else ["vehicle_id", "date"]
    return Fold(
        fact.name,
        columns,
        order,
        partial,
        lambda tables: facts.fold(fact, [facts.empty(fact), *tables]),
        lambda exact, reached, as_of: facts.present(fact, exact, clocks_of(reached), as_of),
        fact.keys is None,
        fact.begins,
    )


def _known(exact: pa.Table, reached: Reached, _: AsOf) -> pa.Table:
    """The revisions of minutes that their sources' clocks have passed."""
    known = exact.filter(minutes.due(exact, reached))
    return minutes.revise(VEHICLE_MINUTES.empty_table(), minutes.merge([known])) if known.num_rows else VEHICLE_MINUTES.empty_table()


MINUTES = Fold(
    "gold.vehicle_minutes",
    {"telemetry": [*_SHARED, *(signal.name for signal in (*MINUTE_STATS, *MINUTE_COUNTERS))]},
    minutes.KEY,
    lambda _kind, rows: minutes.sourced(rows),
    lambda tables: minutes.piled([minutes.SOURCED.empty_table(), *tables]),
    _known,
)
CURRENT = Fold(
    "gold.vehicle_current",
    {"telemetry": [name for name in SILVER_TELEMETRY.names if name in VEHICLE_CURRENT.names or name in PLACE]},
    ["vehicle_id"],
    lambda _kind, rows: current.newest(rows),
    lambda tables: current.newest(*tables) if tables else VEHICLE_CURRENT.empty_table(),
    lambda exact, _reached, _as_of: exact,
)
FOLDS: dict[str, Fold] = {fold.name: fold for fold in (CURRENT, MINUTES, *(_of_fact(fact) for fact in FACTS.values()))}
