"""Vehicles of the plain fleet: cheap, plausible series for loading a platform and for demos."""

from collections.abc import Sequence

import numpy as np

from simulators import fleet, models, readings
from simulators.group import Columns, Floats, Home, Rows
from simulators.habits import Occurrence


class PlainGroup:
    """See `simulators.group.Group`."""

    def __init__(self, seed: int, numbers: Sequence[int], regions: Sequence[str], hot: Sequence[bool]) -> None:
        """The vehicles of these numbers; `regions[i]` and `hot[i]` are those of `numbers[i]`."""
        self._traits = fleet.traits(seed, numbers, regions, hot)
        self._state = fleet.start(self._traits)

    def begin(self, start_s: float) -> None:
        """See `Group`: the plain fleet knows no time of day."""

    def step(self, dt_s: float) -> Sequence[Occurrence]:
        """See `Group`."""
        self._state, happened = fleet.step(self._traits, self._state, dt_s)
        return happened

    def columns(self, *, steady: bool, slow: bool) -> Columns:
        """See `Group`."""
        found = readings.quick(self._traits, self._state)
        if steady:
            found |= readings.steady(self._traits, self._state)
        if slow:
            found |= readings.slow(self._traits, self._state)
        return found

    def cells(self, rows: Rows) -> tuple[Sequence[Floats], Floats]:
        """See `Group`."""
        return list(fleet.cells_v(self._traits, self._state)[rows]), fleet.probes_c(self._traits, self._state)[rows]

    def homes(self) -> list[Home]:
        """See `Group`."""
        of = self._traits
        tags = [("simulated", "runs-hot") if hot else ("simulated",) for hot in of.hot.tolist()]
        names = [models.MODELS[at].name for at in of.model.tolist()]
        places = zip(np.round(of.home.lat, 6).tolist(), np.round(of.home.lon, 6).tolist(), strict=True)
        return [Home(name, lat, lon, tag) for name, (lat, lon), tag in zip(names, places, tags, strict=True)]
