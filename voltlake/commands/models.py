"""`voltlake models train | promote | list`: from features to a champion that scores live."""

from typing import Annotated

import typer

from voltlake.commands.options import DATA, AsJson, Data, say

app = typer.Typer(name="models", no_args_is_help=True, help="Train, promote and list models. The live flow scores with the champion.")


@app.command()
def train(data: Data = DATA) -> None:
    """Train energy_per_km through Feast on what has been driven, and register it. The first version becomes the champion.

    Example: voltlake models train
    """
    from features import models
    from voltlake.stack.record import require

    plan = require(data.resolve()).plan
    trained = models.train(str(plan.layout.lake), plan.layout.features, plan.redis_url, plan.mlflow_url, say)
    figures = ", ".join(f"{name} {value:.4g}" for name, value in sorted(trained.metrics.items()))
    say(f"{trained.name} version {trained.version} ({trained.unit}): {figures}")
    if trained.champion:
        say("it is the champion: the live flow scores with it within seconds")
    else:
        say(f"it scores live after: voltlake models promote {trained.name} {trained.version}")


@app.command()
def promote(
    name: Annotated[str, typer.Argument(help="The model, as in 'voltlake models list'.")],
    version: Annotated[str, typer.Argument(help="The version that is to score.")],
    data: Data = DATA,
) -> None:
    """Make a version the champion. The live flow swaps to it without a restart.

    Example: voltlake models promote energy_per_km 2
    """
    from features import models
    from voltlake.stack.record import require

    models.promote(require(data.resolve()).plan.mlflow_url, name, version)
    say(f"{name} version {version} is the champion")


@app.command("list")
def list_(data: Data = DATA, *, as_json: AsJson = False) -> None:
    """All versions of all models, newest first.

    Example: voltlake models list
    """
    from datetime import UTC, datetime

    import msgspec
    from rich.console import Console
    from rich.table import Table

    from features import models
    from voltlake.stack.record import require

    versions = models.list_models(require(data.resolve()).plan.mlflow_url)
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
