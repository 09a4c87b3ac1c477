"""What an hour of cell voltages says about each cell of a pack, against its neighbours. Pure.

Every figure is measured by the spread of the pack itself, so that packs of any size, chemistry and sensor noise compare. What modules
share (an offset of ten neighbouring cells) is no fault of one cell: `apart` compares a cell with those beside it too.

An hour is read from sums of its samples alone, and sums are whole numbers: whatever order, batches and restarts they came in, live or in
training, its figures are the same to the last bit.
"""

from typing import NamedTuple

import numpy as np

Floats = np.ndarray
Ints = np.ndarray
WINDOW_S = 3600.0
LEAST_SAMPLES = 6
LEAST_CELLS = 8
VALID_V = (1.5, 4.6)
FLOOR_V = 0.0015
"""A spread below what a cell monitor resolves is taken for this."""
LEAST_A2 = 4.0
"""A current whose variance is less says nothing of resistances."""
BESIDE = 4
REMEMBERED = 24
HOURS, LEAST_HOURS = 12, 3
"""A pack's score is told from so many hours heard, once there are so many."""
STEP_V, STEP_A, STEP_K = 1e-5, 0.01, 0.01
"""What sums count in. Voltages against a median count in halves of it."""
FEATURES = ("below", "apart", "gap_below", "above", "low_share", "ohm_high", "sinking", "below_long", "sinking_long", "swing", "spread_mv", "hot")
"""In spreads of the pack but for shares, `spread_mv` and `hot` (kelvin): how far below the median; below the cells beside it; beyond the
third lowest; above; share of the time as the lowest; how much lower under load than at rest; how fast it sinks; both over the last hours;
how unsteady; the pack's spread in mV; hottest probe above the median probe."""


class Hour(NamedTuple):
    """Samples of a pack: voltages (samples, cells) in V, current in A positive into the pack, probes (samples, probes) in Celsius. NaN: unknown."""

    cell_v: Floats
    amps: Floats
    probe_c: Floats


class Sums(NamedTuple):
    """What samples of a pack add up to. `cells` has a column a cell: distance from the median, its square, samples as the lowest; and of the
    samples with a known current the distance, and the distance times the current. `pack`: samples, those with a known current, the
    current, its square, samples with a probe, and how far their hottest probe was above the median probe.
    """

    cells: Ints
    pack: Ints

    def plus(self, other: "Sums") -> "Sums":
        """Both together."""
        return Sums(self.cells + other.cells, self.pack + other.pack)


class Memory(NamedTuple):
    """The last hours of a pack: mean deviation of each cell in spreads, oldest first, shape (hours, cells)."""

    below: Floats


def nothing(cells: int) -> Memory:
    """The memory of a pack that was never seen."""
    return Memory(np.empty((0, cells)))


def summed(hour: Hour) -> Sums:
    """All samples of an hour. One with a voltage that cannot be counts for nothing."""
    return stretches(hour, np.zeros(1, np.int64))[0]


def stretches(hour: Hour, starts: Ints) -> list[Sums]:
    """Sums of each stretch of samples; `starts` are the places at which one begins."""
    whole = np.asarray(((hour.cell_v > VALID_V[0]) & (hour.cell_v < VALID_V[1])).all(axis=1))
    if not len(whole) or not hour.cell_v.shape[1]:
        return [Sums(np.zeros((5, hour.cell_v.shape[1]), np.int64), np.zeros(6, np.int64)) for _ in starts]
    steps = np.rint(np.where(whole[:, None], hour.cell_v, 0) / STEP_V)
    off = (2 * steps - 2 * np.median(steps, axis=1, keepdims=True)).astype(np.int64)
    known = whole & np.isfinite(hour.amps)
    amps = np.rint(np.where(known, hour.amps, 0) / STEP_A).astype(np.int64)
    lowest = np.zeros_like(off)
    lowest[np.arange(len(off)), off.argmin(axis=1)] = whole
    heard, hot = _hot(hour.probe_c)
    cells = np.stack([off, off * off, lowest, off * known[:, None], off * amps[:, None]])
    pack = np.stack([whole, known, amps, amps * amps, heard, hot]).astype(np.int64)
    cells, pack = np.add.reduceat(cells, starts, axis=1), np.add.reduceat(pack, starts, axis=1)
    return [Sums(cells[:, at], pack[:, at]) for at in range(len(starts))]


