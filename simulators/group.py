"""The seam between a fleet's time table and what its vehicles do: vehicles of one place in the period, moved together."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Columns = Mapping[str, Floats]
Rows = NDArray[np.int64]


class Home(NamedTuple):
    """Master data of a vehicle: model, where it lives (degrees), tags."""

    model: str
    lat: float
    lon: float
    tags: tuple[str, ...]


class Happening(Protocol):
    """Something that happened to the vehicle of a row: an event of the wire."""

    @property
    def vehicle(self) -> int:
        """Its row."""

    @property
    def event(self) -> str:
        """The event's name."""

    @property
    def attributes(self) -> dict[str, Any]:
        """The event's attributes."""


class Group(Protocol):
    """Vehicles that move together: row i is the i-th vehicle that it was made of. A vehicle does not depend on who else is in the group."""

    def begin(self, start_s: float) -> None:
        """The first step starts at that instant (epoch seconds). Called once, before it."""

    def step(self, dt_s: float) -> Sequence[Happening]:
        """Move on by so many seconds; what happened."""

    def columns(self, *, steady: bool, slow: bool) -> Columns:
        """Signals as they are now, a column a signal: those of every frame, and besides those of every 10 s and of every minute."""

    def cells(self, rows: Rows) -> tuple[Sequence[Floats], Floats]:
        """Voltages of all cells (V), one array a vehicle, and probe temperatures (Celsius), (rows, probes), of some rows."""

    def homes(self) -> list[Home]:
        """Master data, a row a vehicle."""
