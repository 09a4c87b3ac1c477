"""History as files: Parquet by kind and day, the labels of its faults, and nothing half-written."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from contracts.errors import Terminal
from simulators.history.tables import Wanted, windows
from simulators.scenarios import labels
from simulators.scenarios.plan import Fault, vehicle_id

KINDS = ("telemetry", "cells", "events")


class Written(msgspec.Struct, frozen=True):
    """What was written: rows by kind, and labels."""

    telemetry: int
    cells: int
    events: int
    labels: int


def write(wanted: Wanted, faults: Sequence[Fault], folder: Path, progress: Callable[[float], None] | None = None) -> Written:
    """Write the history below `folder` as `{kind}/part-{window}.parquet` and `labels.jsonl`.

    `progress` hears the share that is done. Raises Terminal where the folder holds a history already or cannot be written.
    """
    if any((folder / kind).exists() for kind in KINDS):
        raise Terminal(f"{folder} holds a history already; name another folder or remove it")
    blocks = -(-wanted.fleet.vehicles // wanted.block)
    count = max(1.0, blocks * wanted.days * 86_400 / wanted.window_s)
    rows = dict.fromkeys(KINDS, 0)
    try:
        for at, window in enumerate(windows(wanted, faults)):
            for kind in KINDS:
                table: pa.Table = getattr(window, kind)
                _write(table, folder / kind / f"part-{at:06d}.parquet")
                rows[kind] += table.num_rows
            if progress:
                progress(min((at + 1) / count, 1.0))
    except OSError as error:
        raise Terminal(f"the history cannot be written to {folder}: {error}") from None
    written = labels.write(faults, lambda number: vehicle_id(wanted.prefix, number), folder / "labels.jsonl")
    return Written(rows["telemetry"], rows["cells"], rows["events"], written)


def _write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".tmp")
    pq.write_table(table, half, compression="zstd")
    half.replace(path)
