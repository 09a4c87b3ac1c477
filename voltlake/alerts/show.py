"""Alerts and backtests for a person's eyes, or as JSON."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cloud_stream.alerting.backtest import Past
from contracts.events import Alert
from dashboards.maintenance import Window


def as_json(value: object) -> None:
    """For machines."""
    typer.echo(msgspec.json.encode(value))


def table(alerts: Sequence[Alert], rows: int, now_ms: int) -> None:
    """A line an alert."""
    if not alerts:
        typer.echo("no alert stands")
        return
    made = Table("id", "severity", "state", "vehicle", "rule", "since", "times", "assignee", "message", box=None, pad_edge=False)
    for alert in alerts[:rows]:
        state = f"{alert.state}, quiet" if alert.suppressed_by else alert.state
        fields = (alert.alert_id[:8], alert.severity, state, alert.vehicle_id, alert.rule, _ago(now_ms - alert.raised_ts))
        made.add_row(*map(escape, (*fields, str(alert.count), alert.assignee, alert.message)))
    console = Console()
    console.print(made)
    if len(alerts) > rows:
        console.print(f"… and {len(alerts) - rows} more: --rows shows more")


def one(alert: Alert) -> None:
    """All of one alert."""
    facts = {
        "alert": alert.alert_id,
        "rule": alert.rule,
        "vehicle": f"{alert.vehicle_id} ({alert.region})",
        "severity": alert.severity,
        "state": alert.state,
        "message": alert.message,
        "raised": _time(alert.raised_ts),
        "cleared": _time(alert.cleared_ts),
        "times": str(alert.count),
        "frame": f"{alert.boot_id}/{alert.seq}",
        "acknowledged by": alert.acknowledged_by,
        "assignee": alert.assignee,
        "quiet because of": alert.suppressed_by,
        "superseded by": alert.superseded_by,
    }
    width = max(map(len, facts))
    for name, value in facts.items():
        if value:
            typer.echo(f"{name:<{width}}  {value}")
    for act in alert.acts:
        typer.echo(f"{_time(act.ts)}  {act.by}: {act.action}{' ' + act.text if act.text else ''}")


def windows(open_: Sequence[Window]) -> None:
    """A line a maintenance window."""
    if not open_:
        typer.echo("no maintenance window is open")
    for one in open_:
        parts = (("vehicles", one.vehicles), ("regions", one.regions), ("rules", one.rules))
        who = "; ".join(f"{field} {', '.join(chosen)}" for field, chosen in parts if chosen) or "everything"
        typer.echo(f"{one.name}: {who}, until {_time(one.until_ts)}, by {one.by}")


def backtest(past: Past) -> None:
    """A line a rule that fired, most first."""
    typer.echo(f"{past.rows} rows of {past.vehicles} vehicles, {past.vehicle_months:.2f} vehicle-months: {len(past.alerts)} alerts")
    made = Table("rule", "severity", "alerts", "vehicles", "a vehicle-month", "stands (median)", "most", box=None, pad_edge=False)
    for fired in sorted(past.fired, key=lambda one: -one.alerts):
        if fired.alerts:
            stands = "still" if fired.standing_h is None else f"{fired.standing_h:.2g} h"
            most = ", ".join(f"{name} {count}" for name, count in list(fired.most.items())[:3])
            made.add_row(fired.rule, fired.severity, str(fired.alerts), str(fired.vehicles), f"{fired.per_vehicle_month:.2f}", stands, most)
    Console().print(made)
    silent = [fired.rule for fired in past.fired if not fired.alerts]
    if silent:
        typer.echo(f"never: {', '.join(silent)}")


def _time(ms: int | None) -> str:
    return "" if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _ago(ms: int) -> str:
    for size, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min")):
        if ms >= size:
            return f"{ms / size:.0f} {unit}"
    return f"{max(ms, 0) / 1000:.0f} s"
