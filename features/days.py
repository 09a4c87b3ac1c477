"""Revisions of days out of revisions of minutes: the same sums, kept by UTC day. Pure.

A day counts from its end on. Its revision at `known_at = k` adds up the newest revisions of its minutes known by k.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.windows import DAYS, Ints

_KEY = ["vehicle_id", "day", "known_at"]
_TIME = pa.timestamp("us", tz="UTC")


def revisions(minutes: pa.Table) -> pa.Table:
    """Rows of `gold.vehicle_minutes` (all revisions; any of the summed columns) to one row a vehicle, day and revision."""
    columns = [name for name in minutes.column_names if name.endswith(("_n", "_sum", "_min", "_max"))]
    ordered = minutes.sort_by([("vehicle_id", "ascending"), ("minute", "ascending"), ("known_at", "ascending")])
    day = ordered["minute"].cast(pa.int64()).to_numpy() // DAYS.bucket_us * DAYS.bucket_us
    known = np.maximum(ordered["known_at"].cast(pa.int64()).to_numpy(), day + DAYS.bucket_us)
    again = _repeats(ordered, "minute")
    parts: dict[str, pa.Array | pa.ChunkedArray] = {
        "vehicle_id": ordered["vehicle_id"],
        "day": pa.array(day, _TIME),
        "known_at": pa.array(known, _TIME),
        **{name: _more(ordered[name], again) if _adds(name) else ordered[name] for name in columns},
    }
    how = {name: "sum" if _adds(name) else name.rpartition("_")[2] for name in columns}
    grouped = pa.table(parts).group_by(_KEY, use_threads=False).aggregate(list(how.items()))
    merged = grouped.rename_columns([*_KEY, *columns]).sort_by([(name, "ascending") for name in _KEY])
    return _running(merged, how)


def _more(column: pa.ChunkedArray, again: np.ndarray) -> pa.Array:
    """What each revision adds to the one before it."""
    values = pc.fill_null(column, 0).to_numpy()
    before = np.concatenate([values[:1] * 0, values[:-1]])
    return pa.array(values - np.where(again, before, 0))


def _running(days: pa.Table, how: dict[str, str]) -> pa.Table:
    """Each revision of a day on top of the earlier ones; nearly all days have one."""
    again = _repeats(days, "day")
    if not again.any():
        return days
    first = np.flatnonzero(~again)
    rank = np.arange(len(again)) - np.repeat(first, np.diff([*first, len(again)]))
    for name, kind in how.items():
        whole = days[name].combine_chunks()
        nothing = {"sum": 0, "min": np.iinfo(np.int64).max, "max": np.iinfo(np.int64).min}[kind]
        values: Ints = pc.fill_null(whole, nothing).to_numpy(zero_copy_only=False).copy()
        step = {"sum": np.add, "min": np.minimum, "max": np.maximum}[kind]
        for number in range(1, int(rank.max()) + 1):
            rows = np.flatnonzero(rank == number)
            values[rows] = step(values[rows - 1], values[rows])
        column = pa.array(values, mask=None if kind == "sum" else values == nothing)
        days = days.set_column(days.column_names.index(name), name, column)
    return days


def _repeats(rows: pa.Table, bucket: str) -> np.ndarray:
    """Whether each sorted row is of the same vehicle and bucket as the one before it."""
    if not rows.num_rows:
        return np.zeros(0, bool)
    codes = rows["vehicle_id"].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    starts = rows[bucket].cast(pa.int64()).to_numpy()
    return np.concatenate([[False], (codes[1:] == codes[:-1]) & (starts[1:] == starts[:-1])])


def _adds(name: str) -> bool:
    return name.endswith(("_n", "_sum"))