def described(sums: Sums, memory: Memory) -> tuple[dict[str, Floats] | None, Memory]:
    """Figures of each cell over an hour, and what to remember; None where too little can be read of the hour."""
    samples, size = int(sums.pack[0]), sums.cells.shape[1]
    if samples < LEAST_SAMPLES or size < LEAST_CELLS:
        return None, memory
    mean = sums.cells[0] / samples * (STEP_V / 2)
    swing = np.sqrt(np.maximum(sums.cells[1] / samples - (sums.cells[0] / samples) ** 2, 0)) * (STEP_V / 2)
    spread = max(1.4826 * float(np.median(np.abs(mean - np.median(mean)))), FLOOR_V)
    below = -mean / spread
    ranked = np.sort(below)
    found = {
        "below": below,
        "apart": _apart(below),
        "gap_below": below - ranked[-3],
        "above": -below,
        "low_share": sums.cells[2] / samples,
        "ohm_high": _slope(sums) / spread * 10,
        "swing": swing / spread,
        "spread_mv": np.full(size, spread * 1000),
        "hot": np.full(size, sums.pack[5] / max(sums.pack[4], 1) * STEP_K),
    }
    before = memory.below[-REMEMBERED:]
    found["sinking"] = below - before[-1] if len(before) else np.zeros_like(below)
    found["sinking_long"] = below - before.mean(axis=0) if len(before) else np.zeros_like(below)
    kept = np.concatenate([before, below[None]])[-REMEMBERED:]
    found["below_long"] = np.median(kept, axis=0)
    return {name: found[name] for name in FEATURES}, Memory(kept)


def pack_score(scores: Floats) -> tuple[float, int]:
    """The score of a pack, and its cell (from 0): the greatest mean of a cell over the last hours heard. scores: (hours, cells), oldest first."""
    means = scores[-HOURS:].mean(axis=0)
    cell = int(means.argmax())
    return float(means[cell]), cell


def _apart(below: Floats) -> Floats:
    """How far below the median of the cells beside it."""
    padded = np.pad(below, BESIDE, mode="reflect")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * BESIDE + 1)
    return np.asarray(below - np.median(np.delete(around, BESIDE, axis=1), axis=1))


def _slope(sums: Sums) -> Floats:
    """How much each cell's deviation follows the current, V a A: positive where its resistance is high. 0 where the current hardly changes."""
    _, paired, amps, squares, *_ = (float(number) for number in sums.pack)
    power = squares - amps * amps / max(paired, 1)
    if not paired or power * STEP_A**2 / paired < LEAST_A2:
        return np.zeros(sums.cells.shape[1])
    return np.asarray((sums.cells[4] - amps / paired * sums.cells[3]) / power * (STEP_V / 2 / STEP_A))


def _hot(probe_c: Floats) -> tuple[Ints, Ints]:
    """Of each sample whether a probe was heard, and how far the hottest is above the median probe."""
    good = np.where((probe_c > -50) & (probe_c < 150), probe_c, np.nan)
    count = np.isfinite(good).sum(axis=1)
    if not count.any():
        return count > 0, np.zeros(len(count))
    ordered, last, each = np.nan_to_num(np.sort(good, axis=1)), np.maximum(count - 1, 0), np.arange(len(good))
    middle = (ordered[each, last // 2] + ordered[each, np.minimum(count // 2, last)]) / 2
    return count > 0, np.rint((ordered[each, last] - middle) / STEP_K)
