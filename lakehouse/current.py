"""Gold `vehicle_current`: the last that is known of each vehicle.

Who and when come from its newest frame by `(event_ts, boot_id, seq)`. Each signal is carried forward: its newest reported value
by event time, which for a slow signal is older than the newest frame; `signal_ts` says when. Of two values of the same instant the
greater counts. So the outcome does not depend on the order of arrival, on batches or on restarts.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.tables import SIGNAL_FIELDS, SIGNAL_TS, VEHICLE_CURRENT

_ORDER = ["vehicle_id", "event_ts", "boot_id", "seq"]
_NAMES = [field.name for field in SIGNAL_FIELDS]
_NEVER = np.iinfo(np.int64).min
_PLAIN = [name for name in VEHICLE_CURRENT.names if name not in {*_NAMES, "signal_ts"}]


def newest(*tables: pa.Table) -> pa.Table:
    """What silver telemetry rows and earlier outcomes say together: a row a vehicle, sorted by vehicle."""
    known = [table if "signal_ts" in table.column_names else _last(table) for table in tables]
    rows = pa.concat_tables([table.select(VEHICLE_CURRENT.names).cast(VEHICLE_CURRENT) for table in known]).combine_chunks()
    if not rows.num_rows:
        return VEHICLE_CURRENT.empty_table()
    rows = rows.sort_by([(name, "ascending") for name in _ORDER])
    vehicles = rows["vehicle_id"].combine_chunks()
    changes = pc.not_equal(vehicles[1:], vehicles[:-1]).to_numpy(zero_copy_only=False)
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lasts = np.concatenate([starts[1:], [rows.num_rows]]) - 1
    if len(starts) == rows.num_rows:
        return rows
    values = np.column_stack([rows[name].to_numpy() for name in _NAMES])
    own = rows["signal_ts"].combine_chunks()
    times = np.column_stack([pc.struct_field(own, name).cast(pa.int64()).fill_null(_NEVER).to_numpy() for name in _NAMES])
    times, values = _carried(values, times, starts)
    return _table(rows.take(pa.array(lasts)), {name: (times[:, at], values[:, at]) for at, name in enumerate(_NAMES)})


def _last(rows: pa.Table) -> pa.Table:
    """The same of silver rows alone: sorted once, then each signal's last value of each vehicle is looked up."""
    vehicles, boots = (rows[name].combine_chunks().dictionary_encode() for name in ("vehicle_id", "boot_id"))
    codes, boot = vehicles.indices.to_numpy(zero_copy_only=False), boots.indices.to_numpy(zero_copy_only=False)
    rank = np.argsort(np.argsort(np.array(boots.dictionary.to_pylist(), dtype=object))) if len(boots.dictionary) else boot
    ts = rows["event_ts"].cast(pa.int64()).to_numpy()
    order = np.lexsort((rows["seq"].to_numpy(), rank[boot] if len(boot) else boot, ts, codes))
    changes = np.flatnonzero(np.diff(codes[order])) + 1
    starts = np.concatenate([[0], changes]) if len(order) else np.zeros(0, np.int64)
    lasts = np.concatenate([starts[1:], [len(order)]]) - 1 if len(order) else starts
    alike = (np.diff(codes[order]) == 0) & (np.diff(ts[order]) == 0)
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name in _NAMES:
        column = rows[name]
        if column.null_count == len(column):
            found[name] = np.full(len(lasts), _NEVER), np.full(len(lasts), np.nan)
            continue
        values = column.to_numpy()
        if alike.any():
            # Two frames of one instant: the greater value counts, whichever frame has it.
            times, best = _carried(values[order][:, None], ts[order][:, None], starts)
            found[name] = times[:, 0], best[:, 0]
            continue
        at = lasts
        if column.null_count:
            at = np.maximum.reduceat(np.where(np.isnan(values[order]), -1, np.arange(len(order))), starts)
        last = order[at]
        found[name] = np.where(at >= 0, ts[last], _NEVER), np.where(at >= 0, values[last], np.nan)
    return _table(rows.take(pa.array(order[lasts])), found)


def _table(named: pa.Table, found: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> pa.Table:
    """Rows of the table out of the newest frames and each signal's `(time, value)`."""
    columns: dict[str, pa.Array | pa.ChunkedArray] = {name: named[name] for name in _PLAIN}
    columns |= {name: pa.array(values, from_pandas=True) for name, (_, values) in found.items()}
    instants = [pa.array(found[name][0], mask=found[name][0] == _NEVER).cast(SIGNAL_TS.type.field(name).type) for name in _NAMES]
    columns["signal_ts"] = pa.StructArray.from_arrays(instants, _NAMES)
    return pa.table([columns[name] for name in VEHICLE_CURRENT.names], names=VEHICLE_CURRENT.names).cast(VEHICLE_CURRENT)


def _carried(values: np.ndarray, times: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each vehicle's stretch of rows and each signal the greatest `(time, value)`; NaN where there is none."""
    times = np.where(np.isnan(values), _NEVER, times)
    last = np.maximum.reduceat(times, starts, axis=0)
    lengths = np.diff(np.concatenate([starts, [len(values)]]))
    newest = (times == np.repeat(last, lengths, axis=0)) & (times != _NEVER)
    best = np.maximum.reduceat(np.where(newest, values, -np.inf), starts, axis=0)
    return last, np.where(last == _NEVER, np.nan, best)
