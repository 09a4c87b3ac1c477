"""How late things are: a histogram of durations with 1 % resolution from 10 µs to 1,000 s, cheap to fill."""

import math

import numpy as np
from numpy.typing import NDArray

_LOWEST_S = 1e-5
_STEP = math.log(1.02)
_BUCKETS = int(math.log(1e8) / _STEP) + 2


class Lags:
    """Durations in seconds: put in with `add` (a list's append), read as percentiles."""

    def __init__(self) -> None:
        self._counts: NDArray[np.int64] = np.zeros(_BUCKETS, dtype=np.int64)
        self._fresh: list[float] = []
        self.add = self._fresh.append
        """Put in one duration (s)."""

    def fold(self) -> None:
        """Move what was added into the histogram: call it every second or so, so that the list stays short."""
        if self._fresh:
            at = np.log(np.maximum(self._fresh, _LOWEST_S) / _LOWEST_S) / _STEP
            self._counts += np.bincount(np.minimum(at.astype(np.int64), _BUCKETS - 1), minlength=_BUCKETS)
            self._fresh.clear()

    def percentile(self, percent: float) -> float | None:
        """The duration (s) that so many percent do not exceed, to within 1 %; None where nothing was added."""
        self.fold()
        total = int(self._counts.sum())
        if not total:
            return None
        at = int(np.searchsorted(np.cumsum(self._counts), math.ceil(total * percent / 100)))
        return _LOWEST_S * math.exp((at + 0.5) * _STEP)
