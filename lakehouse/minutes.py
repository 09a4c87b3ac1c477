"""Gold `vehicle_minutes`: what each vehicle did in each minute, as exact sums, with every revision kept.

A frame belongs to the minute of its `event_ts`. It is known from `max(end of the minute, the second after the partition's
clock at the frame)` on: that instant is a function of the frame alone, so every reader of a partition makes the same
revisions, whatever batches the frames came in. The row of a minute at `known_at = k` sums up all its frames known by k. It is made
when the source's own clock has passed k: another source's clock, of live data beside simulated history, says nothing of what is still to come.

Sums are whole multiples of the signals' resolutions: adding is associative, and a rebuild equals to the last bit.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.signals import Signal
from lakehouse.positions import Position, Source
from lakehouse.tables import MINUTE_COUNTERS, MINUTE_STATS, TIME, VEHICLE_MINUTES

KEY = ["vehicle_id", "minute", "known_at"]
_MINUTE_US, _SECOND_US = 60_000_000, 1_000_000
_MOST = np.iinfo(np.int64).max
_HOW = {"n": "sum", "sum": "sum", "min": "min", "max": "max"}
_FIRST = [("frames", "sum"), ("first_ts", "min"), ("last_ts", "max"), ("region", "max"), ("date", "max"), ("partition", "max")]
_AGGREGATES = _FIRST + [
    (f"{signal.name}_{part}", _HOW[part])
    for signal in (*MINUTE_STATS, *MINUTE_COUNTERS)
    for part in (("n", "sum", "min", "max") if signal.minute == "stats" else ("min", "max"))
]

SOURCED = VEHICLE_MINUTES.append(pa.field("topic_id", pa.string()))
"""Partials with the topic that their frames came from."""


def sourced(rows: pa.Table) -> pa.Table:
    """Partials of silver telemetry rows, those of each topic apart: they wait for its clock."""
    made = [SOURCED.empty_table()]
    topics = pc.unique(rows["topic_id"]).to_pylist()
    for topic in topics:
        parts = partials(rows if len(topics) == 1 else rows.filter(pc.equal(rows["topic_id"], topic)))
        made.append(parts.append_column("topic_id", pa.repeat(topic, parts.num_rows).cast(pa.string())))
    return pa.concat_tables(made)


def due(waiting: pa.Table, reached: Mapping[Source, Position]) -> pa.ChunkedArray:
    """Which partials with their topics are complete: the source's clock has passed the instant from which they are known."""
    clocks = {(source.topic_id, source.partition): at.clock_ms for source, at in reached.items()}
    whose = zip(waiting["topic_id"].to_pylist(), waiting["partition"].to_pylist(), strict=True)
    limits = np.array([clocks.get(who, 0) for who in whose], np.int64)
    return pc.less_equal(waiting["known_at"], pa.array(limits * 1000).cast(TIME))


def partials(rows: pa.Table) -> pa.Table:
    """Silver telemetry rows summed up by vehicle, minute and the instant from which they are known.

    The columns are those of the table `gold.vehicle_minutes`; a row is not yet a revision, for it lacks the earlier ones.
    """
    if not rows.num_rows:
        return VEHICLE_MINUTES.empty_table()
    event, known = (rows[name].cast(pa.int64()).to_numpy() for name in ("event_ts", "known_at"))
    minute = event // _MINUTE_US * _MINUTE_US
    known = np.maximum(minute + _MINUTE_US, known // _SECOND_US * _SECOND_US + _SECOND_US)
    vehicles = rows["vehicle_id"].combine_chunks().dictionary_encode()
    codes = vehicles.indices.to_numpy(zero_copy_only=False)
    order = np.lexsort((known, minute, codes))
    event, known, minute, codes = event[order], known[order], minute[order], codes[order]
    changes = (np.diff(codes) != 0) | (np.diff(minute) != 0) | (np.diff(known) != 0)
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "date": pc.strftime(pa.array(minute[starts], TIME), format="%Y-%m-%d"),
        "vehicle_id": vehicles.dictionary.take(pa.array(codes[starts])),
        "region": _greatest(rows["region"], order, starts),
        "minute": pa.array(minute[starts], TIME),
        "known_at": pa.array(known[starts], TIME),
        "frames": pa.array(np.diff(np.concatenate([starts, [rows.num_rows]]))),
        "first_ts": pa.array(np.minimum.reduceat(event, starts), TIME),
        "last_ts": pa.array(np.maximum.reduceat(event, starts), TIME),
        "partition": pa.array(np.maximum.reduceat(rows["partition"].to_numpy()[order], starts)),
    }
    for signal in (*MINUTE_STATS, *MINUTE_COUNTERS):
        columns |= _summed(signal, rows[signal.name], order, starts)
    return pa.table([columns[name] for name in VEHICLE_MINUTES.names], names=VEHICLE_MINUTES.names).cast(VEHICLE_MINUTES)


def _summed(signal: Signal, values: pa.ChunkedArray, order: np.ndarray, starts: np.ndarray) -> dict[str, pa.Array]:
    """Count, sum, least and greatest of a signal in each stretch of the ordered rows, as multiples of its resolution."""
    parts = ("n", "sum", "min", "max") if signal.minute == "stats" else ("min", "max")
    if values.null_count == len(values):
        made = {part: pa.nulls(len(starts), pa.int64()) for part in parts} | {"n": pa.array(np.zeros(len(starts), np.int64))}
        return {f"{signal.name}_{part}": made[part] for part in parts}
    scaled = np.rint(values.to_numpy()[order] * float(signal.scale))
    there = ~np.isnan(scaled)
    count = np.add.reduceat(there.astype(np.int64), starts)
    none = count == 0
    found = {"n": count}
    for part, neutral, reduced in (("sum", 0, np.add), ("min", _MOST, np.minimum), ("max", -_MOST, np.maximum)):
        if part in parts:
            whole = np.where(there, scaled, 0).astype(np.int64) if values.null_count else scaled.astype(np.int64)
            found[part] = reduced.reduceat(np.where(there, whole, neutral) if values.null_count else whole, starts)
    return {f"{signal.name}_{part}": pa.array(found[part], mask=none if part != "n" else None) for part in parts}


def _greatest(texts: pa.ChunkedArray, order: np.ndarray, starts: np.ndarray) -> pa.Array:
    """The greatest text of each stretch."""
    encoded = texts.combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    ranks = np.argsort(np.argsort(np.array(names, dtype=object)))[encoded.indices.to_numpy(zero_copy_only=False)]
    return pa.array(sorted(names), pa.string()).take(pa.array(np.maximum.reduceat(ranks[order], starts)))


def merge(tables: list[pa.Table]) -> pa.Table:
    """Tables of partials as one, a row a vehicle, minute and instant."""
    return _grouped(tables, KEY, VEHICLE_MINUTES)


def piled(tables: list[pa.Table]) -> pa.Table:
    """Tables of partials with their topics as one, a row a vehicle, minute, instant and topic."""
    return _grouped(tables, [*KEY, "topic_id"], SOURCED)


def _grouped(tables: list[pa.Table], key: list[str], schema: pa.Schema) -> pa.Table:
    together = pa.concat_tables(tables) if tables else schema.empty_table()
    grouped = together.group_by(key, use_threads=False).aggregate(_AGGREGATES)
    plain = {f"{name}_{how}": name for name, how in _AGGREGATES}
    named = grouped.rename_columns([plain.get(name, name) for name in grouped.column_names])
    return named.select(schema.names).cast(schema)


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
