"""`voltlake alerts …`: look at alerts, act on them, and try rules on the past."""

import getpass
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Terminal
from voltlake.commands.options import DATA, AsJson, Data, say

if TYPE_CHECKING:
    from contracts.events import Alert
    from voltlake.stack.plan import Plan

app = typer.Typer(name="alerts", no_args_is_help=True, help="Alerts: list, show and act on them; check rules and try them on the past.")
Id = Annotated[str, typer.Argument(help="The alert's id, or its beginning where that is enough.")]
By = Annotated[str, typer.Option("--by", help="Who acts; empty: you.")]
Text = Annotated[str, typer.Argument(help="In words.")]


@app.command("list")
def list_(
    data: Data = DATA,
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that are closed.")] = False,
    rule: Annotated[str, typer.Option(help="Only of this rule.")] = "",
    vehicle: Annotated[str, typer.Option(help="Only of this vehicle.")] = "",
    severity: Annotated[str, typer.Option(help="Only of this severity.")] = "",
    rows: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """Alerts that stand, newest first.

    Example: voltlake alerts list --severity critical
    """
    from voltlake.alerts import acts, show

    wanted = {"rule": rule, "vehicle_id": vehicle, "severity": severity}
    found = [
        alert
        for alert in acts.all_alerts(_lake(data), standing=not every)
        if all(not text or getattr(alert, name) == text for name, text in wanted.items())
    ]
    if as_json:
        show.as_json(found[:rows])
    else:
        show.table(found, rows, time.time_ns() // 1_000_000)


@app.command()
def show(alert: Id, data: Data = DATA, *, as_json: AsJson = False) -> None:
    """One alert with all that people did.

    Example: voltlake alerts show 3f9a0c1d
    """
    from voltlake.alerts import acts
    from voltlake.alerts import show as shown

    found = acts.find(_lake(data), alert)
    if as_json:
        shown.as_json(found)
    else:
        shown.one(found)


@app.command()
def ack(alert: Id, text: Annotated[str, typer.Argument(help="A comment.")] = "", by: By = "", data: Data = DATA) -> None:
    """Say that somebody looks after it.

    Example: voltlake alerts ack 3f9a0c1d "driver called"
    """
    _act(data, alert, "ack", by, text=text)


@app.command()
def assign(alert: Id, to: Annotated[str, typer.Argument(help="Who is to look after it.")], by: By = "", data: Data = DATA) -> None:
    """Give it to somebody.

    Example: voltlake alerts assign 3f9a0c1d bo
    """
    _act(data, alert, "assign", by, text=to)


@app.command()
def clear(alert: Id, text: Annotated[str, typer.Argument(help="A comment.")] = "", by: By = "", data: Data = DATA) -> None:
    """Close it by hand; it comes again only when its condition does.

    Example: voltlake alerts clear 3f9a0c1d "false alarm, probe replaced"
    """
    _act(data, alert, "clear", by, text=text)


@app.command()
def comment(alert: Id, text: Text, by: By = "", data: Data = DATA) -> None:
    """Add a comment.

    Example: voltlake alerts comment 3f9a0c1d "pump ordered"
    """
    _act(data, alert, "comment", by, text=text)


@app.command()
def shelve(
    alert: Id, minutes: Annotated[float, typer.Option("--for", help="Minutes; 0 ends it.", min=0)] = 60, by: By = "", data: Data = DATA
) -> None:
    """Keep it quiet for some time.

    Example: voltlake alerts shelve 3f9a0c1d --for 120
    """
    if minutes:
        _act(data, alert, "shelve", by, until_ts=time.time_ns() // 1_000_000 + round(minutes * 60_000))
    else:
        _act(data, alert, "unshelve", by)


@app.command()
def maintenance(
    name: Annotated[str, typer.Argument(help="The window's name; left out: show the windows that are open.")] = "",
    minutes: Annotated[float, typer.Option("--for", help="How long from now; 0 ends the window of that name.", min=0)] = 60,
    vehicles: Annotated[str, typer.Option(help="Vehicles, comma-separated; empty: all.")] = "",
    regions: Annotated[str, typer.Option(help="Regions, comma-separated; empty: all.")] = "",
    rules: Annotated[str, typer.Option(help="Rules, comma-separated; empty: all.")] = "",
    by: By = "",
    data: Data = DATA,
) -> None:
    """Keep the alerts of some vehicles, regions or rules quiet for a while. They live on and speak up when it ends.

    Example: voltlake alerts maintenance works --for 90 --regions eu-north
    """
    from voltlake.alerts import acts, show

    now_ms, plan = time.time_ns() // 1_000_000, _plan(data)
    if not name:
        show.windows(acts.windows(plan.kafka("central")))
        return
    if not minutes:
        acts.everywhere(plan.kafka("central"), acts.command("end_maintenance", by or getpass.getuser(), alert_id=name))
        say(f"the window {name} has ended")
        return
    some = {
        field: tuple(part.strip() for part in text.split(",") if part.strip())
        for field, text in (("vehicles", vehicles), ("regions", regions), ("rules", rules))
    }
    until_ms = now_ms + round(minutes * 60_000)
    acts.everywhere(
        plan.kafka("central"), acts.command("maintenance", by or getpass.getuser(), alert_id=name, from_ts=now_ms, until_ts=until_ms, **some)
    )
    who = "; ".join(f"{field} {', '.join(chosen)}" for field, chosen in some.items() if chosen) or "everything"
    say(f"the window {name} is open for {minutes:g} minutes: {who}")


@app.command()
def backtest(
    rules: Annotated[Path, typer.Argument(help="A rules file; 'shipped' for the rules that come with voltlake.")],
    since: Annotated[str, typer.Option("--from", help="From when, as 2026-09-01 or 2026-09-01T12:00 (UTC).")] = "",
    until: Annotated[str, typer.Option("--to", help="Until when; empty: now.")] = "",
    history: Annotated[Path | None, typer.Option(help="Files of a simulated history in place of the lake.")] = None,
    data: Data = DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """What rules would have done to the past in silver: how often, for whom.

    Example: voltlake alerts backtest my-rules.yaml --from 2026-09-01 --to 2026-09-08
    """
    from datetime import UTC, datetime

    from cloud_stream.alerting.backtest import run
    from voltlake.alerts import past
    from voltlake.alerts import show as shown

    loaded = list(_rules(rules))
    if history is not None:
        windows = past.of_files(history, loaded)
    else:
        if not since:
            raise Terminal("--from is missing: from when on are the rules to be tried?")
        windows = past.of_lake(_lake(data), loaded, past.moment(since, "--from"), past.moment(until, "--to") if until else datetime.now(UTC))
    facts, baseline = past.fleet(_lake(data)) if history is None else ({}, None)
    outcome = run(loaded, windows, facts, baseline)
    if as_json:
        shown.as_json({"fired": outcome.fired, "rows": outcome.rows, "vehicles": outcome.vehicles, "vehicle_months": outcome.vehicle_months})
    else:
        shown.backtest(outcome)


@app.command()
def score(
    history: Annotated[Path, typer.Argument(help="Folder of a simulated history with labels (voltlake simulate --history … --to files).")],
    rules: Annotated[Path, typer.Option(help="A rules file.")] = Path("shipped"),
    least: Annotated[float, typer.Option(help="Faults of this severity and above count.", min=0, max=1)] = 0.5,
    *,
    as_json: AsJson = False,
) -> None:
    """Precision and recall of rules on labelled faults, and false alarms on healthy vehicles.

    Example: voltlake alerts score history/ --least 0.5
    """
    from voltlake.alerts import show as shown
    from voltlake.alerts.scoring import as_text, scored

    outcome = scored(list(_rules(rules)), history, least)
    if as_json:
        shown.as_json(outcome)
    else:
        say(as_text(outcome))


def _rules(path: Path) -> "tuple":  # type: ignore[type-arg]
    from cloud_stream.alerting.reading import load

    return load().rules if str(path) == "shipped" else load(path).rules


def _plan(data: Path) -> "Plan":
    from voltlake.stack.record import require

    return require(data.resolve()).plan


def _lake(data: Path) -> str:
    from voltlake.stack.layout import Layout

    return str(Layout(data.resolve()).lake)


def _act(data: Path, start: str, action: str, by: str, **more: object) -> None:
    from voltlake.alerts import acts, show

    alert: Alert = acts.find(_lake(data), start)
    show.one(acts.act(_plan(data).kafka("central"), alert, action, by or getpass.getuser(), **more))
