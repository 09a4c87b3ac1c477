"""DC charging power by state of charge: known curves, and the prediction of a curve that nobody has published.

The prediction joins two views of the other cars. Likeness: the normalised curves of cars with a like C-rate and pack size, more so
of the same brand and family. Cells: what the cells of the same family take at best, cut at this car's own peak power (a
family shares its cells; a smaller or weaker car only meets its limit elsewhere). The time is the mean of both.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from simulators.physics.road import Array

SOC_PCT: Array = np.arange(0, 100.5, 1.0)
WIDTH_RATE = 0.2
WIDTH_PACK = 0.3
SAME_BRAND = 10.0
SAME_FAMILY = 10.0
FAMILY_LIKENESS = 0.5
FAMILY_PACK = 0.7
FAMILY_RATE = 0.3
SAME_CAR_PACK = 0.06
"""Widths and weights of the prediction, chosen by leaving each car out in turn (see docs/validation.md)."""


class Curve(NamedTuple):
    """A car and its DC power in kW at each of `SOC_PCT`."""

    brand: str
    model: str
    usable_kwh: float
    power_kw: Array

    @property
    def peak_kw(self) -> float:
        """Greatest power."""
        return float(self.power_kw.max())

    @property
    def rate(self) -> float:
        """Greatest power over the pack, 1/h."""
        return self.peak_kw / self.usable_kwh


def on_grid(soc_pct: Sequence[float], power_kw: Sequence[float]) -> Array:
    """A curve's points on the grid `SOC_PCT`."""
    return np.interp(SOC_PCT, soc_pct, power_kw)


def minutes(power_kw: Array, usable_kwh: float, low_pct: float = 10, high_pct: float = 80) -> float:
    """Time in minutes that a curve takes from `low_pct` to `high_pct`."""
    inside = (low_pct <= SOC_PCT) & (high_pct >= SOC_PCT)
    return float(np.trapezoid(0.6 * usable_kwh / power_kw[inside], SOC_PCT[inside]))


def _words(model: str) -> set[str]:
    return {word for word in model.replace("-", " ").lower().split() if not word.isdigit()}


def likeness(one: Curve, other: Curve) -> float:
    """0 to 1: shared words of the model names of one brand, numbers apart."""
    ours, theirs = _words(one.model), _words(other.model)
    return len(ours & theirs) / max(1, len(ours | theirs)) if one.brand == other.brand else 0.0


def same_car(one: Curve, other: Curve) -> bool:
    """Whether two entries are one car up to its trim or AC charger: same brand, model and pack."""
    return one.brand == other.brand and one.model == other.model and abs(np.log(one.usable_kwh / other.usable_kwh)) < SAME_CAR_PACK


def predicted(car: Curve, others: Sequence[Curve]) -> Array:
    """DC power in kW on `SOC_PCT` of a car of which only brand, model, pack and peak power are used.

    Entries of `others` that are the same car are left out; ValueError where none is left.
    """
    known = [other for other in others if not same_car(car, other)]
    if not known:
        raise ValueError("no other car to predict a charging curve from")
    shapes = np.stack([other.power_kw / other.peak_kw for other in known])
    copies = np.array(
        [sum(a.brand == b.brand and np.array_equal(x, y) for b, y in zip(known, shapes, strict=True)) for a, x in _pairs(known, shapes)]
    )
    rate = np.array([np.log(other.rate / car.rate) for other in known])
    pack = np.array([np.log(other.usable_kwh / car.usable_kwh) for other in known])
    family = np.array([likeness(car, other) for other in known])
    brand = np.array([SAME_BRAND if other.brand == car.brand else 1.0 for other in known])
    weight = np.exp(-((rate / WIDTH_RATE) ** 2 + (pack / WIDTH_PACK) ** 2) / 2) * brand * (1 + SAME_FAMILY * family) / np.sqrt(copies) + 1e-9
    alike = weight @ shapes / weight.sum()
    kin = (family >= FAMILY_LIKENESS) & (np.abs(pack) < FAMILY_PACK) & (np.abs(rate) < FAMILY_RATE)
    if kin.any():
        cells = np.max([other.power_kw / other.usable_kwh for other, own in zip(known, kin, strict=True) if own], axis=0)
        alike = 2 / (1 / np.maximum(alike, 1e-3) + 1 / np.clip(cells / car.rate, 1e-3, 1))
    return np.maximum(alike, 1e-3) * car.peak_kw


def _pairs(known: list[Curve], shapes: Array) -> list[tuple[Curve, Array]]:
    return list(zip(known, shapes, strict=True))
