"""`voltlake up | down | status | logs`: the stack on this machine."""

import time
from typing import Annotated

import typer

from contracts.errors import Terminal
from voltlake.commands.options import DATA, AsJson, Data, around, names, say

Regions = Annotated[str, typer.Option("--regions", help="Regions, separated by commas.")]
Gateways = Annotated[int, typer.Option("--gateways", help="Gateways of each region.")]
DashboardPort = Annotated[int | None, typer.Option("--dashboard-port", help="Port of the page. [default: 8080 or the next that is free]")]


def up(
    context: typer.Context,
    data: Data = DATA,
    regions: Regions = "eu-north,us-east",
    gateways: Gateways = 1,
    dashboard_port: DashboardPort = None,
    *,
    detach: Annotated[bool, typer.Option("--detach", help="Start in the background and return when everything is ready.")] = False,
) -> None:
    """Start everything and keep it alive: Kafka, MirrorMaker, MQTT, Redis and our own processes.

    Runs until Ctrl-C, or in the background with --detach. The first start fetches Kafka's jars (55 MB, once).

    Example: voltlake up --detach --gateways 2
    """
    from voltlake.stack.composition import Options
    from voltlake.stack.run import run
    from voltlake.stack.start import start

    options = Options(data=data, regions=names(regions, "--regions"), gateways=gateways, dashboard_port=dashboard_port)
    if detach:
        start(options, around(context), say, bound=False)
        say("it goes on in the background: 'voltlake status' shows it, 'voltlake down' stops it")
    else:
        run(options, around(context), say)


def down(data: Data = DATA) -> None:
    """Stop the stack of a folder, in order, and wait until it is gone. Its data stay.

    Example: voltlake down --data .voltlake
    """
    from voltlake.stack.start import stop

    say("stopped" if stop(data, say) else f"no stack runs in {data.resolve()}")


def status(data: Data = DATA, *, as_json: AsJson = False) -> None:
    """Show what runs, since when, how often it was restarted and what it said last. Exit code 1 where something does not run.

    Example: voltlake status --json
    """
    from voltlake.stack import record
    from voltlake.stack.show import as_bytes, last_words, table

    found = record.require(data.resolve())
    if as_json:
        typer.echo(as_bytes(found))
    else:
        from rich.console import Console

        console = Console()
        console.print(table(found, time.time()))
        for line in last_words(found):
            console.print(line, markup=False, highlight=False)
        for what, which in found.chosen.items():
            console.print(f"{what}: {which}", highlight=False, soft_wrap=True)
        console.print(f"dashboard {found.plan.dashboard_url}   data {found.plan.data}")
    if any(one.state not in ("running", "done") for one in found.processes):
        raise typer.Exit(1)


def logs(
    name: Annotated[str, typer.Argument(help="A process as in `voltlake status`, or voltlake for the supervisor.")],
    data: Data = DATA,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines.", min=1)] = 50,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
) -> None:
    """Show the log of one process.

    Example: voltlake logs flow-silver -f
    """
    from voltlake.stack.layout import Layout
    from voltlake.stack.logs import follow as followed
    from voltlake.stack.logs import tail

    layout = Layout(data.resolve())
    path = layout.log(name)
    if not path.exists():
        known = sorted(one.stem for one in layout.logs.glob("*.log"))
        raise Terminal(f"no log of {name!r} in {layout.logs}; there are {', '.join(known) or 'none: start a stack with voltlake up'}")
    for line in followed(path, lines) if follow else tail(path, lines):
        typer.echo(line)
