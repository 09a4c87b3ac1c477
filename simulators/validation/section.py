"""What a comparison found, as values: goals, figures, tables and plots of one section of the page."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Goal(NamedTuple):
    """A figure with what it must reach and what it should reach. `most` False = at least instead of at most."""

    key: str
    label: str
    value: float
    unit: str
    must: float
    aim: float | None = None
    most: bool = True

    def reaches(self, bound: float | None) -> bool:
        """Whether the value is on the right side of a bound."""
        if bound is None:
            return True
        return self.value <= bound if self.most else self.value >= bound


class Scatter(NamedTuple):
    """Points of measured and predicted values, by series, for one plot."""

    name: str
    title: str
    unit: str
    series: dict[str, tuple[np.ndarray, np.ndarray]]


class Lines(NamedTuple):
    """Curves over a common kind of axis, for one plot. A series is (x, y)."""

    name: str
    title: str
    axes: tuple[str, str]
    series: dict[str, tuple[np.ndarray, np.ndarray]]


class Table(NamedTuple):
    """A table of the page."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


class Section(NamedTuple):
    """One comparison. `figures` are further numbers for the JSON, by key, as (value, unit)."""

    title: str
    text: str
    goals: list[Goal]
    figures: dict[str, tuple[float, str]]
    tables: list[Table]
    plots: list[Scatter | Lines]


class Skipped(NamedTuple):
    """A comparison whose data are absent, and why."""

    title: str
    reason: str


def signed(value: float) -> str:
    """A percentage with its sign."""
    return f"{value:+.1f}"
