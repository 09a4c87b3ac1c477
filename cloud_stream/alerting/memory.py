"""All that is remembered of the vehicles, as arrays with one row a vehicle, and the few watches that are not at rest."""

from collections.abc import Sequence

import numpy as np

from cloud_stream.alerting import derived
from cloud_stream.alerting.watch import Life, Watch

Array = np.ndarray
NEVER = -(1 << 62)


class Shape:
    """How many signals, nodes over time and rules there are."""

    def __init__(self, signals: int, nodes: int, rules: int) -> None:
        self.signals, self.nodes, self.rules = signals, nodes, rules


class Memory:
    """`last`, `last_ts`: newest value and time (ms) a vehicle and signal; `derived`: numbers a node over time; `head_ts`, `head_minor`: the
    newest row; `attention`, `level` a rule and vehicle; `watches` and `lives` (alerts that stand or have lately) by vehicle.
    """

    def __init__(self, shape: Shape, vehicles: int = 0) -> None:
        self.shape, self.size = shape, 0
        self.watches: dict[int, dict[int, Watch]] = {}
        self.lives: dict[int, dict[str, Life]] = {}
        self._make(0)
        self.grow(vehicles)

    def _make(self, room: int) -> None:
        shape = self.shape
        self.last = np.full((room, shape.signals), np.nan)
        self.last_ts = np.full((room, shape.signals), NEVER, np.int64)
        self.derived = np.full((shape.nodes, room, derived.STATE), np.nan)
        self.head_ts = np.full(room, NEVER, np.int64)
        self.head_minor = np.zeros(room, np.uint64)
        self.attention = np.zeros((shape.rules, room), np.uint8)
        self.level = np.zeros((shape.rules, room), np.uint8)

    def grow(self, vehicles: int) -> None:
        """Make room for so many vehicles."""
        if vehicles <= self.size:
            return
        if vehicles > len(self.head_ts):
            old, kept = self._arrays(), slice(0, self.size)
            self._make(max(2 * vehicles, 64))
            for new, part, across in zip(self._arrays(), old, _ACROSS, strict=True):
                new[(slice(None), kept) if across else kept] = part[(slice(None), kept) if across else kept]
        self.size = vehicles

    def _arrays(self) -> list[Array]:
        return [self.last, self.last_ts, self.derived, self.head_ts, self.head_minor, self.attention, self.level]

    def snapshot(self) -> "Memory":
        """A copy that does not change any more."""
        made = Memory(self.shape)
        made.size = self.size
        copies = [
            array[:, : self.size].copy() if across else array[: self.size].copy() for array, across in zip(self._arrays(), _ACROSS, strict=True)
        ]
        made.last, made.last_ts, made.derived, made.head_ts, made.head_minor, made.attention, made.level = copies
        made.watches = {vehicle: dict(own) for vehicle, own in self.watches.items()}
        made.lives = {vehicle: dict(own) for vehicle, own in self.lives.items()}
        return made

    def put_back(self, other: "Memory", vehicles: Sequence[int]) -> None:
        """Be as `other` was about some vehicles; of those that it did not know, as at the start."""
        known = np.array([vehicle for vehicle in vehicles if vehicle < other.size], np.int64)
        new = np.array([vehicle for vehicle in vehicles if vehicle >= other.size], np.int64)
        fresh = Memory(self.shape, 1)
        for mine, theirs, blank, across in zip(self._arrays(), other._arrays(), fresh._arrays(), _ACROSS, strict=True):
            if across:
                mine[:, known] = theirs[:, known]
                mine[:, new] = blank[:, :1]
            else:
                mine[known] = theirs[known]
                mine[new] = blank[:1]
        for vehicle in vehicles:
            self.watches[vehicle] = dict(other.watches.get(vehicle, {}))
            self.lives[vehicle] = dict(other.lives.get(vehicle, {}))

    def head(self, vehicle: int) -> tuple[int, int]:
        """The place in time of a vehicle's newest row."""
        return (int(self.head_ts[vehicle]), int(self.head_minor[vehicle])) if vehicle < self.size else (NEVER, 0)


_ACROSS = (False, False, True, False, False, True, True)
"""Whether vehicles are the second axis of each array."""
