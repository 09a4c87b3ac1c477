"""`voltlake doctor`: what this machine has of what a stack needs."""

from typing import Annotated

import typer

from voltlake.commands.options import DATA, AsJson, Data, around


def doctor(
    context: typer.Context,
    data: Data = DATA,
    dashboard_port: Annotated[int, typer.Option("--dashboard-port", help="The port that the page is to have.")] = 8080,
    *,
    as_json: AsJson = False,
) -> None:
    """Check this machine: each line is either well or says what to do. Exit code 1 where a stack could not start.

    Example: voltlake doctor
    """
    from rich.console import Console

    from contracts import report
    from voltlake.examination import examine

    findings = examine(data.resolve(), around(context), dashboard_port)
    well = not any(one.prevents for one in findings)
    if as_json:
        import msgspec

        figures: dict[str, tuple[float | int | None, str]] = {one.name.replace(" ", "_"): (int(one.well), one.said) for one in findings}
        typer.echo(msgspec.json.format(msgspec.json.encode(report.make("doctor", figures, well)), indent=2))
    else:
        console = Console(soft_wrap=True, highlight=False)
        for one in findings:
            mark = "[green]ok  [/]" if one.well else "[red]do  [/]" if one.prevents else "[yellow]note[/]"
            console.print(f"{mark} {one.name:<12} {one.said}")
    if not well:
        raise typer.Exit(1)
