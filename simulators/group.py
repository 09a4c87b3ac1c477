"""Vehicles of one place in the period, moved together by the physics: what they do, report and tell. A vehicle does not depend on the others."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators import hot
from simulators.physics import codes, signals, world
from simulators.physics.effects import Effects
from simulators.physics.signals import Columns, Seen
from simulators.physics.step import World
from simulators.physics.traits import Make, traits
from simulators.physics.transitions import Occurrence
from simulators.scenarios import physical, sensor
from simulators.scenarios.plan import Fault

Rows = NDArray[np.int64]
LONGEST_STEP_S = 60.0
BUSY = 0.5
"""Share of the parked vehicles that leave within ten minutes, so that a short run is not a car park."""


class Home(NamedTuple):
    """Master data of a vehicle: model, where it lives (degrees), tags."""

    model: str
    lat: float
    lon: float
    tags: tuple[str, ...]


class Group:
    """Vehicles of some numbers; row i is the i-th of them."""

    def __init__(self, seed: int, numbers: Sequence[int], regions: Sequence[str], make: Make, runs_hot: Sequence[bool] = ()) -> None:
        """Of the models in `make`; `regions[i]` and `runs_hot[i]` are those of `numbers[i]`."""
        self._world = World(seed, make, traits(seed, numbers, regions, make))
        self._hot = np.flatnonzero(np.asarray(runs_hot, bool))
        self._start_s = 0.0
        self._state = world.started(self._world, 0.0)
        self._faults: Sequence[Fault] = ()
        self._physical: physical.Physical | None = None
        self._held: sensor.Held = {}
        self._codes: codes.Codes | None = None
        self._look: Seen | None = None

    @property
    def keys(self) -> NDArray[np.uint64]:
        """The root of all that a vehicle draws, one a row."""
        return self._world.traits.keys

    def begin(self, start_s: float, faults: Sequence[Fault] = ()) -> None:
        """The first step starts at that instant (epoch seconds); time of day, weather and `faults` are those of it. Call it once, before."""
        self._start_s, self._faults = start_s, faults
        self._physical = physical.prepared(faults, self._world.traits)
        self._state = world.under_way(self._world, world.started(self._world, start_s, BUSY))

    def step(self, dt_s: float) -> list[Occurrence]:
        """Move on by so many seconds; what happened, fault codes included."""
        parts = max(1, math.ceil(dt_s / LONGEST_STEP_S))
        happened: list[Occurrence] = []
        effects: Effects | None = None
        for _ in range(parts):
            effects = physical.at(self._physical, self._state.now_s, len(self.keys)) if self._physical else None
            self._state, new = world.stepped(self._world, self._state, dt_s / parts, effects)
            happened += new
        look = world.seen(self._world, self._state, effects)
        if len(self._hot):
            look = look._replace(probes=hot.probes(look.probes, self.keys, self._hot, self._state.now_s - self._start_s))
        self._look, before, self._codes = look, self._codes, signals.codes(look)
        return happened + codes.events(before, self._codes)

    def columns(self, *, steady: bool, slow: bool) -> Columns:
        """Signals as reported after the last step, a column a signal: those of every frame, and besides those of every 10 s and of every minute.

        Call it once a step: a stuck sensor shows what it showed.
        """
        look = self._looked()
        found = world.quick(look)
        if steady:
            found |= world.steady(look)
        if slow:
            found |= world.slow(look)
        if self._faults:
            found, self._held = sensor.sensed(found, self._world.traits, self._faults, self._state.now_s, self._held)
        return found

    def cells(self, rows: Rows) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
        """Voltages of all cells (V), one array a vehicle, and probe temperatures (Celsius), (rows, probes), of some rows after the last step."""
        look, series = self._looked(), self._world.traits.series[rows].tolist()
        volts = [row[:count].astype(np.float64) for row, count in zip(look.volts[rows], series, strict=True)]
        return volts, look.probes[rows].astype(np.float64)

    def homes(self) -> list[Home]:
        """Master data, a row a vehicle."""
        of, warm = self._world.traits, set(self._hot.tolist())
        names = [self._world.make.names[at] for at in of.model.tolist()]
        lat, lon = (np.round(column.astype(np.float64), 6).tolist() for column in (of.home_lat, of.home_lon))
        tags = [("simulated", "runs-hot") if row in warm else ("simulated",) for row in range(len(names))]
        return [Home(*one) for one in zip(names, lat, lon, tags, strict=True)]

    def _looked(self) -> Seen:
        if self._look is None:
            self._look = world.seen(self._world, self._state)
        return self._look
