"""Recordings of real drives as columns of signals: read, mapped, checked, with what can be derived from them. Parquet or CSV."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from contracts.errors import Terminal
from contracts.signals import BY_NAME, Signal
from simulators.frames import Floats
from simulators.mapping import Cells as CellColumns
from simulators.mapping import Columns, Mapping, Row

log = logging.getLogger("simulators.recordings")

_LONGEST_GAP = 10
"""A gap counts in integrals for at most so many usual periods: nobody knows what flowed meanwhile."""
_TO_SECONDS = {"s": 1.0, "ms": 1e-3, "timestamp": 1e-6}


class Cells(msgspec.Struct, frozen=True):
    """Rows of the recording with all cells: which rows, their voltages (rows, cells) and their probes (rows, probes), all known."""

    rows: NDArray[np.int64]
    cell_v: Floats
    probe_c: Floats


class Recording(msgspec.Struct, frozen=True):
    """One trip: `time_s` from 0 on, ascending, and a column a signal with NaN where there is no value."""

    vehicle_id: str
    trip: str
    model: str
    time_s: Floats
    columns: dict[str, Floats]
    cells: Cells | None = None


def load(path: Path, mappings: Sequence[Mapping]) -> list[Recording]:
    """The trips of a file, by the mapping that fits it best. Raises Terminal for a file that no mapping can use."""
    table = _read(path)
    fitting = [mapping for mapping in mappings if mapping.needs <= set(table.column_names)]
    if not fitting:
        lacks = "; ".join(f"{one.name}: {_few(sorted(one.needs - set(table.column_names)))}" for one in mappings)
        raise Terminal(f"{path} fits no mapping, it lacks columns ({lacks}); give a mapping file for it")
    mapping = max(fitting, key=lambda one: len(one.needs))
    if not table.num_rows:
        raise Terminal(f"{path} has no rows")
    if not mapping.trip:
        return [_recording(table, mapping, path.stem)]
    trips = pc.unique(table[mapping.trip]).to_pylist()
    found = [_recording(table.filter(pc.equal(table[mapping.trip], trip)), mapping, str(trip)) for trip in trips if trip is not None]
    return [one for one in found if len(one.time_s)]


def _few(names: list[str]) -> str:
    """At most five names."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise Terminal(f"cannot read the recording {path}: there is no such file")
    try:
        if path.suffix == ".csv" or path.name.endswith(".csv.gz"):
            return pa.csv.read_csv(path)
        return pa.parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())[:200]
        raise Terminal(f"cannot read the recording {path}: {why}; it must be Parquet or CSV") from None


def _recording(table: pa.Table, mapping: Mapping, trip: str) -> Recording:
    time = _time(table[mapping.time.column], mapping)
    order = np.argsort(time, kind="stable")
    order = order[np.isfinite(time[order])]
    if len(order) < len(time):
        log.warning("trip %s: %d rows without a time are left out", trip, len(time) - len(order))
    columns, time = {}, time[order]
    for name, source in mapping.signals.items():
        values = _values(table, source)[order]
        out = (values < BY_NAME[name].low) | (values > BY_NAME[name].high)
        if out.any():
            log.warning("trip %s: %d values of %s are outside its range and are left out", trip, int(out.sum()), name)
        columns[name] = np.where(out, np.nan, values)
    time = time - time[0] if len(time) else time
    identity = re.sub(r"[^A-Z0-9-]+", "-", f"{mapping.prefix}-{trip}".upper())[:32]
    cells = _cells(table, mapping.cells, order, time) if mapping.cells and len(time) else None
    return Recording(identity, trip, mapping.model, time, columns | derived(time, columns), cells)


