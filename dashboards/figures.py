"""The figures above the map. Pure: vehicles, alerts and a time in, numbers out."""

from collections import deque
from collections.abc import Iterable

import msgspec

from dashboards.vehicles import STATES, Shown, activity, is_online


class Figures(msgspec.Struct, frozen=True):
    """None where nothing is known. Powers are sums over online vehicles, each positive in its own direction."""

    vehicles: int = 0
    online: int = 0
    mean_soc_pct: float | None = None
    charging_kw: float = 0.0
    driving_kw: float = 0.0
    counts: dict[str, int] = {}
    open_alerts: int | None = None
    newest_age_s: float | None = None
    messages_per_s: float | None = None


def figures(fleet: Iterable[Shown], now_ms: int, open_alerts: int | None, messages_per_s: float | None) -> Figures:
    """The figures of a fleet at one instant; `newest_age_s` is the age of the newest frame that gold holds."""
    counts: dict[str, int] = dict.fromkeys(STATES, 0)
    soc: list[float] = []
    power_w = {"charging": 0.0, "driving": 0.0, "parked": 0.0}
    online, newest_ms = 0, None
    for shown in fleet:
        vehicle = shown.vehicle
        counts[shown.state] += 1
        newest_ms = max(newest_ms or 0, vehicle.event_ms)
        if not is_online(vehicle, now_ms):
            continue
        online += 1
        if vehicle.soc_pct is not None:
            soc.append(vehicle.soc_pct)
        power_w[activity(vehicle)] += vehicle.pack_w or 0.0
    return Figures(
        vehicles=sum(counts.values()),
        online=online,
        mean_soc_pct=sum(soc) / len(soc) if soc else None,
        charging_kw=power_w["charging"] / 1000,
        driving_kw=0.0 - power_w["driving"] / 1000,
        counts=counts,
        open_alerts=open_alerts,
        newest_age_s=None if newest_ms is None else max(0.0, (now_ms - newest_ms) / 1000),
        messages_per_s=messages_per_s,
    )


class Rate:
    """The growth of a count over the last seconds, from samples of `(monotonic seconds, count)`."""

    def __init__(self, window_s: float = 15.0) -> None:
        self._window_s = window_s
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, at_s: float, count: int) -> float | None:
        """Add a sample; the rate per second over the window, None until there are two. A count that fell starts anew."""
        if self._samples and count < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((at_s, count))
        while len(self._samples) > 2 and at_s - self._samples[1][0] >= self._window_s:
            self._samples.popleft()
        first_s, first = self._samples[0]
        return (count - first) / (at_s - first_s) if at_s > first_s else None
