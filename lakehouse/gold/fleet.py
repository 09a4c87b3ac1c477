"""Gold `fleet_hourly`: the fleet by hour, region and model, as a pure function of `vehicle_hours` and `dim_vehicle`."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.gold.dimensions import model_key
from lakehouse.gold.exact import TIME, floats, ratio
from lakehouse.gold.facts import DATE
from lakehouse.gold.frames import How, totals

UNKNOWN = "unknown"
"""The model of a vehicle that the registry does not name."""
NAME = "gold.fleet_hourly"
_COUNTERS = ("odometer_m", "energy_out_wh", "energy_in_wh", "regen_wh")
_SUMS = ("frames", "moving_n", "charging_n", "plugged_n", "soc_n", "soc_sum", "ambient_n", "ambient_sum")
_HOW: dict[str, How] = {
    **totals(["vehicles", "driving", "charging", "faulty", *_COUNTERS, *_SUMS]),
    "pack_temp_max": "max",
    "speed_max": "max",
}
SCHEMA = pa.schema(
    [
        DATE,
        pa.field("hour", TIME),
        pa.field("region", pa.string()),
        pa.field("model", pa.string()),
        *(pa.field(name, pa.int64()) for name in ("vehicles", "vehicles_driving", "vehicles_charging", "vehicles_with_faults", "frames")),
        *(pa.field(name, pa.float64()) for name in ("distance_km", "energy_out_kwh", "energy_in_kwh", "recovered_kwh", "recovered_share")),
        *(pa.field(name, pa.float64()) for name in ("wh_per_km", "moving_share", "charging_share", "mean_soc_pct", "ambient_c")),
        *(pa.field(name, pa.float64()) for name in ("max_speed_kmh", "max_pack_temp_c")),
        pa.field("model_key", pa.string()),
        pa.field("date_key", pa.int32()),
    ]
)


def hourly(hours: pa.Table, models: Mapping[str, str]) -> pa.Table:
    """`vehicle_hours` rows (with `vehicle_key`) as the fleet's. `models` are the models by vehicle key."""
    inside = hours["exact"].combine_chunks()
    exact = {field.name: pc.struct_field(inside, field.name) for field in inside.type}
    columns: dict[str, pa.Array] = {
        "date": hours["date"],
        "hour": hours["hour"],
        "region": hours["region"],
        "model": pa.array([models.get(key, UNKNOWN) for key in hours["vehicle_key"].to_pylist()], pa.string()),
        "vehicles": pa.array(np.ones(hours.num_rows, np.int64)),
        "driving": pc.greater(exact["moving_n"], 0).cast(pa.int64()),
        "charging": pc.greater(exact["charging_n"], 0).cast(pa.int64()),
        "faulty": pc.greater(pc.fill_null(exact["dtc_max"], 0), 0).cast(pa.int64()),
        **{name: pc.subtract(exact[f"{name}_max"], exact[f"{name}_min"]) for name in _COUNTERS},
        **{name: exact[name] for name in (*_SUMS, "pack_temp_max", "speed_max")},
    }
    keys = ["date", "hour", "region", "model"]
    made = pa.table(columns).group_by(keys, use_threads=False).aggregate(list(_HOW.items()))
    plain = {f"{name}_{way}": name for name, way in _HOW.items()}
    return _read(made.rename_columns([plain.get(name, name) for name in made.column_names]).sort_by([(key, "ascending") for key in keys]))


def _read(sums: pa.Table) -> pa.Table:
    def number(name: str, per_unit: float = 1.0) -> np.ndarray:
        values: np.ndarray = sums[name].cast(pa.float64()).to_numpy() / per_unit
        return values

    distance_km, out_kwh, in_kwh, regen_kwh = (number(name, 1000) for name in _COUNTERS)
    frames = number("frames")
    columns = {
        **{name: sums[name] for name in ("date", "hour", "region", "model", "vehicles", "frames")},
        "vehicles_driving": sums["driving"],
        "vehicles_charging": sums["charging"],
        "vehicles_with_faults": sums["faulty"],
        "distance_km": floats(distance_km),
        "energy_out_kwh": floats(out_kwh),
        "energy_in_kwh": floats(in_kwh),
        "recovered_kwh": floats(regen_kwh),
        "recovered_share": floats(ratio(regen_kwh, out_kwh)),
        "wh_per_km": floats(ratio((out_kwh - regen_kwh) * 1000, distance_km)),
        "moving_share": floats(ratio(number("moving_n"), frames)),
        "charging_share": floats(ratio(number("charging_n"), frames)),
        "mean_soc_pct": floats(ratio(number("soc_sum"), number("soc_n") * 100)),
        "ambient_c": floats(ratio(number("ambient_sum"), number("ambient_n") * 10)),
        "max_speed_kmh": floats(number("speed_max", 100)),
        "max_pack_temp_c": floats(number("pack_temp_max", 10)),
        "model_key": pa.array([model_key(name) for name in sums["model"].to_pylist()], pa.string()),
        "date_key": pa.array([int(day.replace("-", "")) for day in sums["date"].to_pylist()], pa.int32()),
    }
    return pa.table([columns[name] for name in SCHEMA.names], names=SCHEMA.names).cast(SCHEMA)
