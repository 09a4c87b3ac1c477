"""Fits the parameters that are shipped in `simulators/physics/fitted.yaml`, on the fit part of each data set only.

Each fit is a robust least-squares fit with a prior: textbook values with the spread that the literature leaves, so that few
drives cannot push a parameter to where no car is.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares

from simulators.physics.models import Fit
from simulators.validation import epa, i3
from simulators.validation.recordings import Drive, Rows
from simulators.validation.split import is_test

Values = dict[str, float]


class Prior(NamedTuple):
    """Where a parameter is expected and how far from there it may reasonably be."""

    value: float
    spread: float


# The first two: regression of rated power on mass over the EPA's cars of 2022 (200 kW at 2 t, exponent 2.65).
DRIVETRAIN: dict[str, Prior] = {
    "peak_kw_at_2t": Prior(200, 15),
    "peak_exponent": Prior(2.65, 0.15),
    "idle": Prior(2e-3, 1.5e-3),
    "spin": Prior(5e-3, 3e-3),
    "copper": Prior(0.03, 0.02),
    "gear": Prior(0.04, 0.02),
    "aux_w": Prior(250, 80),
    "charge_efficiency": Prior(0.87, 0.015),
}
I3: dict[str, Prior] = {
    "mass_kg": Prior(1330, 20),
    "f0_n": Prior(110, 12),
    "f2_n_per_mps2": Prior(0.4155, 0.03),
    "idle": Prior(2e-3, 1e-3),
    "spin": Prior(4e-3, 2e-3),
    "copper": Prior(0.04, 0.02),
    "gear": Prior(0.05, 0.02),
    "aux_w": Prior(350, 150),
    "tyre_cold": Prior(0.15, 0.15),
    "tyre_warm_s": Prior(600, 200),
    "heat_gain": Prior(1.0, 0.15),
    "cool_gain": Prior(1.0, 0.15),
}
I3_PACK: dict[str, Prior] = {"r0_ohm": Prior(0.06, 0.03), "r1_ohm": Prior(0.025, 0.02), "r2_ohm": Prior(0.04, 0.04)}
WINDOW_S = 360


def robust(error: np.ndarray) -> np.ndarray:
    """Residuals whose squares grow like the absolute error beyond 1 (pseudo-Huber)."""
    return np.sign(error) * np.sqrt(2 * (np.sqrt(1 + error * error) - 1))


def solve(priors: dict[str, Prior], residuals: Callable[[Values], np.ndarray]) -> Values:
    """The values that make robust residuals and the distance from the priors least. Deterministic."""
    start = np.array([prior.value for prior in priors.values()])
    spread = np.array([prior.spread for prior in priors.values()])

    def scaled(offsets: np.ndarray) -> np.ndarray:
        values = dict(zip(priors, (start + offsets * spread).tolist(), strict=True))
        return np.concatenate([robust(residuals(values)), offsets])

    found = least_squares(scaled, np.zeros(len(start)), xtol=1e-6)
    return {name: round(float(value), 6) for name, value in zip(priors, start + found.x * spread, strict=True)}


def fit_drivetrain(rows: Rows, cycles: dict[str, np.ndarray]) -> Fit:
    """Losses common to all cars, from the EPA tests of the fit part."""
    own = [row for row in rows if not is_test(int(str(row["row"])))]
    values = solve(DRIVETRAIN, lambda given: epa.error_pct(given, own, cycles) / 2)
    error = np.abs(epa.error_pct(values, own, cycles))
    source = "US EPA 2022 certification tests, rows whose number in the file is not divisible by 4; priors of the textbook loss map"
    return Fit(source, [epa.identity(row) for row in own], values, {"mae_pct": round(float(error.mean()), 2)})


def _windows(power: np.ndarray) -> np.ndarray:
    """Energy in Wh of each window of a drive."""
    parts = np.array_split(power, max(1, round(len(power) / WINDOW_S)))
    return np.array([part.sum() for part in parts]) / 3600


def fit_i3(drives: Sequence[Drive]) -> Fit:
    """The i3's road load, losses and loads, from the drives of the fit part: energy of whole drives and of their windows."""
    own = [drive for drive in drives if not is_test(drive.number) and drive.name != i3.IMPOSSIBLE]

    def residuals(values: Values) -> np.ndarray:
        parts = []
        for drive in own:
            error = i3.power_w(values, i3.trace(values, drive)) - i3.measured_w(drive)
            measured = i3.measured_w(drive).sum()
            parts.append(np.array([error.sum() / measured * 100 / 4]))
            parts.append(_windows(error) / 20)
        return np.concatenate(parts)

    values = solve(I3, residuals)
    figure = round(i3.mape_pct([i3.energies(values, drive) for drive in own]), 2)
    source = "BMW i3 60 Ah summer drives (Steinstraeter et al. 2020) whose number is not divisible by 4, without TripA06"
    return Fit(source, [drive.identity for drive in own], values, {"mape_pct": figure})


def fit_i3_pack(drives: Sequence[Drive]) -> Fit:
    """The i3's pack resistances, from voltage over recorded current."""
    own = [drive for drive in drives if not is_test(drive.number)]

    def residuals(values: Values) -> np.ndarray:
        return np.concatenate([(i3.voltage(values, drive) - drive.columns["batt_voltage_v"])[::20] / 4 for drive in own])

    values = solve(I3_PACK, residuals)
    error = np.concatenate([i3.voltage(values, drive) - drive.columns["batt_voltage_v"] for drive in own])
    source = "BMW i3 60 Ah summer drives (Steinstraeter et al. 2020) whose number is not divisible by 4"
    return Fit(source, [drive.identity for drive in own], values, {"rmse_v": round(float(np.sqrt(np.mean(error**2))), 3)})
