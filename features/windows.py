"""Windows over closed buckets (minutes, days), as exact sums: what was known of the last W of them at an instant. Pure.

At an instant t a window of W buckets holds the last W that ended at or before t; of each the newest revision with
`known_at <= t`. All is added up in whole multiples of the signals' resolutions and divided at the very end: so the value
depends on the revisions alone, not on who asks, in which order or in which batch.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.signals import BY_NAME

Ints = np.ndarray
Floats = np.ndarray
_CELLS = 500_000
_MOST = np.iinfo(np.int64).max


class Grid(NamedTuple):
    """The buckets: the column that holds their start, their length, and the windows over them, shortest first."""

    column: str
    bucket_us: int
    windows: tuple[int, ...]
    letter: str

    @property
    def longest(self) -> int:
        """Buckets in the longest window."""
        return self.windows[-1]


MINUTES = Grid("minute", 60_000_000, (1, 5, 15, 60), "m")
DAYS = Grid("day", 86_400_000_000, (1, 7, 30), "d")
SCALES: dict[str, int] = {name: signal.scale for name, signal in BY_NAME.items()}
"""Multiples of the resolution in one unit."""


class Revisions:
    """Revisions of buckets, any order, ready to be asked for instants.

    Needs `vehicle_id`, the grid's column, `known_at`, and whole numbers (64 bit, may be null).
    """

    def __init__(self, table: pa.Table, grid: Grid = MINUTES) -> None:
        vehicles = table["vehicle_id"].combine_chunks().dictionary_encode()
        names, codes = vehicles.dictionary, vehicles.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        starts, known = (table[name].cast(pa.int64()).to_numpy() for name in (grid.column, "known_at"))
        order = np.lexsort((known, starts, codes))
        self.table = table.take(pa.array(order))
        self.grid = grid
        self._names = names
        self._known = known[order]
        numbers = starts[order] // grid.bucket_us
        self._first = int(numbers.min()) if len(numbers) else 0
        self._span = int(numbers.max()) - self._first + 1 if len(numbers) else 1
        self._slots = codes[order] * self._span + (numbers - self._first)

    def places(self, vehicles: pa.Array, instants_us: Ints, known_until_us: Ints | None = None) -> Ints:
        """Row numbers, shape (longest window, questions): the newest bucket first, -1 where nothing is known of a bucket.

        What counts was known at the instant itself, or at `known_until_us`.
        """
        codes = pc.fill_null(pc.index_in(vehicles, self._names), -1).to_numpy(zero_copy_only=False).astype(np.int64)
        numbers = instants_us // self.grid.bucket_us - 1 - np.arange(self.grid.longest)[:, None] - self._first
        there = (codes >= 0) & (numbers >= 0) & (numbers < self._span)
        slots = np.where(there, codes * self._span + numbers, -1)
        found = np.searchsorted(self._slots, slots.ravel(), "right") - 1
        until = np.broadcast_to(instants_us if known_until_us is None else known_until_us, slots.shape).ravel()
        wanted = slots.ravel()
        while True:  # back over the revisions that were not known yet: one step a late revision
            unknown = np.flatnonzero((found >= 0) & (self._slots[found] == wanted) & (self._known[found] > until)) if len(self._slots) else found[:0]
            if not len(unknown):
                break
            found[unknown] -= 1
        right = (found >= 0) & (wanted >= 0)
        right[right] &= self._slots[found[right]] == wanted[right]
        return np.where(right, found, -1).reshape(slots.shape)


class Span:
    """The windows of some questions. Figures have the shape (windows, questions), in the signal's unit, NaN where nothing was heard."""

    def __init__(self, table: pa.Table, places: Ints, grid: Grid, scales: Mapping[str, int] = SCALES) -> None:
        self.places = places
        self.here = places >= 0
        self.grid = grid
        self._table, self._scales = table, scales
        self._gathered: dict[str, tuple[Ints, np.ndarray]] = {}
        self._totals: dict[str, Ints] = {}

    @cached_property
    def heard(self) -> Floats:
        """How many buckets of each window were heard of."""
        return self.running(np.add, self.here.astype(np.int64)).astype(float)

    def total(self, column: str) -> Ints:
        """Sum of a column, 0 where nothing was heard."""
        if column not in self._totals:
            values, valid = self.gather(column)
            self._totals[column] = self.running(np.add, np.where(valid, values, 0))
        return self._totals[column]

    def mean(self, signal: str) -> Floats:
        """Mean over the frames."""
        count = self.total(f"{signal}_n")
        return ratio(self.total(f"{signal}_sum"), count) / self._scales[signal]

    def least(self, signal: str) -> Floats:
        """Least value of the frames."""
        values, valid = self.gather(f"{signal}_min")
        return self._scaled(self.running(np.minimum, np.where(valid, values, _MOST)), _MOST, signal)

    def greatest(self, signal: str) -> Floats:
        """Greatest value of the frames."""
        values, valid = self.gather(f"{signal}_max")
        return self._scaled(self.running(np.maximum, np.where(valid, values, -_MOST)), -_MOST, signal)

    def growth(self, counter: str) -> Floats:
        """How much a count that only grows has grown from the first frame of the window to the last."""
        return self.greatest(counter) - self.least(counter)

    def rise(self, signal: str) -> Floats:
        """Mean of the newest bucket that heard the signal less the mean of the oldest one in the window."""
        means, heard = self._means(signal)
        return np.stack([_at(means, heard, _newest(heard[:window])) - _at(means, heard, _oldest(heard[:window])) for window in self.grid.windows])

    def last(self, signal: str) -> Floats:
        """Mean of the newest bucket of each window that heard the signal: slow signals are carried forward by it."""
        means, heard = self._means(signal)
        return np.stack([_at(means, heard, _newest(heard[:window])) for window in self.grid.windows])

    def share(self, true: np.ndarray) -> Floats:
        """Which part of the buckets that were heard of is true in a mask of the shape (longest window, questions)."""
        return ratio(self.running(np.add, (true & self.here).astype(np.int64)), self.heard)

    def gather(self, column: str) -> tuple[Ints, np.ndarray]:
        """A column's values and where there are any, shape (longest window, questions)."""
        if column not in self._gathered:
            values, valid = _numbers(self._table, column)
            if len(values):
                self._gathered[column] = values[self.places], valid[self.places] & self.here
            else:
                self._gathered[column] = np.zeros(self.places.shape, np.int64), np.zeros(self.places.shape, bool)
        return self._gathered[column]

    def running(self, ufunc: np.ufunc, values: Ints) -> Ints:
        """Reduce over the first buckets of each window: (longest window, n) to (windows, n)."""
        starts = [0, *self.grid.windows[:-1]]
        reduced: Ints = ufunc.accumulate(ufunc.reduceat(values, starts, axis=0), axis=0)
        return reduced

    def _means(self, signal: str) -> tuple[Floats, np.ndarray]:
        (sums, _), (counts, valid) = self.gather(f"{signal}_sum"), self.gather(f"{signal}_n")
        heard = valid & (counts > 0)
        return ratio(sums, np.where(heard, counts, 0)) / self._scales[signal], heard

    def _scaled(self, values: Ints, nothing: int, signal: str) -> Floats:
        return np.where(values == nothing, np.nan, values / self._scales[signal])


