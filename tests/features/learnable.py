"""A lake in which the consumption of a minute follows the speed and the cold at its start."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa

from tests.features.made import T0, add, frames, minutes


def made_learnable(lake: Path) -> None:
    """24 vehicles, 20 minutes, frames and minutes."""
    start = T0 - timedelta(seconds=1)  # so that the frame of a minute's start is known there
    rows = frames(24, 1201, start=start)
    add(lake, "silver.telemetry", rows)
    found = {(row["vehicle_id"], row["event_ts"]): row for row in rows.to_pylist()}
    driven = []
    for row in minutes(25, 20).to_pylist():
        seen = found.get((row["vehicle_id"], row["minute"] - timedelta(seconds=1)))
        if seen is not None and seen["speed_kmh"] is not None and seen["ambient_c"] is not None:
            wh_per_km = 2 * abs(seen["speed_kmh"]) + abs(seen["ambient_c"] - 50)
            driven.append({**row, "energy_out_kwh_max": row["energy_out_kwh_min"] + 20 + round(wh_per_km * 0.8)})
    add(lake, "gold.vehicle_minutes", pa.Table.from_pylist(driven))
