"""EPA dynamometer tests: wall energy over UDDS and HWFET from mass and road load alone."""

import numpy as np

from simulators.physics.cars import unknown_car
from simulators.physics.trace import Trace, battery_power, wh_per_km
from simulators.validation.recordings import Rows


def column(rows: Rows, name: str) -> np.ndarray:
    """A numeric column of rows."""
    return np.array([float(str(row[name])) for row in rows])


def predicted(values: dict[str, float], rows: Rows, cycles: dict[str, np.ndarray]) -> np.ndarray:
    """Wall Wh/km of each row; NaN where its cycle's speed trace is absent. Wall = battery energy over the charge efficiency."""
    out = np.full(len(rows), np.nan)
    names = np.array([str(row["cycle"]) for row in rows])
    for name in set(names.tolist()) & set(cycles):
        own = np.flatnonzero(names == name)
        some = [rows[at] for at in own]
        load = tuple(column(some, key)[:, None] for key in ("f0_n", "f1_n_per_mps", "f2_n_per_mps2"))
        car = unknown_car(values, column(some, "test_mass_kg")[:, None], (load[0], load[1], load[2]))
        out[own] = wh_per_km(battery_power(car, Trace(cycles[name]))) / values["charge_efficiency"]
    return out


def identity(row: dict[str, object]) -> str:
    """The EPA's number of a test."""
    return str(row["test_number"])


def error_pct(values: dict[str, float], rows: Rows, cycles: dict[str, np.ndarray]) -> np.ndarray:
    """Signed error of each row in percent."""
    return (predicted(values, rows, cycles) / column(rows, "ac_wh_per_km_clean") - 1) * 100
