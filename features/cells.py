"""What an hour of cell voltages says about each cell of a pack, against its neighbours. Pure.

Every figure is measured by the spread of the pack itself, so that packs of any size, chemistry and sensor noise compare. What modules
share (an offset of ten neighbouring cells) is no fault of one cell: `apart` compares a cell with those beside it too.
"""

from typing import NamedTuple

import numpy as np

Floats = np.ndarray
WINDOW_S = 3600.0
LEAST_SAMPLES = 6
LEAST_CELLS = 8
VALID_V = (1.5, 4.6)
FLOOR_V = 0.0015
"""A spread below what a cell monitor resolves is taken for this."""
BESIDE = 4
REMEMBERED = 24
FEATURES = ("below", "apart", "gap_below", "above", "low_share", "ohm_high", "sinking", "below_long", "sinking_long", "swing", "spread_mv", "hot")
"""In spreads of the pack but for shares, `spread_mv` and `hot` (kelvin): how far below the median; below the cells beside it; beyond the
third lowest; above; share of the time as the lowest; how much lower under load than at rest; how fast it sinks; both over the last hours;
how unsteady; the pack's spread in mV; hottest probe above the median probe."""


class Hour(NamedTuple):
    """Samples of a pack: voltages (samples, cells) in V, current in A positive into the pack, probes (samples, probes) in Celsius."""

    cell_v: Floats
    amps: Floats
    probe_c: Floats


class Memory(NamedTuple):
    """The last hours of a pack: mean deviation of each cell in spreads, oldest first, shape (hours, cells)."""

    below: Floats


def nothing(cells: int) -> Memory:
    """The memory of a pack that was never seen."""
    return Memory(np.empty((0, cells)))


def described(hour: Hour, memory: Memory) -> tuple[dict[str, Floats] | None, Memory]:
    """Figures of each cell, and what to remember; None where too little can be read of the hour."""
    volts = np.where((hour.cell_v > VALID_V[0]) & (hour.cell_v < VALID_V[1]), hour.cell_v, np.nan)
    whole = np.isfinite(volts).all(axis=1) if volts.size else np.zeros(0, bool)
    volts, amps = volts[whole], hour.amps[whole]
    if len(volts) < LEAST_SAMPLES or volts.shape[1] < LEAST_CELLS:
        return None, memory
    off = volts - np.median(volts, axis=1, keepdims=True)
    mean = off.mean(axis=0)
    spread = max(1.4826 * float(np.median(np.abs(mean - np.median(mean)))), FLOOR_V)
    below = -mean / spread
    ranked = np.sort(below)
    found = {
        "below": below,
        "apart": _apart(below),
        "gap_below": below - ranked[-3],
        "above": -below,
        "low_share": np.bincount(off.argmin(axis=1), minlength=off.shape[1]) / len(off),
        "ohm_high": _slope(off, amps) / spread * 10,
        "swing": off.std(axis=0) / spread,
        "spread_mv": np.full(off.shape[1], spread * 1000),
        "hot": np.full(off.shape[1], _hot(hour.probe_c)),
    }
    before = memory.below[-REMEMBERED:]
    found["sinking"] = below - before[-1] if len(before) else np.zeros_like(below)
    found["sinking_long"] = below - before.mean(axis=0) if len(before) else np.zeros_like(below)
    kept = np.concatenate([before, below[None]])[-REMEMBERED:]
    found["below_long"] = np.median(kept, axis=0)
    return {name: found[name] for name in FEATURES}, Memory(kept)


def _apart(below: Floats) -> Floats:
    """How far below the median of the cells beside it."""
    padded = np.pad(below, BESIDE, mode="reflect")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * BESIDE + 1)
    return np.asarray(below - np.median(np.delete(around, BESIDE, axis=1), axis=1))


def _slope(off: Floats, amps: Floats) -> Floats:
    """How much each cell's deviation follows the current, V a A: positive where its resistance is high. 0 where the current hardly changes."""
    swing = amps - amps.mean()
    power = float(swing @ swing)
    if not np.isfinite(power) or power / len(amps) < 4.0:
        return np.zeros(off.shape[1])
    return np.asarray(swing @ (off - off.mean(axis=0)) / power)


def _hot(probe_c: Floats) -> float:
    """Hottest probe above the median probe, K, of the most usual sample."""
    good = np.where((probe_c > -50) & (probe_c < 150), probe_c, np.nan)
    if not np.isfinite(good).any():
        return 0.0
    heard = good[np.isfinite(good).any(axis=1)]
    return float(np.median(np.nanmax(heard, axis=1) - np.nanmedian(heard, axis=1)))
