"""`voltlake audit | query`: what the lake holds."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from voltlake.commands.options import DATA, AsJson, Data

if TYPE_CHECKING:
    import pyarrow as pa


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def audit(data: Data = DATA, *, as_json: AsJson = False) -> None:
    """Compare what the sensors were told is safe with what stands in the lake. Exit code 1 where anything is lost or stands twice.

    Example: voltlake audit --json
    """
    from voltlake.audit import run

    raise typer.Exit(run(data.resolve(), as_json))


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT; tables are called layer.table.")],
    data: Data = DATA,
    form: Annotated[Format, typer.Option("--format", help="How the answer is written; parquet wants --output or a pipe.")] = Format.TABLE,
    rows: Annotated[int, typer.Option("--rows", help="Rows that a table shows at most.", min=1)] = 40,
) -> None:
    """Ask the lake in SQL.

    Example: voltlake query "SELECT region, count(*) FROM silver.telemetry GROUP BY region"
    """
    from lakehouse.sql import query as ask
    from voltlake.stack.layout import Layout

    answer = ask(str(Layout(data.resolve()).lake), sql)
    if form is Format.TABLE:
        _print_table(answer, rows)
    else:
        typer.get_binary_stream("stdout").write(written(answer, form))


def written(answer: "pa.Table", form: Format) -> bytes:
    """The whole answer as CSV, JSON lines or Parquet."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    if form is Format.CSV:
        from pyarrow import csv

        csv.write_csv(answer, sink)
    elif form is Format.PARQUET:
        from pyarrow import parquet

        parquet.write_table(answer, sink)
    else:
        import msgspec

        sink.write(msgspec.json.Encoder(enc_hook=str).encode_lines(answer.to_pylist()))
    return bytes(sink.getvalue())


def _print_table(answer: "pa.Table", rows: int) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for name in answer.column_names:
        shown.add_column(name)
    for row in answer.slice(0, rows).to_pylist():
        shown.add_row(*(escape(str(value)) for value in row.values()))
    console = Console()
    console.print(shown)
    if answer.num_rows > rows:
        console.print(f"… and {answer.num_rows - rows} more rows: --rows shows more, --format csv all")
