"""Hours of cell voltages to learn from and to judge by: the recorded cars of a folder, and a simulated fleet with faults and their labels."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from contracts.errors import Terminal
from features.cells import WINDOW_S, Hour
from simulators.history.tables import Wanted, faults_of, windows
from simulators.physics.world import Fleet
from simulators.scenarios.plan import Fault, vehicle_id
from simulators.scenarios.scenario import parsed

FOLDER = "ev_battery_faults"
RAW_OFFSET_C, INVALID_C = 40.0, (255.0, 511.0)
SERIOUS = 3


class PackHour(NamedTuple):
    """An hour of a pack: whose, its start (epoch seconds), the samples, and the cells that were faulty in it (numbers from 0).

    `unsure` are cells whose fault is too young, or over too short, to be seen or not: nobody learns from them. `healthy`: none ever was.
    """

    vehicle_id: str
    start_s: float
    hour: Hour
    faulty: frozenset[int] = frozenset()
    unsure: frozenset[int] = frozenset()
    healthy: bool = True


class Car(NamedTuple):
    """A recorded car: its hours in order, the names of its cells, and when its BMS first raised a level-3 alarm (None: never, or not recorded)."""

    name: str
    hours: list[PackHour]
    cells: tuple[str, ...]
    first_serious_s: float | None
    alarms_recorded: bool
    days: float


def recorded(data: Path) -> list[Car]:
    """The recorded cars of a folder. Raises Terminal where there are none or a file is not of the layout."""
    paths = sorted((data / FOLDER).glob("*.parquet"))
    if not paths:
        raise Terminal(f"there are no cars in {data / FOLDER}: give --data a folder with {FOLDER}/*.parquet, as its README describes them")
    return [_car(path) for path in paths]


def _car(path: Path) -> Car:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise Terminal(f"{path} cannot be read: {error}; give an intact file or remove it") from None
    cells = [name for name in table.column_names if name.startswith("V_")]
    missing = [name for name in ("tboxTime", "BMSBatteryCurrent") if name not in table.column_names] + ([] if cells else ["V_1, V_2, …"])
    if missing:
        raise Terminal(f"{path} lacks the columns {', '.join(missing)}; see the README of the data for the layout")
    table = table.sort_by("tboxTime")
    at_s = table["tboxTime"].cast(pa.timestamp("us")).cast(pa.int64()).to_numpy() / 1e6
    volts = np.stack([_floats(table, name) for name in cells], axis=1)
    amps = -_floats(table, "BMSBatteryCurrent")
    probes = [name for name in table.column_names if name.startswith("T_")]
    probe_c = _celsius(np.stack([_floats(table, name) for name in probes], axis=1)) if probes else np.full((len(at_s), 1), np.nan)
    hour = (at_s // WINDOW_S).astype(np.int64)
    edges = np.flatnonzero(np.diff(hour, prepend=hour[0] - 1))
    hours = [
        PackHour(path.stem, float(hour[own[0]] * WINDOW_S), Hour(volts[own], amps[own], probe_c[own]))
        for own in np.split(np.arange(len(hour)), edges[1:])
    ]
    level = _floats(table, "BMSWarningInformation") if "BMSWarningInformation" in table.column_names else None
    serious = np.flatnonzero(level >= SERIOUS) if level is not None else np.empty(0, int)
    first = float(at_s[serious[0]]) if len(serious) else None
    return Car(path.stem, hours, tuple(cells), first, level is not None, float(len(np.unique(at_s // 86_400))))


def _floats(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table[name].cast(pa.float64()).to_numpy(zero_copy_only=False), float)


def _celsius(raw: np.ndarray) -> np.ndarray:
    """Probes without invalid values and without the raw offset of 40 that some units leave in."""
    valid = np.where(np.isin(raw, INVALID_C), np.nan, raw)
    return valid - RAW_OFFSET_C if np.nanmedian(valid) > RAW_OFFSET_C + 5 else valid


VEHICLES, DAYS, CADENCE_S = 80, 6.0, 60.0
START_S = 1_714_521_600.0
_KINDS = {
    "cell.weak_capacity": (0.3, 1.0),
    "cell.self_discharge": (0.3, 1.0),
    "cell.high_resistance": (0.3, 1.0),
    "cell.internal_short": (0.2, 1.0),
    "cell.thermal_runaway": (0.3, 1.0),
}
SCENARIO = "name: cells to learn from\nfaults:\n" + "".join(
    f"- {{kind: {kind}, vehicles: {{share: 0.1}}, start_s: [21600, 172800], duration_s: 432000, severity: [{low}, {high}]}}\n"
    for kind, (low, high) in _KINDS.items()
)
MATURED = 0.25
"""A fault that grows is taken for one from a quarter of its time on: before, nothing of it can be seen."""


def simulated(progress: Callable[[str], None], vehicles: int = VEHICLES, days: float = DAYS) -> Iterator[PackHour]:
    """Hours of a simulated fleet, half of them with a faulty cell at some time. Vehicles with several faults are left out."""
    wanted = Wanted(
        fleet=Fleet(vehicles=vehicles, seed=11), start_s=START_S, days=days, cadence_s=CADENCE_S, cells_s=CADENCE_S, window_s=WINDOW_S, prefix="CELL"
    )
    faults = faults_of(wanted, parsed(SCENARIO))
    by_vehicle: dict[str, list[Fault]] = {}
    for fault in faults:
        by_vehicle.setdefault(vehicle_id(wanted.prefix, fault.vehicle), []).append(fault)
    for number, window in enumerate(windows(wanted, faults)):
        if number % 24 == 0:
            progress(f"simulating the cells of {vehicles} vehicles, day {number // 24 + 1} of {days:.0f}")
        yield from _hours(window.cells, window.telemetry, by_vehicle)


def _hours(cells: pa.Table, telemetry: pa.Table, faults: dict[str, list[Fault]]) -> Iterator[PackHour]:
    placed = cells.select(["vehicle_id", "ts"]).append_column("place", pa.array(np.arange(cells.num_rows)))
    joined = placed.join(telemetry.select(["vehicle_id", "ts", "pack_a"]), ["vehicle_id", "ts"], join_type="inner")
    joined = joined.sort_by([("vehicle_id", "ascending"), ("ts", "ascending")]).combine_chunks()
    lists = cells.select(["cell_v", "probe_c"]).take(joined["place"]).combine_chunks()
    names = np.asarray(joined["vehicle_id"].to_pylist(), object)
    edges = np.flatnonzero(names[1:] != names[:-1]) + 1
    for own in np.split(np.arange(len(names)), edges):
        part = joined.slice(own[0], len(own))
        volts, probes = (_matrix(lists[name].slice(own[0], len(own))) for name in ("cell_v", "probe_c"))
        amps = np.asarray(part["pack_a"].to_numpy(zero_copy_only=False), float)
        start_s = part["ts"][0].as_py() / 1000
        vehicle = str(names[own[0]])
        mine = faults.get(vehicle, [])
        if len(mine) <= 1:
            faulty, unsure = _known(mine, start_s, volts.shape[1])
            yield PackHour(vehicle, start_s, Hour(volts, amps, probes), faulty, unsure, not mine)


def _matrix(column: pa.ChunkedArray) -> np.ndarray:
    lists = column.combine_chunks()
    return np.asarray(lists.flatten().to_numpy(zero_copy_only=False), float).reshape(len(lists), -1)


def _known(faults: list[Fault], at_s: float, cells: int) -> tuple[frozenset[int], frozenset[int]]:
    """The cells that are faulty by now, and those whose fault has begun and cannot be asked for yet."""
    for fault in faults:
        cell = frozenset([min(int(fault.parameters.get("cell_share", 0.0) * cells), cells - 1)])
        if at_s >= fault.start_s + MATURED * (fault.end_s - fault.start_s):
            return cell, frozenset()
        if at_s >= fault.start_s - WINDOW_S:
            return frozenset(), cell
    return frozenset(), frozenset()
