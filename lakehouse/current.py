"""Gold `vehicle_current`: the last that is known of each vehicle.

Who and when come from its newest frame by `(event_ts, boot_id, seq)`. Each signal is carried forward: its newest reported value
by event time, which for a slow signal is older than the newest frame; `signal_ts` says when. Of two values of the same instant the
greater counts. So the outcome does not depend on the order of arrival, on batches or on restarts.
"""

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
    rows = pa.concat_tables([_dated(table) for table in tables]).combine_chunks()
    if not rows.num_rows:
        return VEHICLE_CURRENT.empty_table()
    rows = rows.sort_by([(name, "ascending") for name in _ORDER])
    vehicles = rows["vehicle_id"].combine_chunks()
    changes = pc.not_equal(vehicles[1:], vehicles[:-1]).to_numpy(zero_copy_only=False)
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lasts = np.concatenate([starts[1:], [rows.num_rows]]) - 1
    values = np.column_stack([rows[name].to_numpy() for name in _NAMES])
    times, values = _carried(values, _times(rows), starts)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {name: rows[name].take(pa.array(lasts)) for name in _PLAIN}
    columns |= {name: pa.array(values[:, at], from_pandas=True) for at, name in enumerate(_NAMES)}
    instants = [pa.array(times[:, at], mask=times[:, at] == _NEVER).cast(field.type) for at, field in enumerate(SIGNAL_TS.type)]
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


def _dated(table: pa.Table) -> pa.Table:
    """Only the columns that count; silver rows have no instants of their own for each signal."""
    if "signal_ts" not in table.column_names:
        table = table.append_column(SIGNAL_TS, pa.nulls(table.num_rows, SIGNAL_TS.type))
    return table.select(VEHICLE_CURRENT.names).cast(VEHICLE_CURRENT)


def _times(rows: pa.Table) -> np.ndarray:
    """When each signal of each row was reported (us since the epoch)."""
    own = rows["signal_ts"].combine_chunks()
    event = rows["event_ts"].cast(pa.int64()).to_numpy()
    times = np.repeat(event[:, None], len(_NAMES), axis=1)
    carried = own.is_valid().to_numpy(zero_copy_only=False)
    if carried.any():
        kept = own.filter(pa.array(carried))
        times[carried] = np.column_stack([pc.struct_field(kept, name).cast(pa.int64()).fill_null(_NEVER).to_numpy() for name in _NAMES])
    return times
