"""The past as windows for a backtest: out of the lake's silver, or out of the files of a simulated history."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from cloud_stream.alerting.columns import FROM_CELLS
from cloud_stream.alerting.evaluation import program
from cloud_stream.alerting.intake import Baseline
from cloud_stream.alerting.rules import Rule
from cloud_stream.connectors.fleet import Fleet
from contracts.errors import Terminal
from contracts.signals import BY_NAME
from lakehouse import reader
from lakehouse.tables import TIME

TABLES = {"telemetry": "silver.telemetry", "cells": "silver.cells", "event": "silver.events"}
IDENTITY = ["vehicle_id", "region", "boot_id", "seq", "event_ts", "known_at"]
WINDOW = timedelta(hours=1)
_MS = pa.timestamp("ms", tz="UTC")


def moment(text: str, option: str) -> datetime:
    """A date or a time as a person writes it, UTC where nothing else is said. Raises Terminal."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Terminal(f"{option} {text!r} is no date or time; write 2026-09-21 or 2026-09-21T14:00") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def of_lake(lake: str, rules: list[Rule], since: datetime, until: datetime) -> Iterator[Mapping[str, pa.Table]]:
    """Silver rows between two instants, hour by hour; only the columns that the rules need."""
    if since >= until:
        raise Terminal(f"--from {since:%Y-%m-%d %H:%M} is not before --to {until:%Y-%m-%d %H:%M}")
    columns = _needed(rules)
    tables = {kind: name for kind, name in TABLES.items() if reader.exists(lake, name)}
    if not tables:
        raise Terminal(f"the lake {lake} has no silver tables yet")
    sets = {kind: reader.dataset(reader.open_table(lake, name)) for kind, name in tables.items()}
    at = since
    while at < until:
        end = min(at + WINDOW, until)
        days = sorted({at.strftime("%Y-%m-%d"), end.strftime("%Y-%m-%d")})
        low, high = (pa.scalar(int(one.timestamp() * 1_000_000), pa.int64()).cast(TIME) for one in (at, end))
        wanted = ds.field("date").isin(days) & (ds.field("event_ts") >= low) & (ds.field("event_ts") < high)
        yield {kind: held.to_table(columns=columns[kind], filter=wanted) for kind, held in sets.items()}
        at = end


def _needed(rules: list[Rule]) -> dict[str, list[str]]:
    signals = [name for name in program(rules).signals if name in BY_NAME]
    return {"telemetry": [*IDENTITY, *signals], "cells": [*IDENTITY, "cell_v", "probe_c"], "event": [*IDENTITY, "event", "attributes"]}


def fleet(lake: str) -> tuple[Mapping[str, tuple[str, frozenset[str]]], Baseline | None]:
    """Model and tags of the vehicles, and what is usual for a model, as the live flow knows them."""
    known = Fleet(lake)
    known.refresh()
    return known.known


def of_files(folder: Path, rules: list[Rule]) -> Iterator[Mapping[str, pa.Table]]:
    """The rows of a history that `voltlake simulate --history … --to files` wrote, window by window."""
    parts = {kind: sorted((folder / name).glob("*.parquet")) for kind, name in (("telemetry", "telemetry"), ("cells", "cells"), ("event", "events"))}
    if not parts["telemetry"]:
        raise Terminal(f"{folder} holds no history: there is no telemetry/*.parquet")
    wanted = {name for name in program(rules).signals if name not in FROM_CELLS} | {"cell_v", "probe_c", "event", "attributes", *IDENTITY, "ts"}
    for names in zip(*parts.values(), strict=True):
        tables = {}
        for kind, path in zip(parts, names, strict=True):
            held = pq.ParquetFile(path)
            tables[kind] = as_silver(held.read(columns=[name for name in held.schema_arrow.names if name in wanted]))
        yield tables


def as_silver(table: pa.Table) -> pa.Table:
    """With the columns that silver has besides."""
    ts = table["ts"].cast(_MS).cast(TIME)
    table = table.append_column("event_ts", ts).append_column("known_at", ts)
    return table if "region" in table.column_names else table.append_column("region", pa.repeat("", table.num_rows))
