"""Gold `vehicle_current`: the newest frame of each vehicle. Only a newer event wins, so the order of arrival does not matter."""

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.tables import VEHICLE_CURRENT

_ORDER = ["event_ts", "boot_id", "seq"]


def newest(*tables: pa.Table) -> pa.Table:
    """Of each vehicle in the tables the frame with the greatest `(event_ts, boot_id, seq)`, sorted by vehicle."""
    rows = pa.concat_tables([table.select(VEHICLE_CURRENT.names).cast(VEHICLE_CURRENT) for table in tables])
    rows = rows.sort_by([("vehicle_id", "ascending"), *((name, "ascending") for name in _ORDER)])
    if not rows.num_rows:
        return rows
    vehicles = rows["vehicle_id"].combine_chunks()
    is_last = pa.concat_arrays([_differs(vehicles), pa.array([True])])
    return rows.filter(is_last)


def _differs(values: pa.Array) -> pa.Array:
    """Whether each value differs from the one behind it; one shorter than the values."""
    return pc.not_equal(values[:-1], values[1:])
