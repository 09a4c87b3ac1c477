"""Trips and charging sessions as spans: rows of a vehicle that lie less than a gap apart are one.

More frames only make spans longer or join two of them, never split one. So joining is a fold as well: spans of spans equal
the spans of all frames at once.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from lakehouse.gold.frames import How

GAP_MS = 5 * 60 * 1000
"""A vehicle that does not move, or is not plugged in, for longer has ended its trip or session."""
PIECE_MS = 60_000
"""Frames of one minute are less than a gap apart: they are summed up before spans are looked for."""
ENDS: dict[str, How] = {"start_ms": "min", "end_ms": "max"}


def join(tables: Sequence[pa.Table], how: Mapping[str, How]) -> pa.Table:
    """Spans out of pieces and spans, sorted by vehicle and start."""
    together = pa.concat_tables(tables).sort_by([("vehicle_id", "ascending"), ("start_ms", "ascending"), ("end_ms", "ascending")])
    wanted: dict[str, How] = {"region": "max", "partition": "max", **how}
    made = together.append_column("span", pa.array(_numbers(together))).group_by("span", use_threads=False)
    made = made.aggregate([("vehicle_id", "min"), *wanted.items()])
    plain = {f"{name}_{way}": name for name, way in wanted.items()} | {"vehicle_id_min": "vehicle_id"}
    made = made.rename_columns([plain.get(name, name) for name in made.column_names])
    return made.sort_by("span").select(["vehicle_id", *wanted])


def _numbers(rows: pa.Table) -> np.ndarray:
    """Which span each of the sorted rows belongs to."""
    if not rows.num_rows:
        return np.zeros(0, np.int64)
    codes = rows["vehicle_id"].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    start, end = rows["start_ms"].to_numpy(), rows["end_ms"].to_numpy()
    _, turns = np.unique(codes, return_inverse=True)
    vehicle = np.cumsum(np.concatenate([[0], np.diff(turns) != 0]))
    # A later row may end before an earlier one: the end so far counts. Vehicles are kept apart by the high bits.
    so_far = np.maximum.accumulate(vehicle << 43 | end) & ((1 << 43) - 1)
    begins = np.concatenate([[True], (np.diff(vehicle) != 0) | (start[1:] - so_far[:-1] > GAP_MS)])
    return np.cumsum(begins)
