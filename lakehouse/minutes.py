"""Gold `vehicle_minutes`: what each vehicle did in each minute, as exact sums, with every revision kept.

A frame belongs to the minute of its `event_ts`. It is known from `max(end of the minute, the second after the partition's
clock at the frame)` on: that instant is a function of the frame alone, so every reader of a partition makes the same
revisions, whatever batches the frames came in. The row of a minute at `known_at = k` sums up all its frames known by k.

Sums are whole multiples of the signals' resolutions: adding is associative, and a rebuild equals to the last bit.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.tables import MINUTE_COUNTERS, MINUTE_STATS, TIME, VEHICLE_MINUTES

KEY = ["vehicle_id", "minute", "known_at"]
_MINUTE_US, _SECOND_US = 60_000_000, 1_000_000
_HOW = {"n": "sum", "sum": "sum", "min": "min", "max": "max"}
_FIRST = [("frames", "sum"), ("first_ts", "min"), ("last_ts", "max"), ("region", "max"), ("date", "max"), ("partition", "max")]
_AGGREGATES = _FIRST + [
    (f"{signal.name}_{part}", _HOW[part])
    for signal in (*MINUTE_STATS, *MINUTE_COUNTERS)
    for part in (("n", "sum", "min", "max") if signal.minute == "stats" else ("min", "max"))
]


def partials(rows: pa.Table) -> pa.Table:
    """Silver telemetry rows summed up by vehicle, minute and the instant from which they are known.

    The columns are those of the table `gold.vehicle_minutes`; a row is not yet a revision, for it lacks the earlier ones.
    """
    event, known = (rows[name].cast(pa.int64()).to_numpy() for name in ("event_ts", "known_at"))
    minute = event // _MINUTE_US * _MINUTE_US
    second = known // _SECOND_US * _SECOND_US + _SECOND_US
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "date": pc.strftime(pa.array(minute, TIME), format="%Y-%m-%d"),
        "vehicle_id": rows["vehicle_id"],
        "region": rows["region"],
        "minute": pa.array(minute, TIME),
        "known_at": pa.array(np.maximum(minute + _MINUTE_US, second), TIME),
        "frames": pa.array(np.ones(rows.num_rows, np.int64)),
        "first_ts": rows["event_ts"],
        "last_ts": rows["event_ts"],
        "partition": rows["partition"],
    }
    for signal in (*MINUTE_STATS, *MINUTE_COUNTERS):
        multiples = pc.round(pc.multiply(rows[signal.name], float(signal.scale)), round_mode="half_to_even").cast(pa.int64())
        for part in ("sum", "min", "max") if signal.minute == "stats" else ("min", "max"):
            columns[f"{signal.name}_{part}"] = multiples
        if signal.minute == "stats":
            columns[f"{signal.name}_n"] = pc.is_valid(multiples).cast(pa.int64())
    return merge([pa.table([columns[name] for name in VEHICLE_MINUTES.names], names=VEHICLE_MINUTES.names)])


def merge(tables: list[pa.Table]) -> pa.Table:
    """Tables of partials as one, a row a vehicle, minute and instant."""
    together = pa.concat_tables(tables) if tables else VEHICLE_MINUTES.empty_table()
    grouped = together.group_by(KEY, use_threads=False).aggregate(_AGGREGATES)
    plain = {f"{name}_{how}": name for name, how in _AGGREGATES}
    named = grouped.rename_columns([plain.get(name, name) for name in grouped.column_names])
    return named.select(VEHICLE_MINUTES.names).cast(VEHICLE_MINUTES)


def newest(revisions: pa.Table) -> pa.Table:
    """The truth about each minute: of its revisions the one with the newest `known_at`."""
    last = revisions.group_by(["vehicle_id", "minute"]).aggregate([("known_at", "max")]).rename_columns(["vehicle_id", "minute", "known_at"])
    return revisions.join(last, KEY, join_type="left semi").select(VEHICLE_MINUTES.names)


def revise(base: pa.Table, known: pa.Table) -> pa.Table:
    """Revisions out of partials: each adds up the newest revision of its minute in `base` and the partials up to its own instant.

    Every row of `base` is known before every row of `known` of the same minute.
    """
    minute = ["vehicle_id", "minute"]
    again = base.join(known.select(minute), minute, join_type="left semi").select(VEHICLE_MINUTES.names)
    if not again.num_rows and known.group_by(minute).aggregate([]).num_rows == known.num_rows:
        return known  # the usual case: each minute for the first time, and once
    parts = pa.concat_tables([newest(again), known])
    wanted = known.select(KEY).rename_columns([*minute, "as_of"])
    pairs = wanted.join(parts, minute, join_type="inner")
    pairs = pairs.filter(pc.less_equal(pairs["known_at"], pairs["as_of"])).drop_columns(["known_at"])
    return merge([pairs.rename_columns(["known_at" if name == "as_of" else name for name in pairs.column_names]).select(VEHICLE_MINUTES.names)])
