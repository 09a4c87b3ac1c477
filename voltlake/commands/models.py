"""`voltlake models train | evaluate | promote | list | card`: from recordings and features to a champion that scores live."""

from pathlib import Path
from typing import Annotated

import typer

from contracts.errors import Terminal
from voltlake.commands.options import DATA, AsJson, say

app = typer.Typer(name="models", no_args_is_help=True, help="Train, evaluate, promote and list models. The live flow scores with the champions.")
LIVE = "energy_per_km"
State = Annotated[Path, typer.Option("--state", help="Folder that holds all state of the stack: MLflow's store is in it.", show_default=True)]
Name = Annotated[str, typer.Argument(help="energy_v1, battery_fault_v1 or charging_v1.")]
Version = Annotated[str, typer.Option("--version", help="A version; the champion where absent.")]


@app.command()
def train(
    name: Annotated[str, typer.Argument(help=f"energy_v1, battery_fault_v1, charging_v1; or {LIVE}, which learns from a running stack.")] = LIVE,
    data: Annotated[str, typer.Option("--data", help="Folder of recordings, as ../shared/data. energy_per_km: the folder of the stack.")] = "",
    state: State = DATA,
    vehicles: Annotated[int, typer.Option("--vehicles", help="Simulated vehicles to learn from; 0 is the usual number.")] = 0,
    length: Annotated[float, typer.Option("--length", help="Hours (energy_v1) or days (battery_fault_v1) of each; 0 is the usual length.")] = 0,
) -> None:
    """Train a model through Feast and register it in MLflow. The first version becomes the champion.

    Example: voltlake models train energy_v1 --data ../shared/data
    """
    if name == LIVE:
        _train_live(Path(data) if data else state)
        return
    from voltlake.training import desk
    from voltlake.training.gather import Amount

    usual = desk.AMOUNT.get(name)
    amount = Amount(vehicles or usual.vehicles, length or usual.length) if usual else None
    trained = desk.train(name, _recordings(name, data), state, say, amount)
    _figures(trained.figures)
    say(f"{trained.name} version {trained.version} is registered")
    if trained.champion:
        say("it is the champion, for it is the first: a live flow of this state scores with it within seconds")
    else:
        verdict = {True: "beats the champion on the same held-back records", False: "does not beat the champion", None: "was not judged beside it"}
        say(f"it {verdict[trained.beats]}: voltlake models promote {trained.name} {trained.version} --state {state}")


def _train_live(folder: Path) -> None:
    from features.models import live
    from voltlake.stack.record import require

    plan = require(folder.resolve()).plan
    trained = live.train(str(plan.layout.lake), plan.layout.features, plan.redis_url, plan.mlflow_url, say)
    figures = ", ".join(f"{name} {value:.4g}" for name, value in sorted(trained.metrics.items()))
    say(f"{trained.name} version {trained.version} ({trained.unit}): {figures}")
    if trained.champion:
        say("it is the champion: the live flow scores with it within seconds")
    else:
        say(f"it scores live after: voltlake models promote {trained.name} {trained.version}")


def _recordings(name: str, data: str) -> Path:
    if not data:
        raise Terminal(f"{name} learns from recordings: give their folder, as in --data ../shared/data")
    return Path(data)


def _figures(figures: dict[str, tuple[float, str]]) -> None:
    for key, (value, unit) in figures.items():
        say(f"  {key:<52} {value:>10.4g}  {unit}")


@app.command()
def evaluate(
    name: Name,
    data: Annotated[
        str, typer.Option("--data", help="Folder of recordings, as ../shared/data: other trips, cars and sites of the same columns.")
    ] = "",
    json: Annotated[str, typer.Option("--json", help="File to write the report to.")] = "",
    version: Version = "",
    state: State = DATA,
) -> None:
    """Judge the champion on recordings that it never saw. Nothing is fitted; the report says whether it is as good as promised.

    Example: voltlake models evaluate energy_v1 --data ../shared/data --json energy.json
    """
    from contracts import report
    from voltlake.training import desk

    found = desk.evaluate(name, _recordings(name, data), state, say, version or None)
    for key, figure in found.figures.items():
        say(f"  {key:<52} {'-' if figure.value is None else format(figure.value, '.4g'):>10}  {figure.unit}")
    if json:
        report.write(found, Path(json))
    say(f"{name}: {'as good as promised' if found.passed else 'it misses what is promised'}")


@app.command()
def promote(
    name: Annotated[str, typer.Argument(help="The model, as in 'voltlake models list'.")],
    version: Annotated[str, typer.Argument(help="The version that is to score.")],
    state: Annotated[Path, typer.Option("--state", "--data", help="Folder that holds all state of the stack.")] = DATA,
    force: Annotated[bool, typer.Option("--force", help="Also where it does not beat the champion on the same held-back records.")] = False,
    shadow: Annotated[bool, typer.Option("--shadow", help="As the challenger: it scores beside the champion, under its own name.")] = False,
) -> None:
    """Make a version the champion where it beats the one that is. The live flow swaps to it without a restart.

    Example: voltlake models promote energy_v1 2
    """
    from features.models import desk
    from voltlake.training.desk import store

    if shadow:
        desk.shadow(store(state), name, version)
    else:
        desk.promote(store(state), name, version, force)
    say(f"{name} version {version} is the {'challenger' if shadow else 'champion'}")


@app.command()
def card(name: Name, version: Version = "", state: State = DATA) -> None:
    """The model card of the champion or of a version, as Markdown.

    Example: voltlake models card energy_v1
    """
    from features.models import desk
    from voltlake.training.desk import store

    typer.echo(desk.show_card(store(state), name, version or None))


@app.command("list")
def list_(
    state: Annotated[Path, typer.Option("--state", "--data", help="Folder that holds all state of the stack.")] = DATA, *, as_json: AsJson = False
) -> None:
    """All versions of all models, newest first.

    Example: voltlake models list
    """
    from datetime import UTC, datetime

    import msgspec
    from rich.console import Console
    from rich.table import Table

    from features import registry
    from voltlake.training.desk import store

    versions = registry.versions(store(state))
    if as_json:
        typer.echo(msgspec.json.encode(versions))
        return
    if not versions:
        say("there are no models yet: voltlake models train makes the first")
        return
    table = Table("model", "version", "alias", "made", "figures", box=None, pad_edge=False)
    for one in versions:
        figures = ", ".join(f"{name} {value:.4g}" for name, value in sorted(one.metrics.items()))
        table.add_row(
            one.name, one.version, ", ".join(one.aliases), f"{datetime.fromtimestamp(one.created_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC", figures
        )
    Console().print(table)
