"""Silver telemetry as whole numbers: rows sorted by vehicle and time, signals as multiples of their resolution.

A fold over frames adds, or takes the least or the greatest of whole numbers, and nothing else: so its outcome is the same to
the last bit whatever order, batches and restarts the frames came in.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contracts.signals import BY_NAME

How = Literal["sum", "min", "max"]
Ints = NDArray[np.int64]
NULL = np.iinfo(np.int64).min
"""Stands for "not reported" among whole numbers."""
_NEVER = np.iinfo(np.int64).max
_VALUE_BITS = 14
_PLACE_BITS = 29
PLACE_OFFSET = 180_000_000
"""Added to micro-degrees, so that they are not negative."""


class Frames(NamedTuple):
    """Rows of silver telemetry, sorted by vehicle and event time (ms). `values` are the signals as they stand in silver."""

    vehicles: pa.Array
    codes: Ints
    ts_ms: Ints
    partitions: Ints
    regions: pa.Array
    region_codes: Ints
    values: Mapping[str, NDArray[np.float64]]

    @property
    def size(self) -> int:
        """How many."""
        return len(self.ts_ms)

    def only(self, chosen: NDArray[np.bool_]) -> "Frames":
        """The frames under a mask."""
        values = {name: column[chosen] for name, column in self.values.items()}
        return self._replace(
            codes=self.codes[chosen],
            ts_ms=self.ts_ms[chosen],
            partitions=self.partitions[chosen],
            region_codes=self.region_codes[chosen],
            values=values,
        )

    def whole(self, name: str) -> Ints:
        """A signal as multiples of its resolution; NULL where the frame does not have it."""
        scaled = np.rint(self.values[name] * BY_NAME[name].scale)
        there = ~np.isnan(scaled)
        if there.all():
            return scaled.astype(np.int64)
        whole = np.full(len(scaled), NULL)
        whole[there] = scaled[there].astype(np.int64)
        return whole

    def dated(self, values: Ints) -> Ints:
        """Values of 0 to 16,383 behind their instant: the least of them is the earliest value, the greatest the latest."""
        return np.where(values == NULL, NULL, self.ts_ms << _VALUE_BITS | values)

    def placed(self, name: str) -> Ints:
        """Latitude or longitude behind its second: the least is the first place, the greatest the last."""
        micro = self.whole(name)
        return np.where(micro == NULL, NULL, self.ts_ms // 1000 << _PLACE_BITS | (micro + PLACE_OFFSET))


def undated(values: Ints) -> Ints:
    """What `Frames.dated` put behind the instants; the caller minds the nulls."""
    return values & ((1 << _VALUE_BITS) - 1)


def unplaced(values: Ints) -> Ints:
    """Micro-degrees out of `Frames.placed`; the caller minds the nulls."""
    return (values & ((1 << _PLACE_BITS) - 1)) - PLACE_OFFSET


def frames(rows: pa.Table, signals: list[str]) -> Frames:
    """Silver rows with these signals."""
    vehicles = rows["vehicle_id"].combine_chunks().dictionary_encode()
    regions = rows["region"].combine_chunks().dictionary_encode()
    names = np.array(regions.dictionary.to_pylist(), dtype=object)
    rank = np.argsort(np.argsort(names)) if len(names) else np.zeros(0, np.int64)
    codes = vehicles.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    ts_ms = rows["event_ts"].cast(pa.int64()).to_numpy() // 1000
    order = np.lexsort((ts_ms, codes))
    return Frames(
        vehicles.dictionary,
        codes[order],
        ts_ms[order],
        rows["partition"].to_numpy()[order].astype(np.int64),
        pa.array(sorted(names.tolist()), pa.string()),
        rank[regions.indices.to_numpy(zero_copy_only=False)][order],
        {name: rows[name].to_numpy()[order] for name in signals},
    )


class Measure(NamedTuple):
    """One column of a fold: how two of its values become one, and each frame's own."""

    how: How
    values: Ints


def gather(of: Frames, bucket_ms: int, measures: Mapping[str, Measure]) -> pa.Table:
    """Frames summed up by vehicle and stretch of `bucket_ms`.

    The columns are `vehicle_id`, `bucket_ms` (the stretch's start), `region`, `partition` and the measures.
    """
    bucket = of.ts_ms // bucket_ms
    changes = np.flatnonzero((np.diff(of.codes) != 0) | (np.diff(bucket) != 0)) + 1
    starts = np.concatenate([[0], changes]) if of.size else np.zeros(0, np.int64)
    columns: dict[str, pa.Array] = {
        "vehicle_id": of.vehicles.take(pa.array(of.codes[starts])),
        "bucket_ms": pa.array(bucket[starts] * bucket_ms),
        "region": of.regions.take(pa.array(_reduced("max", of.region_codes, starts))),
        "partition": pa.array(_reduced("max", of.partitions, starts), pa.int32()),
    }
    for name, (how, values) in measures.items():
        made = _reduced(how, values, starts)
        columns[name] = pa.array(made, mask=made == NULL)
    return pa.table(columns)


def _reduced(how: How, values: Ints, starts: Ints) -> Ints:
    """Each stretch as one number; NULL where it has none. A sum of nothing is 0."""
    if not len(starts):
        return np.zeros(0, np.int64)
    if how == "max":
        return np.maximum.reduceat(values, starts)
    if how == "sum":
        return np.add.reduceat(np.where(values == NULL, 0, values), starts)
    least = np.minimum.reduceat(np.where(values == NULL, _NEVER, values), starts)
    return np.where(least == _NEVER, NULL, least)


def extremes(names: Iterable[str]) -> dict[str, How]:
    """The columns that keep the least and the greatest of counters."""
    made: dict[str, How] = {}
    for name in names:
        made |= {f"{name}_min": "min", f"{name}_max": "max"}
    return made


def counter(name: str, values: Ints) -> dict[str, Measure]:
    """The measures of a counter."""
    return {f"{name}_min": Measure("min", values), f"{name}_max": Measure("max", values)}


def mean(name: str, values: Ints) -> dict[str, Measure]:
    """The measures of a mean: how many, and their sum."""
    return {f"{name}_n": Measure("sum", ones(values != NULL)), f"{name}_sum": Measure("sum", values)}


def totals(names: Iterable[str]) -> dict[str, How]:
    """Columns that are added up."""
    return dict.fromkeys(names, "sum")


def ones(mask: NDArray[np.bool_]) -> Ints:
    """1 where the mask is true, to be counted."""
    return mask.astype(np.int64)
