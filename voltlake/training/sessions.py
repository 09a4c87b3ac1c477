"""Recorded charging sessions of a folder, cleaned."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from contracts.errors import Terminal
from features.stays import Sessions

FOLDER = "charging_sessions"
_NEEDED = ("source", "site", "start", "end", "charge_min", "park_min", "energy_kwh")
LONGEST_MIN = 2880.0
LEAST_KWH = 0.5


def recorded(data: Path) -> Sessions:
    """The sessions of a folder in order of their start. Sessions without energy, of two days or more, or with impossible times are left out.

    Raises Terminal where there are none or a file is not of the layout.
    """
    tables = [_read(path) for path in sorted((data / FOLDER).glob("*.parquet"))]
    if not tables:
        raise Terminal(f"there are no sessions in {data / FOLDER}: give --data a folder with {FOLDER}/*.parquet, as its README describes them")
    table = pa.concat_tables(tables, promote_options="permissive").sort_by("start")
    start, end = (table[name].cast(pa.timestamp("us")).cast(pa.int64()).to_numpy() / 60e6 for name in ("start", "end"))
    charge, park, energy, soc = (_floats(table, name) for name in ("charge_min", "park_min", "energy_kwh", "soc_start"))
    site = _texts(table, "source") + "/" + _texts(table, "site")
    station = np.where(_texts(table, "station_id") == "", "", site + "/" + _texts(table, "station_id"))
    good = (charge > 0) & (charge < LONGEST_MIN) & (park > 0) & (park < LONGEST_MIN) & (energy > LEAST_KWH) & (end > start)
    known = np.where(soc > 0, soc, np.nan)
    return Sessions(*(column[good] for column in (site, station, start, end, charge, energy, known)))


def _read(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise Terminal(f"{path} cannot be read: {error}; give an intact file or remove it") from None
    missing = [name for name in _NEEDED if name not in table.column_names]
    if missing:
        raise Terminal(f"{path} lacks the columns {', '.join(missing)}; see the README of the data for the layout")
    for name in ("station_id", "soc_start"):
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, pa.string() if name == "station_id" else pa.float64()))
    return table.select([*_NEEDED, "station_id", "soc_start"])


def _floats(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table[name].cast(pa.float64()).to_numpy(zero_copy_only=False), float)


def _texts(table: pa.Table, name: str) -> np.ndarray:
    return np.array([value or "" for value in table[name].cast(pa.string()).to_pylist()], object)
