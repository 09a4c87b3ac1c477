"""What several commands take, and how they speak to a person."""

from pathlib import Path
from typing import Annotated

import typer

from contracts.errors import Terminal
from voltlake.settings import Surroundings
from voltlake.stack.layout import Layout

DATA = Path(".voltlake")
Data = Annotated[Path, typer.Option("--data", help="Folder that holds all state of the stack.", show_default=True)]
LakeAt = Annotated[str | None, typer.Option("--lake", help="Folder or URL of a lake, as in s3://bucket/lake. [default: the stack's]")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for machines instead of a table.")]


def around(context: typer.Context) -> Surroundings:
    """What `main` read of the environment."""
    found: Surroundings = context.find_root().obj
    return found


def say(text: str) -> None:
    """One line for a person."""
    typer.echo(text)


def names(text: str, option: str) -> tuple[str, ...]:
    """Comma-separated names. Raises Terminal where there is none."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not found:
        raise Terminal(f"{option} needs at least one name")
    return found


def lake_of(data: Path, lake: str | None) -> str:
    """Where the lake is: what was given, or the stack's of that folder."""
    return lake or str(Layout(data.resolve()).lake)
