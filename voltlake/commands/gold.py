"""`voltlake lakehouse verify | rebuild` and `voltlake registry load`: gold can be trusted, made again, and told who the vehicles are."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from voltlake.commands.options import DATA, AsJson, Data, LakeAt, lake_of, say

registry = typer.Typer(name="registry", no_args_is_help=True, help="Who the vehicles are: the master data behind gold's dimensions.")


def verify(
    data: Data = DATA,
    lake: LakeAt = None,
    *,
    from_silver: Annotated[bool, typer.Option("--from-silver", help="Fold silver as it stands, where bronze no longer reaches back.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare every table of gold, row for row and to the last bit, with a rebuild from bronze; the flows go on meanwhile.

    Exit code 1 where any table differs; its first differing row is named.

    Example: voltlake lakehouse verify --json
    """
    import msgspec

    from lakehouse.gold import verify as gold

    outcomes = gold.verify(lake_of(data, lake), from_silver=from_silver)
    if as_json:
        typer.echo(msgspec.json.encode(outcomes))
    else:
        for one in outcomes:
            said = one.difference or "the same"
            say(f"{one.table} (version {one.version}): {one.rows} rows, a rebuild gives {one.rebuilt}: {said}")
    raise typer.Exit(int(any(one.difference for one in outcomes)))


class Engine(StrEnum):
    """What makes the rows."""

    LOCAL = "local"
    SPARK = "spark"


def rebuild(
    table: Annotated[str, typer.Argument(help="A table of gold, such as gold.trips, or of silver; gold makes all of gold.")],
    data: Data = DATA,
    lake: LakeAt = None,
    first: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD, UTC. [default: all]")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day. [default: all]")] = "",
    vehicles: Annotated[str, typer.Option("--vehicles", help="Only these vehicles, separated by commas. [default: all]")] = "",
    engine: Annotated[
        Engine, typer.Option("--engine", help="local: this process; spark: a cluster or this machine, with the extra 'spark'.")
    ] = Engine.LOCAL,
    master: Annotated[str, typer.Option("--master", help="With spark: the cluster's master URL. [default: as spark-submit sets it]")] = "",
) -> None:
    """Make a table of gold again from silver, or one of silver from bronze, into a shadow that takes its place in one commit.

    The flows go on meanwhile. A rebuild that was killed goes on where it stopped when it is run again with the same words.

    Example: voltlake lakehouse rebuild gold.trips --from 2026-01-01 --to 2026-01-31
    """
    from lakehouse.gold import spark
    from lakehouse.gold.engine import local
    from lakehouse.gold.fleet import NAME as FLEET
    from lakehouse.gold.folds import FOLDS
    from lakehouse.gold.rebuild import rebuild as make
    from lakehouse.gold.shadow import Wish

    chosen = tuple(sorted(name.strip() for name in vehicles.split(",") if name.strip()))
    whole = [*FOLDS, FLEET] if not (first or last) else [name for name, fold in FOLDS.items() if fold.dated]
    names = whole if table == "gold" else [table if "." in table else f"gold.{table}"]
    wishes = [Wish(name, first, last, chosen) for name in names]
    scratch = data.resolve() / "rebuild" / (quote(lake, safe="") if lake else "")
    made = make(lake_of(data, lake), wishes, scratch, local if engine is Engine.LOCAL else spark.engine(spark.session(master)), say)
    for name, rows in made.items():
        say(f"{name}: {rows} rows are in place")


@registry.command()
def load(
    file: Annotated[Path, typer.Argument(help="CSV with the columns vehicle_id, vin, model, region, home_lat, home_lon, tags.")],
    data: Data = DATA,
    lake: LakeAt = None,
    since: Annotated[str, typer.Option("--since", help="From when on it is true, ISO 8601 with time zone. [default: now]")] = "",
) -> None:
    """Take in vehicle master data: a vehicle that changed gets a new version in gold.dim_vehicle; facts follow within seconds.

    The first version of a vehicle is valid from the beginning. Vehicles that the file does not name stay as they are.

    Example: voltlake registry load vehicles.csv
    """
    from contracts.errors import Terminal
    from lakehouse.gold import dims
    from lakehouse.gold.dimensions import read_registry

    try:
        instant = datetime.fromisoformat(since) if since else datetime.now(UTC)
    except ValueError:
        raise Terminal(f"--since {since} is no instant; write it as 2026-01-31T08:00:00Z") from None
    if instant.tzinfo is None:
        raise Terminal(f"--since {since} has no time zone; write it as 2026-01-31T08:00:00Z")
    rows = read_registry(file)
    changed = dims.load(lake_of(data, lake), rows, instant.replace(microsecond=instant.microsecond // 1000 * 1000))
    say(f"{len(rows)} vehicles read; {changed} versions are new or have changed")
