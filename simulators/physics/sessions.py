"""When people plug in and how much they take: a compact parametric model, fitted on real sessions.

Start hour: a mixture of normal distributions on the 24-hour circle, for workdays and for weekends together. Energy: a mixture of
log-normals. Stay: log-normal. A draw goes through the inverse of the distribution on a fixed grid.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from simulators.physics.models import fits
from simulators.physics.road import Array

HOURS: Array = np.linspace(0, 24, 481)
KWH: Array = np.geomspace(0.05, 150, 600)
STARTS = 4
ENERGIES = 3


class Behaviour(NamedTuple):
    """Cumulative distributions on `HOURS` and `KWH`, and the share of sessions on each weekday (0 = Monday)."""

    start_cdf: Array
    energy_cdf: Array
    weekday: Array


def _normal_cdf(x: Array) -> Array:
    """Standard normal distribution (Abramowitz and Stegun 7.1.26, error below 2e-7)."""
    t = 1 / (1 + 0.3275911 * np.abs(x) / np.sqrt(2))
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    tail = 1 - poly * np.exp(-x * x / 2)
    return 0.5 * (1 + np.sign(x) * tail)


def start_cdf(values: Mapping[str, float]) -> Array:
    """Distribution of the start hour on `HOURS`."""
    total = np.zeros(len(HOURS))
    for part in range(STARTS):
        weight, mean, width = (values[f"start_{part}_{name}"] for name in ("weight", "hour", "width_h"))
        for turn in (-24, 0, 24):
            total += weight * (_normal_cdf((HOURS - mean + turn) / width) - _normal_cdf(np.asarray((0 - mean + turn) / width)))
    return total / total[-1]


def energy_cdf(values: Mapping[str, float]) -> Array:
    """Distribution of the energy on `KWH`."""
    total = np.zeros(len(KWH))
    for part in range(ENERGIES):
        weight, median, spread = (values[f"energy_{part}_{name}"] for name in ("weight", "kwh", "spread"))
        total += weight * _normal_cdf(np.log(KWH / median) / spread)
    return np.clip(total / total[-1], 0, 1)


@lru_cache(maxsize=1)
def workplace() -> Behaviour:
    """The shipped behaviour at a workplace (JPL)."""
    values = fits()["sessions"].values
    return Behaviour(start_cdf(values), energy_cdf(values), np.array([values[f"weekday_{day}"] for day in range(7)]))


def start_hours(behaviour: Behaviour, uniform: Array) -> Array:
    """Start hours for numbers drawn evenly from [0, 1)."""
    return np.interp(uniform, behaviour.start_cdf, HOURS)


def energies_kwh(behaviour: Behaviour, uniform: Array) -> Array:
    """Energies in kWh for numbers drawn evenly from [0, 1)."""
    return np.interp(uniform, behaviour.energy_cdf, KWH)
