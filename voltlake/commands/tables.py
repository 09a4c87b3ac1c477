"""Rows for a person or for a machine."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer


def show(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """A table, or one JSON array. All rows have the same keys."""
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(list(rows), enc_hook=str))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for name in rows[0] if rows else ():
        shown.add_column(escape(name), overflow="fold")
    for row in rows:
        shown.add_row(*(escape(_text(value)) for value in row.values()))
    Console().print(shown)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
