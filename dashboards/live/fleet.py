"""The newest values of every vehicle, a column a signal: so that ten thousand vehicles a second cost a few array operations.

A vehicle keeps its place for as long as the process lives. A value that a newer frame lacks stays as it was.
"""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from dashboards.live.states import OFFLINE, activities, states

SIGNALS = ("lat", "lon", "speed_kmh", "soc_pct", "pack_w", "pack_temp_c", "gear", "is_charging", "position_synthetic")


class Frames(msgspec.Struct, frozen=True):
    """New frames of some vehicles, in any order. Signals that are not there, or unknown in a frame (NaN), change nothing."""

    vehicles: Sequence[str]
    regions: Sequence[str]
    event_ms: np.ndarray
    signals: dict[str, np.ndarray]


class Fleet:
    """Written and read by one thread."""

    def __init__(self) -> None:
        self.vehicles: list[str] = []
        self.regions: list[str] = []
        self.place: dict[str, int] = {}
        self.revision = 0
        self.event_ms = np.zeros(0, np.int64)
        self.changed_at = np.zeros(0, np.int64)
        self.state = np.zeros(0, np.uint8)
        self.alerting = np.zeros(0, bool)
        self.columns = {name: np.zeros(0) for name in SIGNALS}

    def __len__(self) -> int:
        return len(self.vehicles)

    def take(self, frames: Frames, now_ms: int) -> None:
        """Bring the fleet up to date with frames that are newer than what it has."""
        if not len(frames.vehicles):
            return
        self._admit(frames.vehicles, frames.regions)
        places = np.fromiter(map(self.place.__getitem__, frames.vehicles), np.int64, len(frames.vehicles))
        order = np.argsort(frames.event_ms, kind="stable")
        places, event_ms = places[order], frames.event_ms[order]
        newer = event_ms >= self.event_ms[places]
        at = places[newer]
        for name, values in frames.signals.items():
            new = values[order][newer]
            known = ~np.isnan(new)
            self.columns[name][at[known]] = new[known]  # of several frames of a vehicle the last, which is the newest, stays
        self.event_ms[at] = event_ms[newer]
        self.revision += 1
        self.changed_at[at] = self.revision
        self._judge(np.unique(at), now_ms)

    def alert(self, vehicles: Iterable[str], now_ms: int) -> None:
        """These vehicles, and no others, have an open alert."""
        alerting = np.zeros(len(self), bool)
        alerting[[self.place[name] for name in vehicles if name in self.place]] = True
        self.alerting = alerting
        self.grow_old(now_ms)

    def grow_old(self, now_ms: int) -> None:
        """Judge every vehicle anew: some fell silent."""
        self.revision += 1
        self._judge(np.arange(len(self)), now_ms)

    def since(self, revision: int) -> np.ndarray:
        """The places of vehicles that changed after a revision."""
        return np.flatnonzero(self.changed_at > revision)

    def _judge(self, at: np.ndarray, now_ms: int) -> None:
        activity = activities(self.columns["speed_kmh"][at], self.columns["gear"][at], self.columns["is_charging"][at])
        judged = states(activity, self.event_ms[at], self.alerting[at], now_ms)
        different = at[judged != self.state[at]]
        self.state[at] = judged
        self.changed_at[different] = self.revision

    def _admit(self, vehicles: Sequence[str], regions: Sequence[str]) -> None:
        new = {name: region for name, region in zip(vehicles, regions, strict=True) if name not in self.place}
        if not new:
            return
        for name, region in new.items():
            self.place[name] = len(self.vehicles)
            self.vehicles.append(name)
            self.regions.append(region)
        more = len(new)
        self.event_ms = np.concatenate([self.event_ms, np.full(more, -1, np.int64)])
        self.changed_at = np.concatenate([self.changed_at, np.full(more, self.revision + 1, np.int64)])
        self.state = np.concatenate([self.state, np.full(more, OFFLINE, np.uint8)])
        self.alerting = np.concatenate([self.alerting, np.zeros(more, bool)])
        self.columns = {name: np.concatenate([column, np.full(more, np.nan)]) for name, column in self.columns.items()}
