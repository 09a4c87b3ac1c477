"""`voltlake scenario`: the faults that a simulated fleet can have, and whether a file of them stands."""

import json
from pathlib import Path
from typing import Annotated

import typer

from contracts.errors import Terminal
from voltlake.commands.options import say

app = typer.Typer(name="scenario", no_args_is_help=True, help="Faults for simulated vehicles: kinds, check FILE, schema.")


@app.command()
def kinds() -> None:
    """List all kinds of fault, with what severity 1 means and their parameters."""
    from simulators.scenarios.kinds import KINDS

    for kind in KINDS.values():
        parameters = ", ".join(f"{name}={value:g}" for name, value in kind.parameters.items())
        say(f"{kind.name:24} {kind.what}; severity 1: {kind.severity}{f' [{parameters}]' if parameters else ''}")


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A scenario (YAML).")]) -> None:
    """Check a scenario file: exit code 2 and one line with file, line and reason where it is wrong.

    Example: voltlake scenario check faults.yaml
    """
    from simulators.scenarios import scenario

    try:
        found = scenario.load(file)
    except Terminal as error:
        typer.echo(f"voltlake: {error}", err=True)
        raise typer.Exit(2) from None
    say(f"{file}: {found.name}, {len(found.orders)} faults")


@app.command()
def schema() -> None:
    """Print the JSON schema of a scenario file, for editors."""
    from simulators.scenarios.schema import schema as published

    say(json.dumps(published(), indent=1))
