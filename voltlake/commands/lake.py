"""`voltlake audit | query`: what the lake holds."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Terminal
from voltlake.commands.options import DATA, AsJson, Data, LakeAt, lake_of, say

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
    output: Annotated[Path | None, typer.Option("--output", help="A file for the whole answer, in the --format. [default: stdout]")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Read the tables as they were at an instant, or at a version.")] = None,
    lake: LakeAt = None,
    seconds: Annotated[float, typer.Option("--seconds", help="The query is stopped after so long.", min=0.1)] = 60,
    memory: Annotated[str, typer.Option("--memory", help="What the query may use.")] = "2GB",
) -> None:
    """Ask the lake in SQL. It is only read, within a time and memory limit.

    Example: voltlake query "SELECT region, count(*) FROM silver.telemetry GROUP BY region"
    """
    from lakehouse.sql import query as ask

    answer = ask(lake_of(data, lake), sql, as_of=as_of, seconds=seconds, memory=memory)
    if output is not None:
        save(written(answer, Format.PARQUET if form is Format.TABLE else form), output)
        say(f"{answer.num_rows} rows in {output}")
    elif form is Format.TABLE:
        _print_table(answer, rows)
    else:
        typer.get_binary_stream("stdout").write(written(answer, form))


def written(answer: "pa.Table", form: Format) -> bytes:
    """The whole answer as CSV, JSON lines or Parquet."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    if form is Format.CSV:
        from pyarrow import csv

        csv.write_csv(_flat(answer), sink)
    elif form is Format.PARQUET:
        from pyarrow import parquet

        parquet.write_table(answer, sink)
    else:
        import msgspec

        sink.write(msgspec.json.Encoder(enc_hook=str).encode_lines(answer.to_pylist()))
    return bytes(sink.getvalue())


def _flat(answer: "pa.Table") -> "pa.Table":
    """Lists and structs as JSON text: CSV has neither."""
    import msgspec
    import pyarrow as pa

    for at, field in enumerate(answer.schema):
        if pa.types.is_nested(field.type):
            texts = [None if value is None else msgspec.json.encode(value, enc_hook=str).decode() for value in answer[at].to_pylist()]
            answer = answer.set_column(at, field.name, pa.array(texts, pa.string()))
    return answer


def save(content: bytes, path: Path) -> None:
    """Write a file in one step. Raises Terminal where it cannot be written."""
    try:
        half = path.with_name(path.name + ".tmp")
        half.write_bytes(content)
        half.replace(path)
    except OSError as error:
        raise Terminal(f"{path} cannot be written: {error.strerror}") from None


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
