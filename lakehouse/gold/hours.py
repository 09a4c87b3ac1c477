"""Gold `vehicle_hours`: what each vehicle did in each hour. The building block of `fleet_hourly`, and small enough to keep for years."""

import numpy as np
import pyarrow as pa

from lakehouse.gold import facts
from lakehouse.gold.exact import TIME, Reading, floats
from lakehouse.gold.frames import Frames, How, Measure, counter, extremes, gather, mean, ones, totals
from lakehouse.gold.trips import MOVING_KMH

HOUR_MS = 3_600_000
SIGNALS = [
    *("speed_kmh", "odometer_m", "energy_in_kwh", "energy_out_kwh", "regen_kwh", "soc_pct", "ambient_c", "pack_temp_max_c"),
    *("is_charging", "cable_connected", "dtc_count"),
]
_COUNTERS = {"odometer_m": "odometer_m", "energy_out_wh": "energy_out_kwh", "energy_in_wh": "energy_in_kwh", "regen_wh": "regen_kwh"}
HOW: dict[str, How] = {
    "first_ms": "min",
    "last_ms": "max",
    "frames": "sum",
    "moving_n": "sum",
    "charging_n": "sum",
    "plugged_n": "sum",
    **extremes(_COUNTERS),
    **totals(["soc_n", "soc_sum", "ambient_n", "ambient_sum"]),
    "speed_max": "max",
    "pack_temp_max": "max",
    "dtc_max": "max",
}
FIELDS = [
    pa.field("hour", TIME),
    *(pa.field(name, pa.int64()) for name in ("frames", "moving_frames", "charging_frames", "plugged_frames")),
    *(pa.field(name, pa.float64()) for name in ("distance_km", "energy_out_kwh", "energy_in_kwh", "recovered_kwh")),
    *(pa.field(name, pa.float64()) for name in ("mean_soc_pct", "ambient_c", "max_speed_kmh", "max_pack_temp_c")),
    pa.field("max_dtc_count", pa.int64()),
]


def partial(of: Frames) -> pa.Table:
    """All frames, a row a vehicle and hour."""
    with np.errstate(invalid="ignore"):
        moving = np.abs(of.values["speed_kmh"]) >= MOVING_KMH
    measures: dict[str, Measure] = {
        "first_ms": Measure("min", of.ts_ms),
        "last_ms": Measure("max", of.ts_ms),
        "frames": Measure("sum", np.ones(of.size, np.int64)),
        "moving_n": Measure("sum", ones(moving)),
        "charging_n": Measure("sum", ones(of.values["is_charging"] == 1)),
        "plugged_n": Measure("sum", ones(of.values["cable_connected"] == 1)),
        "speed_max": Measure("max", of.whole("speed_kmh")),
        "pack_temp_max": Measure("max", of.whole("pack_temp_max_c")),
        "dtc_max": Measure("max", of.whole("dtc_count")),
    }
    for name, signal in _COUNTERS.items():
        measures |= counter(name, of.whole(signal))
    measures |= mean("soc", of.whole("soc_pct")) | mean("ambient", of.whole("ambient_c"))
    return gather(of, HOUR_MS, measures).rename_columns({"bucket_ms": "hour_ms"})


def read(exact: pa.Table, clocks: np.ndarray) -> facts.Columns:  # noqa: ARG001 - an hour is never open
    """What a person wants to know of an hour."""
    of = Reading(exact)
    return {
        "hour": of.time("hour_ms"),
        "frames": exact["frames"].combine_chunks(),
        "moving_frames": exact["moving_n"].combine_chunks(),
        "charging_frames": exact["charging_n"].combine_chunks(),
        "plugged_frames": exact["plugged_n"].combine_chunks(),
        "distance_km": floats(of.span("odometer_m", 1000)),
        "energy_out_kwh": floats(of.span("energy_out_wh", 1000)),
        "energy_in_kwh": floats(of.span("energy_in_wh", 1000)),
        "recovered_kwh": floats(of.span("regen_wh", 1000)),
        "mean_soc_pct": floats(of.mean("soc", 100)),
        "ambient_c": floats(of.mean("ambient", 10)),
        "max_speed_kmh": floats(of.number("speed_max", 100)),
        "max_pack_temp_c": floats(of.number("pack_temp_max", 10)),
        "max_dtc_count": exact["dtc_max"].combine_chunks(),
    }


HOURS = facts.Fact("gold.vehicle_hours", SIGNALS, HOW, ["vehicle_id", "hour_ms"], "hour_ms", partial, read, FIELDS)
