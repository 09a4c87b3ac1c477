"""Rules on the past: what would have fired, how often, for whom. Pure: windows of silver rows in, a summary out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from cloud_stream.alerting.engine import Engine
from cloud_stream.alerting.evaluation import program
from cloud_stream.alerting.intake import Baseline
from cloud_stream.alerting.records import book, described
from cloud_stream.alerting.rules import Rule
from contracts.events import Alert

MONTH_S = 30 * 86_400
Windows = Iterable[Mapping[str, pa.Table]]
"""Silver rows by kind (`telemetry`, `cells`, `event`), window after window in time."""


class Fired(msgspec.Struct, frozen=True):
    """What one rule would have done. `standing_h` is the median time that an alert stood, None where all still do."""

    rule: str
    severity: str
    alerts: int
    vehicles: int
    per_vehicle_month: float
    standing_h: float | None
    most: dict[str, int]
    """The vehicles with most alerts."""


class Past(NamedTuple):
    """The outcome: by rule, every alert, and what was looked at."""

    fired: list[Fired]
    alerts: list[Alert]
    rows: int
    vehicles: int
    vehicle_months: float


def run(
    rules: Sequence[Rule], windows: Windows, facts: Mapping[str, tuple[str, frozenset[str]]] | None = None, baseline: Baseline | None = None
) -> Past:
    """Put the past through the rules, in the order of its event times."""
    engine = Engine(program(rules), facts, baseline)
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    rows = 0
    for window in windows:
        tables = {kind: _known_in_time(table) for kind, table in window.items() if table.num_rows}
        rows += sum(table.num_rows for table in tables.values())
        for table in tables.values():
            spans = table.group_by("vehicle_id").aggregate([("event_ts", "min"), ("event_ts", "max")]).to_pydict()
            for name, low, high in zip(spans["vehicle_id"], spans["event_ts_min"], spans["event_ts_max"], strict=True):
                first[name] = min(first.get(name, 1 << 62), round(low.timestamp() * 1000))
                last[name] = max(last.get(name, 0), round(high.timestamp() * 1000))
        if tables:
            engine.together(tables)
    months = sum(last[name] - first[name] for name in first) / 1000 / MONTH_S
    entries = book(rules)
    regions = list(engine.regions)
    alerts = [described(life, (vehicle, regions[life.region]), entries[life.rule]) for vehicle, life in engine.lives().values()]
    alerts.sort(key=lambda alert: (alert.raised_ts, alert.alert_id))
    return Past([_fired(rule, alerts, months) for rule in rules if rule.enabled], alerts, rows, len(first), months)


def _known_in_time(table: pa.Table) -> pa.Table:
    """As if each row had come at once: how late it really was does not matter for what is final."""
    place = table.schema.get_field_index("known_at")
    return table.set_column(place, "known_at", table["event_ts"]) if place >= 0 else table.append_column("known_at", table["event_ts"])


def _fired(rule: Rule, alerts: Sequence[Alert], months: float) -> Fired:
    own = [alert for alert in alerts if alert.rule == rule.id]
    count: dict[str, int] = {}
    for alert in own:
        count[alert.vehicle_id] = count.get(alert.vehicle_id, 0) + 1
    stood = [alert.cleared_ts - alert.raised_ts for alert in own if alert.cleared_ts is not None]
    median = float(pc.quantile(pa.array(stood), 0.5)[0].as_py()) / 3_600_000 if stood else None
    most = dict(sorted(count.items(), key=lambda item: (-item[1], item[0]))[:5])
    return Fired(rule.id, rule.severity, len(own), len(count), len(own) / months if months else 0.0, median, most)
