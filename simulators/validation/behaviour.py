"""Charging behaviour: drawn start hours and energies against real sessions, and the fit of the model that draws them."""

import numpy as np
from scipy.optimize import least_squares

from simulators.physics import draws, sessions
from simulators.physics.models import Fit
from simulators.validation.split import FOLD

SEED = 20260701
DRAWS = 20_000


def parts(real: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Masks of the fit part and the test part."""
    test = real["row"] % FOLD == 0
    return ~test, test


def identity(mask: np.ndarray) -> str:
    """What a fit remembers of the sessions that it was fitted on: their number."""
    return f"{int(mask.sum())} sessions"


def distance(real: np.ndarray, drawn: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance of two samples: the greatest difference of their distributions."""
    ours, theirs = np.sort(drawn), np.sort(real)
    every = np.concatenate([ours, theirs])
    gap = np.searchsorted(ours, every, "right") / len(ours) - np.searchsorted(theirs, every, "right") / len(theirs)
    return float(np.abs(gap).max())


def drawn(behaviour: sessions.Behaviour) -> tuple[np.ndarray, np.ndarray]:
    """Start hours and energies as the simulator draws them."""
    keys = draws.keys(SEED, np.arange(DRAWS))
    return sessions.start_hours(behaviour, draws.uniform(keys, 1)), sessions.energies_kwh(behaviour, draws.uniform(keys, 2))


def distances(behaviour: sessions.Behaviour, real: dict[str, np.ndarray], mask: np.ndarray) -> tuple[float, float]:
    """Distances of start hour and of energy between drawn and real sessions."""
    hours, energies = drawn(behaviour)
    return distance(real["start_h"][mask], hours), distance(real["energy_kwh"][mask], energies)


def _values(theta: np.ndarray) -> dict[str, float]:
    starts = np.exp(theta[: sessions.STARTS])
    values = {}
    for part in range(sessions.STARTS):
        values[f"start_{part}_weight"] = float(starts[part] / starts.sum())
        values[f"start_{part}_hour"] = float(theta[sessions.STARTS + part])
        values[f"start_{part}_width_h"] = float(np.exp(theta[2 * sessions.STARTS + part]))
    rest = theta[3 * sessions.STARTS :]
    weights = np.exp(rest[: sessions.ENERGIES])
    for part in range(sessions.ENERGIES):
        values[f"energy_{part}_weight"] = float(weights[part] / weights.sum())
        values[f"energy_{part}_kwh"] = float(np.exp(rest[sessions.ENERGIES + part]))
        values[f"energy_{part}_spread"] = float(np.exp(rest[2 * sessions.ENERGIES + part]))
    return values


def fit(real: dict[str, np.ndarray]) -> Fit:
    """Mixtures whose distributions are nearest to the sessions of the fit part."""
    mask, _ = parts(real)
    hours, energies = np.sort(real["start_h"][mask]), np.sort(real["energy_kwh"][mask])
    seen_hours = np.searchsorted(hours, sessions.HOURS) / len(hours)
    seen_energies = np.searchsorted(energies, sessions.KWH) / len(energies)

    def gap(theta: np.ndarray) -> np.ndarray:
        values = _values(theta)
        return np.concatenate([sessions.start_cdf(values) - seen_hours, sessions.energy_cdf(values) - seen_energies])

    start = np.concatenate([[0.7, -0.6, -0.2, -1.5], [6.8, 8.0, 12.5, 16.0], np.log([0.7, 1.0, 2.0, 1.5])])
    energy = np.concatenate([[0.0, 0.0, -1.0], np.log([6.0, 13.0, 32.0]), np.log([0.6, 0.4, 0.4])])
    values = _values(least_squares(gap, np.concatenate([start, energy])).x)
    days = np.bincount(real["weekday"][mask], minlength=7) / mask.sum()
    values |= {f"weekday_{day}": float(share) for day, share in enumerate(days)}
    rounded = {name: round(value, 5) for name, value in values.items()}
    source = "ACN-Data sessions at JPL whose row among those of the site is not divisible by 4"
    return Fit(source, [identity(mask)], rounded)
