"""The shape of a load over time. A vehicle's own series stays as it is: what changes is how many vehicles send, and when in their period.

steady   all vehicles, evenly over the period
ramp     the first vehicle at the start, the last one at the end of the run
burst    all vehicles at the same instant, once a period
"""

import math
from collections.abc import Sequence
from typing import Literal

from contracts.identity import KINDS
from simulators.source import Afflicted, Message, Source, Vehicle

Shape = Literal["steady", "ramp", "burst"]
EVENT = KINDS.index("event")


def shaped(source: Source, shape: Shape, seconds: float, period_s: float) -> Source:
    """The source with another shape; a ramp needs the run's seconds, a burst the fleet's period."""
    if shape == "ramp":
        return Ramp(source, seconds)
    return Burst(source, period_s) if shape == "burst" else source


class Ramp:
    """Vehicles join one after the other. Frames of those that have not joined are not sent; events are, so that no boot is missing."""

    def __init__(self, source: Source, seconds: float) -> None:
        self._source, self._seconds = source, seconds
        self.vehicles: Sequence[Vehicle] = source.vehicles
        self.paced = source.paced

    def begin(self, start_ms: int) -> Sequence[Afflicted]:
        """See `Source`."""
        return self._source.begin(start_ms)

    def due_s(self) -> float | None:
        """See `Source`."""
        return self._source.due_s()

    def take(self, start_ms: int) -> list[Message]:
        """See `Source`."""
        joined = math.ceil(((self._source.due_s() or 0.0) / self._seconds) * len(self.vehicles)) or 1
        return [one for one in self._source.take(start_ms) if one.vehicle < joined or one.kind == EVENT]


class Burst:
    """What is due in a period is due at its start, and dated so."""

    def __init__(self, source: Source, period_s: float) -> None:
        self._source, self._period_s = source, period_s
        self.vehicles: Sequence[Vehicle] = source.vehicles
        self.paced = source.paced

    def begin(self, start_ms: int) -> Sequence[Afflicted]:
        """See `Source`."""
        return self._source.begin(start_ms)

    def due_s(self) -> float | None:
        """See `Source`."""
        due_s = self._source.due_s()
        return None if due_s is None else self._start_s(due_s)

    def take(self, start_ms: int) -> list[Message]:
        """See `Source`. What is due at one instant is dated at it: the source hears of a start that is earlier by its place in the period."""
        due_s = self._source.due_s() or 0.0
        return self._source.take(start_ms + round(self._start_s(due_s) * 1000) - round(due_s * 1000))

    def _start_s(self, due_s: float) -> float:
        return math.floor(due_s / self._period_s + 1e-9) * self._period_s
