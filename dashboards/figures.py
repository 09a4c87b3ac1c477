"""The figures above the map. Pure: a fleet and a time in, numbers out."""

from collections import deque

import msgspec
import numpy as np

from dashboards.live.fleet import Fleet
from dashboards.live.states import CHARGING, DRIVING, ONLINE_WITHIN_S, STATES, activities


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


def figures(fleet: Fleet, now_ms: int, open_alerts: int | None, messages_per_s: float | None) -> Figures:
    """The figures of a fleet at one instant; `newest_age_s` is the age of its newest frame."""
    counts = dict(zip(STATES, np.bincount(fleet.state, minlength=len(STATES)).tolist(), strict=True))
    online = now_ms - fleet.event_ms <= ONLINE_WITHIN_S * 1000
    columns = fleet.columns
    activity = activities(columns["speed_kmh"], columns["gear"], columns["is_charging"])
    soc = columns["soc_pct"][online & ~np.isnan(columns["soc_pct"])]
    watts = np.nan_to_num(columns["pack_w"])
    return Figures(
        vehicles=len(fleet),
        online=int(online.sum()),
        mean_soc_pct=float(soc.mean()) if len(soc) else None,
        charging_kw=float(watts[online & (activity == CHARGING)].sum()) / 1000,
        driving_kw=0.0 - float(watts[online & (activity == DRIVING)].sum()) / 1000,
        counts=counts,
        open_alerts=open_alerts,
        newest_age_s=max(0.0, (now_ms - int(fleet.event_ms.max())) / 1000) if len(fleet) else None,
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
