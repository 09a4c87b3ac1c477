"""What a drive asks of a car, from its speed and height alone: work against rolling, air, slope and inertia, a kilometre. Pure.

Formulae: road load `F = f0 + f1 v + f2 v^2` with the WLTP's corrections for temperature (UN GTR 15, annex 4, 4.5), inertia with 4 % of
rotating mass, slope; recovery fades out between 15 and 5 km/h and brakes with 2.5 m/s2 at most (UN R13-H). Each term is a feature
in Wh/km, so that a model only has to weigh them. `textbook` weighs them with a textbook's losses: the physics model of the features.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

Floats = np.ndarray
GRAVITY_MS2 = 9.80665
ROTATING = 1.04
ROLLING_PER_K = 8.6e-3
WARM_C = 20.0
SCALE_HEIGHT_M = 8434.5
TYRES_WARM_S = 600.0
FADES_MPS = (1.4, 4.2)
BRAKES_MS2 = 2.5
BASE_MPS, SPIN_MPS = 14.0, 30.0
STANDS_MPS = 0.3

TERMS = ("traction", "recovery", "flow", "copper", "spin", "standby", "rolling", "aero", "tyres_cold")
"""Terms of the road, Wh/km: work at the wheels while pulling and while braking (negative), what passes the drive, copper and spinning losses
at 100 % of the motor's power, one watt of standby, rolling, drag, and the rolling of the tyres' first minutes."""
CLIMATE = ("heating", "cooling")
"""Recorded climate, Wh/km."""
GUESSED = ("cold_hours", "hot_hours", "soak")
"""What stands for the climate where it was not recorded: kelvin-hours below 20 and above 22 Celsius, and how hot the cabin was at first, a km."""
STATE = (
    "distance_km",
    "mean_kmh",
    "speed_spread_kmh",
    "stop_share",
    "climb_m_per_km",
    "air_c",
    "cabin_start_c",
    "soc_start_pct",
    "pack_temp_start_c",
)
PAST = ("past_ratio", "past_weight")
FEATURES = (*TERMS, *CLIMATE, *GUESSED, *STATE, "climate_known", "textbook_wh_per_km")
TEXTBOOK: dict[str, float] = {
    "traction": 1.0,
    "recovery": 1.0,
    "flow": 0.05,
    "copper": 0.04,
    "spin": 0.004,
    "standby": 350.0,
    "rolling": 0.0,
    "aero": 0.0,
    "tyres_cold": 0.15,
    "heating": 1.0,
    "cooling": 1.0,
}
"""Losses as in the usual quadratic map of permanent-magnet drives (Roshandel et al. 2021), 350 W of standby; nothing fitted."""


class Figures(NamedTuple):
    """What is known of a model of car from its papers: mass with a driver, road load at 20 Celsius, power of the motor. SI units."""

    mass_kg: float
    f0_n: float
    f1_n_per_mps: float
    f2_n_per_mps2: float
    peak_w: float


class Drive(NamedTuple):
    """Samples of a drive, `dt_s` apart. The climate loads are None where nobody recorded them."""

    speed_mps: Floats
    height_m: Floats
    ambient_c: Floats
    heating_w: Floats | None
    cooling_w: Floats | None
    dt_s: float = 1.0

    def part(self, first: int, last: int) -> "Drive":
        """The samples from `first` up to but not with `last`."""
        cut = [column if column is None or isinstance(column, float) else column[first:last] for column in self]
        return Drive(*cut)  # type: ignore[arg-type]


def described(drive: Drive, car: Figures, start: Mapping[str, float], tyres_s: float = 0.0) -> dict[str, float]:
    """All features of a drive. `start` has `cabin_c`, `soc_pct`, `pack_temp_c` at its start; `tyres_s` = how long it has been going on before.

    NaN where it goes nowhere: then nothing can be said a kilometre.
    """
    speed, km = _between(drive.speed_mps), float(np.sum(_between(drive.speed_mps)) * drive.dt_s / 1000)
    if km <= 0:
        return dict.fromkeys(FEATURES, float("nan"))
    per_km = drive.dt_s / 3600 / km
    terms = {name: float(np.sum(power)) * per_km for name, power in _powers(drive, car, tyres_s).items()}
    climate = _climate(drive, per_km)
    ambient = _between(drive.ambient_c)
    kmh = speed * 3.6
    terms |= climate
    terms |= {
        "cold_hours": float(np.sum(np.maximum(WARM_C - ambient, 0))) * per_km,
        "hot_hours": float(np.sum(np.maximum(ambient - 22, 0))) * per_km,
        "soak": _finite(start["cabin_c"], float(ambient[0]), 22.0) / km,
        "distance_km": km,
        "mean_kmh": float(kmh.mean()),
        "speed_spread_kmh": float(kmh.std()),
        "stop_share": float(np.mean(speed < STANDS_MPS)),
        "climb_m_per_km": float(drive.height_m[-1] - drive.height_m[0]) / km,
        "air_c": float(ambient.mean()),
        "cabin_start_c": float(start["cabin_c"]),
        "soc_start_pct": float(start["soc_pct"]),
        "pack_temp_start_c": float(start["pack_temp_c"]),
        "climate_known": float(drive.heating_w is not None),
    }
    terms["textbook_wh_per_km"] = sum(weight * terms[name] for name, weight in TEXTBOOK.items())
    return {name: terms[name] for name in FEATURES}


def _finite(value: float, otherwise: float, less: float) -> float:
    return (value if np.isfinite(value) else otherwise) - less


def _between(values: Floats) -> Floats:
    return np.asarray((values[1:] + values[:-1]) / 2)


def _powers(drive: Drive, car: Figures, tyres_s: float) -> dict[str, Floats]:
    """Watts of each term in each interval."""
    speed, ambient, height = _between(drive.speed_mps), _between(drive.ambient_c), _between(drive.height_m)
    accel, climb = np.diff(drive.speed_mps) / drive.dt_s, np.diff(drive.height_m)
    moves = speed > 0.01
    rolling = (car.f0_n + car.f1_n_per_mps * speed) * (1 + ROLLING_PER_K * (WARM_C - ambient)) * moves
    drag = car.f2_n_per_mps2 * (WARM_C + 273.15) / (ambient + 273.15) * np.exp(-height / SCALE_HEIGHT_M) * speed**2
    slope = np.where(speed > STANDS_MPS, climb / np.maximum(speed * drive.dt_s, STANDS_MPS), 0)
    force = rolling + drag + car.mass_kg * (ROTATING * accel + GRAVITY_MS2 * slope)
    share = np.clip((speed - FADES_MPS[0]) / (FADES_MPS[1] - FADES_MPS[0]), 0, 1)
    motor = np.where(force > 0, force, np.maximum(force, -car.mass_kg * BRAKES_MS2) * share)
    passed = motor * speed
    return {
        "traction": np.maximum(passed, 0),
        "recovery": np.minimum(passed, 0),
        "flow": np.abs(passed),
        "copper": (motor * BASE_MPS / car.peak_w) ** 2 * car.peak_w,
        "spin": speed / SPIN_MPS * car.peak_w,
        "standby": np.ones_like(speed),
        "rolling": rolling * speed,
        "aero": drag * speed,
        "tyres_cold": rolling * speed * np.exp(-(tyres_s + np.arange(len(speed)) * drive.dt_s) / TYRES_WARM_S),
    }


def _climate(drive: Drive, per_km: float) -> dict[str, float]:
    if drive.heating_w is None or drive.cooling_w is None:
        return {"heating": 0.0, "cooling": 0.0}
    return {"heating": float(np.sum(_between(drive.heating_w))) * per_km, "cooling": float(np.sum(_between(drive.cooling_w))) * per_km}


HALF_TRIPS = 3.0
BELIEVED = 0.1


def past(ratios: Floats) -> tuple[Floats, Floats]:
    """How a vehicle did on its trips so far: after each trip the mean log ratio of used to textbook energy, and its weight.

    ratios: of its trips, in order. A trip's weight halves every three trips; a ratio is believed up to 10 % from the median so far.
    """
    means, weights = np.full(len(ratios), np.nan), np.zeros(len(ratios))
    total = weight = 0.0
    for at, ratio in enumerate(ratios):
        middle = float(np.median(ratios[: at + 1]))
        fade = 0.5 ** (1 / HALF_TRIPS)
        total = total * fade + float(np.clip(ratio, middle - BELIEVED, middle + BELIEVED))
        weight = weight * fade + 1
        means[at], weights[at] = total / weight, weight
    return means, weights
