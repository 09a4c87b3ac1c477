"""Reads the measured data from a folder of the layout that its README describes. Nothing of it is copied into the project.

Every file of a sub-folder that has the wanted columns is read, so that other trips, cars and tests are picked up as they are.
A sub-folder that is absent gives None; a file without the columns is a Terminal that says which are missing.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from contracts.errors import Terminal

Rows = list[dict[str, object]]
SHORTEST_S = 60
"""A drive shorter than this says nothing."""
MOSTLY = 0.8
"""A drive of which less than this share is recorded is left out."""
_NEEDED = ("speed_kmh", "elevation_m", "batt_voltage_v", "batt_current_a", "batt_temp_c", "soc_pct", "ambient_temp_c")


class Drive(NamedTuple):
    """One recorded drive at 1 Hz. Columns by name, as arrays of one length."""

    name: str
    columns: dict[str, np.ndarray]

    @property
    def identity(self) -> str:
        """Tells one recording from another, also where two folders use the same name."""
        return f"{self.name}/{len(self.columns['speed_kmh'])}"

    @property
    def number(self) -> int:
        """The running number at the end of the name; 1 where there is none."""
        digits = "".join(sign if sign.isdigit() else " " for sign in self.name).split()
        return int(digits[-1]) if digits else 1


def _read(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pa.parquet.read_table(path)
        return pa.csv.read_csv(pa.input_stream(str(path), compression="detect"))
    except (pa.ArrowException, OSError) as error:
        raise Terminal(f"{path} cannot be read: {error}; give an intact file or remove it") from None


def _tables(folder: Path, patterns: Iterable[str], wanted: Iterable[str]) -> list[pa.Table]:
    """Tables of all matching files, each with its running row number from 1 in `row`."""
    found = []
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        table = _read(path)
        missing = sorted(set(wanted) - set(table.column_names))
        if missing:
            raise Terminal(f"{path} lacks the columns {', '.join(missing)}; see the README of the data for the layout")
        found.append(table.append_column("row", pa.array(range(1, len(table) + 1))))
    return found


def epa_tests(data: Path) -> Rows | None:
    """Clean EPA tests: without the suspect rows and the Bolt EV 1NFV5831. `row` is the running number in the file."""
    wanted = ("test_number", "test_vehicle_id", "test_mass_kg", "f0_n", "f1_n_per_mps", "f2_n_per_mps2", "cycle", "ac_wh_per_km_clean")
    rows = [row for table in _tables(data / "epa_ev_dyno", ("*.csv",), wanted) for row in table.to_pylist()]
    clean = [
        row for row in rows if not _true(row.get("unit_suspect")) and not _true(row.get("adjusted_suspect")) and row["test_vehicle_id"] != "1NFV5831"
    ]
    return [row for row in clean if all(row[name] not in {None, ""} for name in wanted)] or None


def _true(value: object) -> bool:
    return str(value).lower() in {"true", "1"}


def cycles(data: Path) -> dict[str, np.ndarray] | None:
    """Speed traces in m/s at 1 Hz by name."""
    traces: dict[str, np.ndarray] = {}
    for table in _tables(data / "drive_cycles", ("*cycles*.csv.gz", "*cycles*.csv"), ("cycle", "time_s", "speed_mps")):
        names = np.asarray(table["cycle"].to_pylist())
        time, speed = table["time_s"].to_numpy(), table["speed_mps"].to_numpy()
        for name in dict.fromkeys(names.tolist()):
            own = names == name
            seconds = np.arange(round(float(time[own][-1])) + 1)
            traces[str(name)] = np.interp(seconds, time[own], speed[own])
    return traces or None


def drives(data: Path, folder: str = "bmw_i3_driving") -> list[Drive] | None:
    """Recorded drives of the BMW i3."""
    found = []
    for table in _tables(data / folder, ("*.parquet",), ("trip", *_NEEDED)):
        names = np.asarray(table["trip"].to_pylist())
        numeric = [field.name for field in table.schema if pa.types.is_floating(field.type) or pa.types.is_integer(field.type)]
        values = {name: table[name].to_numpy().astype(float) for name in numeric}
        for name in dict.fromkeys(names.tolist()):
            own = names == name
            repaired = _at_1_hz({key: column[own] for key, column in values.items()})
            if repaired is not None:
                found.append(Drive(str(name), repaired))
    return found or None


def _at_1_hz(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray] | None:
    """A drive on whole seconds, with missing values filled between their neighbours; None where too much of it is missing."""
    length = len(columns["speed_kmh"])
    time = columns.get("time_s", np.arange(length, dtype=float))
    good = np.isfinite(time) & (np.diff(time, prepend=-np.inf) > 0)
    every = np.arange(time[good][0], time[good][-1] + 0.5) if good.any() else np.empty(0)
    if len(every) < SHORTEST_S:
        return None
    filled = {}
    for name, column in columns.items():
        known = good & np.isfinite(column)
        if known.sum() < MOSTLY * len(every):
            if name in _NEEDED:
                return None
            continue
        filled[name] = np.interp(every, time[known], column[known])
    return filled


def fastsim(data: Path) -> tuple[Rows, dict[str, dict[str, object]]] | None:
    """FASTSim's consumptions, and its vehicle parameters by name."""
    folder = data / "fastsim"
    results = [row for t in _tables(folder, ("*consumption*.csv",), ("vehicle", "mass_kg", "cd", "crr", "motor_kw")) for row in t.to_pylist()]
    cars = [row for t in _tables(folder, ("*parameters*.csv",), ("Scenario name",)) for row in t.to_pylist()]
    return (results, {str(car["Scenario name"]): car for car in cars}) if results else None


def dc_curves(data: Path) -> Rows | None:
    """Points of DC charging curves, in the order of the file."""
    wanted = ("id", "brand", "model", "usable_kwh", "soc_pct", "power_kw")
    return [row for table in _tables(data / "ev_specs", ("*dc_curves*.csv",), wanted) for row in table.to_pylist()] or None


def sessions(data: Path, site: str = "jpl") -> dict[str, np.ndarray] | None:
    """Charging sessions of a site: `start_h` (local hour), `weekday` (0 = Monday), `park_h`, `energy_kwh`, `row`."""
    wanted = ("source", "start", "park_min", "energy_kwh")
    for table in _tables(data / "charging_sessions", ("*.parquet",), wanted):
        own = np.array([site in str(source).lower() for source in table["source"].to_pylist()])
        if own.any():
            start = table["start"].to_numpy()[own].astype("datetime64[s]").astype(np.int64)
            return {
                "start_h": start % 86400 / 3600,
                "weekday": (start // 86400 + 3) % 7,
                "park_h": table["park_min"].to_numpy()[own] / 60,
                "energy_kwh": table["energy_kwh"].to_numpy()[own].astype(float),
                "row": np.arange(1, int(own.sum()) + 1),
            }
    return None
