"""What needs a memory: means, rates, deviations and extremes over time of an expression, for all vehicles of a batch at once.

Each has four numbers a vehicle: the time (ms) of what it remembers, and three of its own. Only the vehicle's earlier rows count,
in their order, so that any cut into batches gives the same.
"""

import numpy as np

from cloud_stream.alerting.expressions import Node

Array = np.ndarray
STATE = 4
"""Numbers a vehicle and node: time, and what the operation keeps."""
LEAST_SAMPLES = 30
"""So many samples must the past of `sigmas` have."""
_TAU = 1 / np.log(2)


def empty(vehicles: int) -> Array:
    """The memory of one node before anything came, shape (vehicles, STATE)."""
    return np.full((vehicles, STATE), np.nan)


def advanced(node: Node, memory: Array, samples: tuple[Array, Array, Array], rounds: list[Array]) -> Array:
    """The node's value a row; `memory` moves on in place.

    `samples` = (vehicle, time in ms, x) of each row, x being NaN where there is no sample; `rounds` are places of rows, in each at most one
    a vehicle, a vehicle's rows in order.
    """
    vehicle, ts, x = samples
    found = np.full(len(ts), np.nan)
    seconds = float(node.args[1])  # type: ignore[arg-type]
    step = _STEPS[node.op]
    for rows in rounds:
        rows = rows[~np.isnan(x[rows])]
        if len(rows):
            who = vehicle[rows]
            memory[who], found[rows] = step(memory[who], ts[rows].astype(float), x[rows], seconds * 1000)
    return found


def _mean(old: Array, ts: Array, x: Array, span_ms: float) -> tuple[Array, Array]:
    """Exponential mean with a time constant; after a pause of ten of them it starts anew."""
    gone = ts - old[:, 0]
    fresh = np.isnan(old[:, 0]) | (gone > 10 * span_ms)
    share = 1 - np.exp(-np.maximum(gone, 0) / span_ms)
    mean = np.where(fresh, x, old[:, 1] + share * (x - old[:, 1]))
    since = np.where(fresh, ts, old[:, 2])
    new = np.stack([ts, mean, since, old[:, 3]], axis=1)
    return new, np.where(ts - since >= span_ms, mean, np.nan)  # a mean of less than its time is none


def _rate(old: Array, ts: Array, x: Array, span_ms: float) -> tuple[Array, Array]:
    """Change a minute since the anchor, once that is old enough; then the sample is the next anchor."""
    gone = ts - old[:, 0]
    stale = np.isnan(old[:, 0]) | (gone > 10 * span_ms)
    due = ~stale & (gone >= span_ms)
    rate = np.where(due, (x - old[:, 1]) / np.maximum(gone, 1) * 60_000, np.nan)
    moves = stale | due
    new = np.where(moves[:, None], np.stack([ts, x, old[:, 2], old[:, 3]], axis=1), old)
    return new, rate


def _sigmas(old: Array, ts: Array, x: Array, span_ms: float) -> tuple[Array, Array]:
    """Distance from the weighted mean of the past in its standard deviations; the sample joins the past afterwards, clipped."""
    fresh = np.isnan(old[:, 0])
    mean, variance, count = (np.where(fresh, 0.0, old[:, at]) for at in (1, 2, 3))
    mean = np.where(fresh, x, mean)
    spread = np.sqrt(np.maximum(variance, 1e-12))
    sigmas = np.where(count >= LEAST_SAMPLES, (x - mean) / np.maximum(spread, 1e-6), np.nan)
    gone = np.where(fresh, 0, np.maximum(ts - old[:, 0], 0))
    share = np.maximum(1 - np.exp(-gone / (span_ms * _TAU)), 1 / (count + 1))
    off = np.where(count >= LEAST_SAMPLES, np.clip(x - mean, -4 * spread, 4 * spread), x - mean)
    new_mean = mean + share * off
    new_variance = (1 - share) * (variance + share * off * off)
    return np.stack([ts, new_mean, new_variance, np.minimum(count + 1, 1e9)], axis=1), sigmas


def _extreme(old: Array, ts: Array, x: Array, span_ms: float, better: np.ufunc) -> tuple[Array, Array]:
    """Of this window of fixed length and the one before."""
    window = np.floor(ts / span_ms)
    same, next_ = window == old[:, 3], window == old[:, 3] + 1
    best = np.where(same, better(old[:, 1], x), x)
    before = np.where(same, old[:, 2], np.where(next_, old[:, 1], np.nan))
    known = np.where(np.isnan(before), best, better(best, np.where(np.isnan(before), best, before)))
    return np.stack([ts, best, before, window], axis=1), known


def _lowest(old: Array, ts: Array, x: Array, span_ms: float) -> tuple[Array, Array]:
    return _extreme(old, ts, x, span_ms, np.minimum)


def _highest(old: Array, ts: Array, x: Array, span_ms: float) -> tuple[Array, Array]:
    return _extreme(old, ts, x, span_ms, np.maximum)


_STEPS = {"mean": _mean, "rate": _rate, "sigmas": _sigmas, "lowest": _lowest, "highest": _highest}


def rounds_of(vehicle: Array) -> list[Array]:
    """Places of rows sorted by vehicle: first the first row of each, then the second of each that has one, …"""
    if not len(vehicle):
        return []
    starts = np.flatnonzero(np.diff(vehicle, prepend=-1))
    counts = np.diff(starts, append=len(vehicle))
    return [starts[counts > at] + at for at in range(int(counts.max()))]
