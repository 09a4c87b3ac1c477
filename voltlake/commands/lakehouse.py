"""`voltlake lakehouse …`: what operators do with the lake."""

from typing import Annotated

import typer

from voltlake.commands.options import DATA, AsJson, Data, LakeAt, lake_of, say

app = typer.Typer(name="lakehouse", no_args_is_help=True, help="Look after the lake: quality, quarantine, history, upkeep.")


@app.command()
def quality(
    data: Data = DATA,
    lake: LakeAt = None,
    day: Annotated[str | None, typer.Option("--day", help="One day, YYYY-MM-DD, UTC. [default: every day]")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show per day and kind what came in, what became a row, what was refused and what the quality rules marked.

    Example: voltlake lakehouse quality --day 2026-01-31
    """
    import msgspec

    from lakehouse.quality.report import days

    found = days(lake_of(data, lake), day)
    if as_json:
        typer.echo(msgspec.json.encode(found))
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table("day", "kind", "taken", "rows", "duplicates", "waiting", "refused", "marked", box=None, pad_edge=False)
    for one in found:
        refused, marked = (", ".join(f"{name} {count}" for name, count in counts.items()) for counts in (one.refused, one.marked))
        shown.add_row(one.day, one.kind, *map(str, (one.taken, one.rows, one.duplicates, one.waiting)), refused or "-", marked or "-")
    Console().print(shown)


@app.command("replay-quarantine")
def replay_quarantine(
    reason: Annotated[str, typer.Option("--reason", help="The reason code, as in silver.quarantine.")],
    data: Data = DATA,
    lake: LakeAt = None,
    vehicles: Annotated[str, typer.Option("--vehicles", help="Only these vehicles, separated by commas. [default: all]")] = "",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be sent.")] = False,
) -> None:
    """Repair the quarantined records of a reason and send them again, into Kafka where the gateways' records go.

    Each lands in silver once, marked as replayed; the record in quarantine stays.

    Example: voltlake lakehouse replay-quarantine --reason range --dry-run
    """
    from cloud_stream.connectors.kafka import Outbox
    from contracts.topics import BY_KIND
    from lakehouse.quarantine import REPAIRS, repaired
    from voltlake.stack import record

    outcome = repaired(lake_of(data, lake), reason, vehicles=[name.strip() for name in vehicles.split(",") if name.strip()])
    if not dry_run and outcome.records:
        outbox = Outbox(record.require(data.resolve()).plan.kafka("edge"))
        for one in outcome.records:
            outbox.send(BY_KIND[one.kind], one.vehicle_id, one.value)
        outbox.flush()
    done = "would be sent again" if dry_run else "sent again"
    say(f"{len(outcome.records)} records {done}: {REPAIRS[reason][1]}")
    for why, count in sorted(outcome.left.items()):
        say(f"{count} left: {why}")


@app.command()
def history(
    table: Annotated[str, typer.Argument(help="layer.table")],
    data: Data = DATA,
    lake: LakeAt = None,
    limit: Annotated[int, typer.Option("--limit", help="Versions at most.", min=1)] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """Show the versions of a table, newest first, and which of them --as-of and restore can go to.

    Example: voltlake lakehouse history silver.telemetry
    """
    import msgspec

    from lakehouse.history import history as versions

    found = versions(lake_of(data, lake), table, limit)
    if as_json:
        typer.echo(msgspec.json.encode(found))
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table("version", "at (UTC)", "operation", "reachable", "what it did", box=None, pad_edge=False)
    for one in found:
        facts = ", ".join(f"{name} {value}" for name, value in one.facts.items() if isinstance(value, int | str) and value)
        shown.add_row(str(one.version), one.at.strftime("%Y-%m-%d %H:%M:%S"), one.operation.lower(), "yes" if one.reachable else "no", facts[:80])
    Console().print(shown)


@app.command()
def restore(
    table: Annotated[str, typer.Argument(help="layer.table")],
    data: Data = DATA,
    lake: LakeAt = None,
    version: Annotated[int | None, typer.Option("--version", help="The version to go back to, as in 'history'.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="The instant to go back to, as in 2026-01-31T12:00:00Z.")] = None,
) -> None:
    """Make a table what it was, with its positions. The flow that writes it starts again there and adds what came since.

    Example: voltlake lakehouse restore silver.telemetry --to 2026-01-31T12:00:00Z
    """
    from contracts.errors import Terminal
    from lakehouse.history import restore as back

    if (version is None) == (to is None):
        raise Terminal("give either --version or --to")
    before, after = back(lake_of(data, lake), table, to or str(version))
    say(f"{table} is what it was at version {before}; this is version {after}")


@app.command()
def upkeep(
    data: Data = DATA,
    lake: LakeAt = None,
    tables: Annotated[str, typer.Option("--tables", help="Only these tables, separated by commas. [default: all]")] = "",
    *,
    vacuum: Annotated[bool, typer.Option("--vacuum", help="Also remove files that nobody needs any more.")] = False,
) -> None:
    """Do one round of upkeep now: merge small files, shorten the log, remove rows past their time. A running stack does it by itself.

    Example: voltlake lakehouse upkeep --tables silver.telemetry --vacuum
    """
    from lakehouse.upkeep.care import care
    from lakehouse.upkeep.care import tables as all_tables

    place = lake_of(data, lake)
    for name in [part.strip() for part in tables.split(",") if part.strip()] or all_tables():
        done = care(place, name, vacuum=vacuum)
        if done is not None:
            say(f"{name}: {done.merged} files merged away, {done.expired} too old, {done.shortened} of the log, {done.vacuumed} vacuumed")