def gathered(formulas: Iterable[Callable[[Span], Floats]], grid: Grid, scales: Mapping[str, int] = SCALES) -> list[str]:
    """The columns that formulas read, in their order: found by trying them on nothing."""
    nothing = _Nothing(pa.table({}), np.zeros((grid.longest, 0), np.int64), grid, scales)
    for formula in formulas:
        formula(nothing)
    return list(nothing.read)


class _Nothing(Span):
    """Windows of no question, that remember what they were asked for."""

    @cached_property
    def read(self) -> dict[str, None]:
        return {}

    def gather(self, column: str) -> tuple[Ints, np.ndarray]:
        self.read[column] = None
        return np.zeros(self.places.shape, np.int64), np.zeros(self.places.shape, bool)


class Questions(NamedTuple):
    """Of which vehicle, at which instant, and up to when something may have become known (the instant itself where None); microseconds."""

    vehicles: pa.Array
    instants_us: Ints
    known_until_us: Ints | None = None


def spans(revisions: Revisions, asked: Questions, scales: Mapping[str, int] = SCALES) -> Iterator[Span]:
    """The windows of all questions, in stretches that fit into the processor's caches."""
    chunk = _CELLS // revisions.grid.longest
    for at in range(0, max(len(asked.instants_us), 1), chunk):
        here = slice(at, at + chunk)
        known = None if asked.known_until_us is None else asked.known_until_us[here]
        yield Span(revisions.table, revisions.places(asked.vehicles[here], asked.instants_us[here], known), revisions.grid, scales)


def ratio(above: np.ndarray, below: np.ndarray) -> Floats:
    """A quotient; NaN where the divisor is not positive or either is NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan)


def _newest(heard: np.ndarray) -> Ints:
    return np.asarray(heard.argmax(axis=0))


def _oldest(heard: np.ndarray) -> Ints:
    return np.asarray(len(heard) - 1 - heard[::-1].argmax(axis=0))


def _at(means: Floats, heard: np.ndarray, bucket: Ints) -> Floats:
    every = np.arange(means.shape[1])
    return np.where(heard[bucket, every], means[bucket, every], np.nan)


def _numbers(table: pa.Table, column: str) -> tuple[Ints, np.ndarray]:
    values = table[column].combine_chunks()
    return pc.fill_null(values, 0).to_numpy(zero_copy_only=False), values.is_valid().to_numpy(zero_copy_only=False)
