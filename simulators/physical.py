"""Vehicles of the physical fleet (`simulators.physics`): real models whose energy, voltages and temperatures follow from what they do."""

import math
from collections.abc import Sequence

import numpy as np

from simulators.group import Columns, Floats, Happening, Home, Rows
from simulators.physics import world as physics
from simulators.physics.step import World
from simulators.physics.traits import Make, traits

_LONGEST_STEP_S = 60.0
_BUSY = 0.5
"""Share of the vehicles that leave within ten minutes of the start, so that a short run is not a car park."""


class PhysicalGroup:
    """See `simulators.group.Group`."""

    def __init__(self, seed: int, numbers: Sequence[int], regions: Sequence[str], make: Make) -> None:
        """The vehicles of these numbers, of the models in `make`; `regions[i]` is that of `numbers[i]`."""
        self._world = World(seed, make, traits(seed, numbers, regions, make))
        self._state = physics.started(self._world, 0.0, _BUSY)

    def begin(self, start_s: float) -> None:
        """See `Group`: time of day and weather are those of that instant."""
        self._state = physics.started(self._world, start_s, _BUSY)

    def step(self, dt_s: float) -> Sequence[Happening]:
        """See `Group`."""
        parts = max(1, math.ceil(dt_s / _LONGEST_STEP_S))
        happened: list[Happening] = []
        for _ in range(parts):
            self._state, new = physics.stepped(self._world, self._state, dt_s / parts)
            happened += new
        return happened

    def columns(self, *, steady: bool, slow: bool) -> Columns:
        """See `Group`."""
        seen = physics.seen(self._world, self._state)
        found = physics.quick(seen)
        if steady:
            found |= physics.steady(seen)
        if slow:
            found |= physics.slow(seen)
        return found

    def cells(self, rows: Rows) -> tuple[Sequence[Floats], Floats]:
        """See `Group`."""
        seen = physics.seen(self._world, self._state)
        series = self._world.traits.series[rows].tolist()
        volts = [row[:count].astype(np.float64) for row, count in zip(seen.volts[rows], series, strict=True)]
        return volts, seen.probes[rows].astype(np.float64)

    def homes(self) -> list[Home]:
        """See `Group`."""
        of = self._world.traits
        names = [self._world.make.names[at] for at in of.model.tolist()]
        lat, lon = (np.round(column.astype(np.float64), 6).tolist() for column in (of.home_lat, of.home_lon))
        return [Home(*one, ("simulated", "physics")) for one in zip(names, lat, lon, strict=True)]
