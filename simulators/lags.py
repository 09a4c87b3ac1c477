"""How late things are: an HDR histogram of durations from 1 µs to an hour to three digits, cheap to fill."""

import numpy as np
from hdrh.histogram import HdrHistogram

_HIGHEST_US = 3_600_000_000
_DIGITS = 3


class Lags:
    """Durations in seconds: put in with `add` (a list's append), read as percentiles, joined with those of other processes."""

    def __init__(self) -> None:
        self._histogram = HdrHistogram(1, _HIGHEST_US, _DIGITS)
        self._fresh: list[float] = []
        self.add = self._fresh.append
        """Put in one duration (s)."""

    @property
    def count(self) -> int:
        """How many durations were put in."""
        self.fold()
        return int(self._histogram.get_total_count())

    def fold(self) -> None:
        """Move what was added into the histogram: call it every second or so, so that the list stays short.

        Recording costs microseconds a value in Python: what is the same to three digits is recorded together.
        """
        if not self._fresh:
            return
        micros = np.clip(np.rint(np.array(self._fresh) * 1e6), 1, _HIGHEST_US).astype(np.int64)
        self._fresh.clear()
        grain = 10 ** np.maximum(np.floor(np.log10(micros)).astype(np.int64) - _DIGITS + 1, 0)
        values, counts = np.unique(micros // grain * grain, return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            self._histogram.record_value(value, count)

    def percentile(self, percent: float) -> float | None:
        """The duration (s) that so many percent do not exceed, to three digits; None where nothing was added."""
        self.fold()
        if not self._histogram.get_total_count():
            return None
        return float(self._histogram.get_value_at_percentile(percent)) / 1e6

    def packed(self) -> str:
        """The histogram as text, in the format that all HDR histogram libraries read (V2, compressed, base64)."""
        self.fold()
        encoded = self._histogram.encode()
        return encoded.decode() if isinstance(encoded, bytes) else str(encoded)

    def join(self, packed: str) -> None:
        """Add what another one holds, as `packed` gave it."""
        self._histogram.decode_and_add(packed)
