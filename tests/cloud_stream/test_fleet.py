"""What is usual for a model comes from the days before; model and tags from the registry."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from cloud_stream.connectors.fleet import Fleet
from lakehouse import writer
from lakehouse.gold.dimensions import VEHICLE
from lakehouse.reader import open_table
from lakehouse.tables import VEHICLE_MINUTES

NOON = datetime(2026, 9, 21, 12, tzinfo=UTC)


def test_the_days_before_tell_what_is_usual(tmp_path: Path) -> None:
    lake, names = str(tmp_path), [f"V-{at}" for at in range(6)]
    writer.ensure(lake, ["gold.dim_vehicle", "gold.vehicle_minutes"])
    vehicles = [{"vehicle_id": name, "model": "i3", "tags": ["depot"], "valid_from": NOON, "is_current": True} for name in names]
    writer.append(open_table(lake, "gold.dim_vehicle"), "gold.dim_vehicle", pa.Table.from_pylist(vehicles, VEHICLE), {})
    minutes = [
        {
            "date": day,
            "vehicle_id": name,
            "minute": NOON,
            "known_at": NOON,
            "partition": 0,
            "soh_pct_n": 2,
            "soh_pct_sum": 2 * (9000 + 100 * at + more),
        }
        for at, name in enumerate(names)
        for day, more in (("2026-09-20", 0), ("2026-09-21", 5000))
    ]
    writer.append(open_table(lake, "gold.vehicle_minutes"), "gold.vehicle_minutes", pa.Table.from_pylist(minutes, VEHICLE_MINUTES), {})
    fleet = Fleet(lake)
    fleet.refresh()
    assert fleet.known.facts["V-3"] == ("i3", frozenset({"depot"}))
    at = np.array([NOON.timestamp() * 1000] * 2, np.int64)
    median, spread = fleet.baseline(["V-0", "V-9"], at, "soh_pct")
    assert (median[0], round(float(spread[0]), 4)) == (92.5, 2.2239)
    assert np.isnan(median[1]), "a vehicle that the registry does not name"
    assert np.isnan(fleet.baseline(["V-0"], at[:1] - 30 * 86_400_000, "soh_pct")[0][0]), "no day before"
