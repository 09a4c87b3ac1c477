"""The cells' share of `battery_daily`: spread of the voltages, the hottest probe and the weakest cell of each day."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.gold import battery
from lakehouse.gold.frames import NULL, Ints


def partial(rows: pa.Table) -> pa.Table:
    """Silver cells as exact rows of `battery_daily` whose telemetry half is empty."""
    size = rows.num_rows
    least, most, weakest = _extremes(rows["cell_v"].combine_chunks(), 1000)
    _, _, hottest = _extremes(rows["probe_c"].combine_chunks(), 10, greatest=True)
    there = least != NULL
    spread = np.where(there, most - least, NULL)
    day = rows["event_ts"].cast(pa.int64()).to_numpy() // 1000 // battery.DAY_MS * battery.DAY_MS
    made = {
        "cells_n": there.astype(np.int64),
        "cells_spread_sum": np.where(there, spread, 0),
        "cells_spread_max": spread,
        "hottest": hottest,
        "weakest": weakest,
    }
    columns: dict[str, pa.Array | pa.ChunkedArray] = {"vehicle_id": rows["vehicle_id"], "day_ms": pa.array(day)}
    columns |= {"region": rows["region"], "partition": rows["partition"].cast(pa.int32())}
    for name, how in battery.HOW.items():
        if name in made:
            columns[name] = pa.array(made[name], mask=made[name] == NULL)
        else:
            columns[name] = pa.array(np.zeros(size, np.int64)) if how == "sum" else pa.nulls(size, pa.int64())
    return pa.table(columns)


def _extremes(lists: pa.ListArray, scale: int, *, greatest: bool = False) -> tuple[Ints, Ints, Ints]:
    """Of each list the least and the greatest value as multiples, and its extreme one with its place in the low bits."""
    size = len(lists)
    least, most, extreme = (np.full(size, NULL) for _ in range(3))
    rows = pc.list_parent_indices(lists).to_numpy()
    values = pc.list_flatten(lists).to_numpy(zero_copy_only=False)
    if not len(rows):
        return least, most, extreme
    starts = np.concatenate([[0], np.flatnonzero(np.diff(rows)) + 1])
    lengths = np.diff(np.concatenate([starts, [len(rows)]]))
    places = np.arange(len(rows)) - np.repeat(starts, lengths)
    whole = np.rint(np.nan_to_num(values) * scale).astype(np.int64)
    placed = whole << battery.NUMBER_BITS | np.minimum(places, battery.NUMBERS)
    at = rows[starts]
    least[at], most[at] = np.minimum.reduceat(whole, starts), np.maximum.reduceat(whole, starts)
    extreme[at] = np.maximum.reduceat(placed, starts) if greatest else np.minimum.reduceat(placed, starts)
    return least, most, extreme
