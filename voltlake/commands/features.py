"""`voltlake features …`: the feature store for a person at a terminal. Data scientists use plain Feast on the same folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltlake.commands.options import DATA, AsJson, Data, names, say

if TYPE_CHECKING:
    from voltlake.stack.plan import Plan

app = typer.Typer(name="features", no_args_is_help=True, help="The feature store: definitions, values online and in history, parity, drift.")
Vehicles = Annotated[str, typer.Option("--vehicles", help="Vehicle ids, separated by commas.")]
Service = Annotated[str, typer.Option("--service", help="Feature service.")]
At = Annotated[str, typer.Option("--at", help="Instant with a zone, as 2026-03-01T12:00:00Z; now where it is not given.")]


def _plan(data: Path) -> "Plan":
    """Of the running stack, or of the one that ran last in that folder."""
    from voltlake.stack import record

    found = record.running(data.resolve()) or record.read(data.resolve())
    return (found or record.require(data.resolve())).plan


def _store(data: Path) -> Any:
    from features.store import open_store

    plan = _plan(data)
    return open_store(plan.layout.features, str(plan.layout.lake), plan.redis_url)


@app.command()
def apply(data: Data = DATA, registry: Annotated[str, typer.Option(help="postgresql://… instead of the sqlite file in the folder.")] = "") -> None:
    """Bring the registry to the definitions of this version. `voltlake up` does it by itself.

    Example: voltlake features apply
    """
    from features import store

    plan = _plan(data)
    store.apply(plan.layout.features, str(plan.layout.lake), plan.redis_url, registry)
    say(f"applied: feast.FeatureStore(repo_path={str(plan.layout.features)!r})")


@app.command("list")
def list_(data: Data = DATA, *, as_json: AsJson = False) -> None:
    """All features: view, unit, what they mean, and which services read them.

    Example: voltlake features list
    """
    from features.explore import catalogue
    from voltlake.commands.tables import show

    show([row.shown() for row in catalogue(_store(data))], as_json)


@app.command()
def describe(name: Annotated[str, typer.Argument(help="A feature, view, service or entity.")], data: Data = DATA, *, as_json: AsJson = False) -> None:
    """What one feature, view, service or entity is.

    Example: voltlake features describe wh_per_km_15m
    """
    from features.explore import describe as described
    from voltlake.commands.tables import show

    show([{"": key, name: value} for key, value in described(_store(data), name).items()], as_json)


@app.command()
def lineage(name: Annotated[str, typer.Argument(help="A feature or a service.")], data: Data = DATA, *, as_json: AsJson = False) -> None:
    """From the signal in the car to the models: where a feature comes from and who reads it.

    Example: voltlake features lineage wh_per_km_15m
    """
    from features.explore import lineage as traced
    from voltlake.commands.tables import show

    show(traced(_store(data), name), as_json)


@app.command()
def online(vehicles: Vehicles, service: Service = "energy_v1", data: Data = DATA, *, as_json: AsJson = False) -> None:
    """What is known of vehicles now, how old it is, and whether it still counts: what is older than its view's ttl is not given out.

    Example: voltlake features online --vehicles SIM-00001,SIM-00002
    """
    from features.explore import online as now
    from voltlake.commands.tables import show

    show(now(_store(data), _plan(data).redis_url, names(vehicles, "--vehicles"), service), as_json)


@app.command()
def historical(
    vehicles: Vehicles,
    service: Service = "energy_v1",
    at: At = "",
    data: Data = DATA,
    output: Annotated[str, typer.Option(help="Parquet file.")] = "",
) -> None:
    """What was known of vehicles at an instant: the point-in-time join.

    Example: voltlake features historical --vehicles SIM-00001 --at 2026-03-01T12:00:00Z
    """
    from features.explore import historical as then
    from voltlake.commands.tables import show

    found = then(_store(data), names(vehicles, "--vehicles"), service, at)
    if output:
        from pyarrow import parquet

        parquet.write_table(found, output)
        say(f"{found.num_rows} rows in {output}")
    else:
        show(
            [{"": name, **dict(zip(found["vehicle_id"].to_pylist(), found[name].to_pylist(), strict=True))} for name in found.column_names[1:]], False
        )


@app.command()
def materialize(
    views: Annotated[str, typer.Option("--views", help="Feature views, separated by commas.")] = "", at: At = "", data: Data = DATA
) -> None:
    """Write what history says online: the views that the live flow does not write. Never over anything newer.

    Example: voltlake features materialize
    """
    from features.explore import materialize as write

    for line in write(_store(data), names(views, "--views") if views else (), at):
        say(line)


@app.command()
def parity(
    seconds: Annotated[float, typer.Option(min=1, help="How long to look.")] = 60,
    data: Data = DATA,
    observed: Annotated[str, typer.Option(help="Compare what an earlier look saved in this folder.", hidden=True)] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Read features live, then ask history for the same instants in a fresh process. Exit code 1 where a single bit differs.

    Example: voltlake features parity --seconds 60
    """
    from voltlake.parity import compared, looked

    plan = _plan(data)
    folder = Path(observed) if observed else looked(plan, _store(data), seconds, None if as_json else say)
    if observed:
        raise typer.Exit(compared(plan, _store(data), folder, as_json))
    from voltlake.parity import in_a_fresh_process

    raise typer.Exit(in_a_fresh_process(plan, folder, as_json))


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="On loopback.")] = 6566,
    host: Annotated[str, typer.Option(help="Another address than loopback must be asked for.")] = "127.0.0.1",
    data: Data = DATA,
) -> None:
    """Feast's own feature server over HTTP: any Feast client reads from it.

    Example: voltlake features serve --port 6566
    """
    from features.explore import serve as run

    say(f"feature server on http://{host}:{port}: POST /get-online-features")
    run(_store(data), host, port)


@app.command()
def profile(
    service: Service = "energy_v1",
    day: Annotated[str, typer.Option(help="UTC day, as 2026-03-01; today where it is not given.")] = "",
    data: Data = DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Statistics of each feature over a day: nulls, mean, quantiles. Kept in the lake as saved.feature_profiles.

    Example: voltlake features profile --service energy_v1
    """
    from features.drift import profile as measured
    from voltlake.commands.tables import show

    show([row.shown() for row in measured(_store(data), str(_plan(data).layout.lake), service, day)], as_json)


@app.command()
def drift(
    service: Service = "energy_v1",
    day: Annotated[str, typer.Option(help="UTC day to judge; today where it is not given.")] = "",
    against: Annotated[str, typer.Option(help="A saved training set saved.NAME, or a UTC day; the day before where it is not given.")] = "",
    limit: Annotated[float, typer.Option(help="A population stability index above this is a warning.", min=0)] = 0.2,
    plot: Annotated[str, typer.Option(help="SVG or PNG file.")] = "",
    data: Data = DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """How far each feature has drifted from what a model learned. Exit code 1 where one is past the limit.

    Example: voltlake features drift --against saved.training_set --plot drift.svg
    """
    from features.drift import draw
    from features.drift import drift as judged
    from voltlake.commands.tables import show

    store = _store(data)
    found = judged(store, str(_plan(data).layout.lake), service, day, against)
    show([row.shown(limit) for row in found], as_json)
    if plot:
        draw(found, limit, Path(plot))
    past = [row.feature for row in found if row.psi is not None and row.psi > limit]
    if past:
        typer.echo(f"warning: past the limit of {limit:g}: {', '.join(past)}", err=True)
        raise typer.Exit(1)