def _cells(table: pa.Table, mapping: CellColumns, order: NDArray[np.int64], time: Floats) -> Cells:
    """One row every so many seconds. A probe that is never there is none; a row that lacks a cell or a probe is left out."""
    every = np.floor(time / mapping.every_s)
    rows = np.flatnonzero(np.diff(every, prepend=-1.0) > 0)
    volts = _table(table, mapping.cell_v, BY_NAME["cell_v_min"])[order[rows]]
    probes = _table(table, mapping.probe_c, BY_NAME["pack_temp_c"])[order[rows]]
    probes = probes[:, ~np.isnan(probes).all(axis=0)]
    whole = ~(np.isnan(volts).any(axis=1) | np.isnan(probes).any(axis=1))
    if not whole.all():
        log.warning("%d of %d rows of cells hold values that are missing or impossible and are left out", int((~whole).sum()), len(rows))
    return Cells(rows[whole], volts[whole], probes[whole])


def _table(table: pa.Table, row: Row, signal: Signal) -> Floats:
    """(rows, columns); NaN where there is no value, or an impossible one."""
    values = np.stack([_values(table, Columns((name,), row.factor, row.offset, {}, row.missing)) for name in row.columns], axis=1)
    return np.where((values < signal.low) | (values > signal.high), np.nan, values)


def _time(column: pa.ChunkedArray, mapping: Mapping) -> Floats:
    """Seconds; NaN where there is none."""
    try:
        if mapping.time.unit == "timestamp":
            column = column.cast(pa.timestamp("us")).cast(pa.int64())
        return _floats(column) * _TO_SECONDS[mapping.time.unit]
    except pa.ArrowException as error:
        raise Terminal(f"column {mapping.time.column} is no time in {mapping.time.unit}: {error}") from None


def _values(table: pa.Table, source: Columns) -> Floats:
    total = np.zeros(table.num_rows)
    for column in source.columns:
        if source.values:
            words = table[column].to_pylist()
            raw = np.array([source.values.get(str(word), np.nan) for word in words], dtype=np.float64)
        else:
            try:
                raw = _floats(table[column])
            except pa.ArrowException as error:
                raise Terminal(f"column {column} holds no numbers: {error}") from None
        total += np.where(np.isin(raw, source.missing), np.nan, raw) if source.missing else raw
    return total * source.factor + source.offset


def _floats(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)


def derived(time_s: Floats, columns: dict[str, Floats]) -> dict[str, Floats]:
    """Power, acceleration and cumulative counters, as far as the columns allow.

    A sample stands for the time since the one before it, the first for one usual period; so the last value of a counter is the
    sum over all samples of value times period. Where a value is missing nothing is counted.
    """
    found: dict[str, Floats] = {}
    if len(time_s) < 2:
        return found
    gaps = np.diff(time_s)
    period = float(np.median(gaps)) or 1.0
    dt = np.minimum(np.concatenate(([period], gaps)), _LONGEST_GAP * period)
    if "speed_kmh" in columns:
        speed = columns["speed_kmh"] / 3.6
        found["odometer_m"] = np.floor(np.cumsum(np.abs(np.nan_to_num(speed)) * dt))
        found["acceleration_ms2"] = np.clip(np.concatenate(([0.0], np.diff(speed) / np.maximum(gaps, 0.1))), -20, 20)
    if "pack_v" in columns and "pack_a" in columns:
        amps, watts = columns["pack_a"], columns["pack_v"] * columns["pack_a"]
        found["pack_w"] = watts
        for name, flow, unit in (("energy_{}_kwh", watts, 3.6e6), ("charge_{}_ah", amps, 3600.0)):
            flow = np.nan_to_num(flow)
            found[name.format("in")] = np.cumsum(np.maximum(flow, 0.0) * dt) / unit
            found[name.format("out")] = np.cumsum(np.maximum(-flow, 0.0) * dt) / unit
        if "speed_kmh" in columns:
            moving = np.nan_to_num(columns["speed_kmh"]) > 0
            found["regen_kwh"] = np.cumsum(np.maximum(np.nan_to_num(watts), 0.0) * moving * dt) / 3.6e6
    return found
