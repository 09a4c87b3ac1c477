"""`voltlake demo`: the whole road, with one command."""

from pathlib import Path
from typing import Annotated

import typer

from voltlake.commands.options import DATA, Data, around, names


def demo(
    context: typer.Context,
    data: Data = DATA,
    seconds: Annotated[float, typer.Option("--seconds", help="How long the vehicles drive; 0 until Ctrl-C.", min=0)] = 0,
    json: Annotated[Path | None, typer.Option("--json", help="Write what was measured to this file.")] = None,
    vehicles: Annotated[int, typer.Option("--vehicles", help="Simulated vehicles.", min=1)] = 150,
    rate: Annotated[float, typer.Option("--rate", help="Frames a second of each simulated vehicle.")] = 1.0,
    recordings: Annotated[
        Path | None, typer.Option("--recordings", help="Folder with recordings to replay. [default: ../shared/data beside the project]")
    ] = None,
    regions: Annotated[str, typer.Option("--regions", help="Regions, separated by commas.")] = "eu-north,us-east",
    gateways: Annotated[int, typer.Option("--gateways", help="Gateways of each region.", min=1)] = 1,
    dashboard_port: Annotated[int | None, typer.Option("--dashboard-port", help="Port of the page. [default: 8080 or the next that is free]")] = None,
) -> None:
    """Start everything, replay real drives, simulate a fleet, and show what flows where, until Ctrl-C.

    Then the vehicles stop, everything is drained and audited, and all that was started is stopped. Exit code 1 where anything was lost or
    stands twice.

    Example: voltlake demo --seconds 60 --json out.json
    """
    from rich.console import Console

    from contracts import report
    from voltlake.demo.outcome import figures, lines
    from voltlake.demo.run import Wish, run
    from voltlake.stack.composition import Options

    options = Options(data=data, regions=names(regions, "--regions"), gateways=gateways, dashboard_port=dashboard_port)
    console = Console()
    outcome = run(Wish(options=options, seconds=seconds, vehicles=vehicles, rate_hz=rate, recordings=recordings), around(context), console)
    for line in lines(outcome):
        console.print(line, highlight=False)
    if json:
        report.write(report.make("demo", figures(outcome), outcome.passed), json)
        console.print(f"written to {json}", highlight=False)
    if not outcome.passed:
        raise typer.Exit(1)
