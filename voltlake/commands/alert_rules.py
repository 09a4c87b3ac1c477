"""`voltlake alerts rules …`: the rules that may be, and whether a file is right."""

from pathlib import Path
from typing import Annotated

import typer

from voltlake.commands.options import AsJson, say

app = typer.Typer(name="rules", no_args_is_help=True, help="Rules of alerts: list them, check a file, print its schema or the signals.")
File = Annotated[Path | None, typer.Argument(help="A rules file; left out: the rules that come with voltlake.")]


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A rules file.")]) -> None:
    """Say whether a file is right; if not, in which line and why.

    Example: voltlake alerts rules check my-rules.yaml
    """
    from cloud_stream.alerting.reading import load

    loaded = load(file)
    say(f"{file} is right: {len(loaded.rules)} rules, version {loaded.version}")


@app.command("list")
def list_(file: File = None, *, as_json: AsJson = False) -> None:
    """The rules with their reasons.

    Example: voltlake alerts rules list
    """
    import msgspec
    from rich.console import Console
    from rich.table import Table

    from cloud_stream.alerting.reading import load
    from cloud_stream.alerting.rules import condition_of

    rules = load(file).rules if file else load().rules
    if as_json:
        typer.echo(msgspec.json.encode(rules))
        return
    table = Table("rule", "severity", "kind", "title", "why", box=None, pad_edge=False)
    for rule in rules:
        table.add_row(rule.id, rule.severity, condition_of(rule), rule.title, rule.why)
    Console().print(table)


@app.command()
def schema() -> None:
    """The JSON schema of a rules file, for editors.

    Example: voltlake alerts rules schema > rules.schema.json
    """
    from cloud_stream.alerting.reading import schema_text

    typer.echo(schema_text().decode(), nl=False)


@app.command()
def signals() -> None:
    """The signals that a rule may name.

    Example: voltlake alerts rules signals
    """
    from rich.console import Console
    from rich.table import Table

    from cloud_stream.alerting.columns import FROM_CELLS
    from contracts.signals import SIGNALS

    table = Table("signal", "unit", "what it is", box=None, pad_edge=False)
    for signal in SIGNALS:
        table.add_row(signal.name, signal.unit, signal.description)
    for name, (unit, what) in FROM_CELLS.items():
        table.add_row(name, unit, what)
    Console().print(table)
