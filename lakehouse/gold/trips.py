"""Gold `trips`: stretches of driving, from the first to the last frame in which the vehicle moves.

A stop of up to five minutes belongs to its trip. Distances and energies are differences of counters between the trip's first and
last moving frame, so lost frames in between cost nothing.
"""

import numpy as np
import pyarrow as pa

from lakehouse.gold import facts, spans
from lakehouse.gold.exact import Reading, floats, ratio
from lakehouse.gold.frames import Frames, How, Measure, counter, extremes, gather, mean, ones, totals, undated, unplaced

MOVING_KMH = 1.0
HARD_ACCELERATION_MS2 = 2.5
HARD_BRAKING_MS2 = -3.0
"""Common thresholds of insurers for harsh events, at 1 Hz: some 0.25 g and 0.3 g."""

SIGNALS = [
    *("speed_kmh", "odometer_m", "acceleration_ms2", "soc_pct", "energy_in_kwh", "energy_out_kwh", "regen_kwh"),
    *("ambient_c", "hvac_w", "pack_temp_max_c", "lat", "lon"),
]
_COUNTERS = {"odometer_m": "odometer_m", "energy_out_wh": "energy_out_kwh", "energy_in_wh": "energy_in_kwh", "regen_wh": "regen_kwh"}
HOW: dict[str, How] = {
    **spans.ENDS,
    "frames": "sum",
    **extremes(_COUNTERS),
    "soc_from": "min",
    "lat_from": "min",
    "lon_from": "min",
    "soc_to": "max",
    "lat_to": "max",
    "lon_to": "max",
    "speed_max": "max",
    **totals(["acceleration_n", "rising_n", "rising_sum", "hard_acceleration_n", "hard_braking_n"]),
    **totals(["ambient_n", "ambient_sum", "hvac_n", "hvac_sum"]),
    "pack_temp_max": "max",
}
FIELDS = [
    pa.field("trip_id", pa.string()),
    *facts.END_FIELDS,
    *(pa.field(name, pa.float64()) for name in ("start_lat", "start_lon", "end_lat", "end_lon", "start_soc_pct", "end_soc_pct")),
    *(pa.field(name, pa.float64()) for name in ("distance_km", "energy_out_kwh", "energy_in_kwh", "recovered_kwh", "recovered_share")),
    *(pa.field(name, pa.float64()) for name in ("wh_per_km", "ambient_c", "hvac_w", "mean_speed_kmh", "max_speed_kmh", "max_pack_temp_c")),
    *(pa.field(name, pa.float64()) for name in ("hard_acceleration_share", "hard_braking_share", "mean_rising_acceleration_ms2")),
]


def partial(frames: Frames) -> pa.Table:
    """The moving frames, a piece a vehicle and minute."""
    with np.errstate(invalid="ignore"):
        of = frames.only(np.abs(frames.values["speed_kmh"]) >= MOVING_KMH)
        rate = of.values["acceleration_ms2"]
        rising, hard, braking = rate > 0, rate >= HARD_ACCELERATION_MS2, rate <= HARD_BRAKING_MS2
    accelerations = of.whole("acceleration_ms2")
    soc = of.dated(of.whole("soc_pct"))
    measures: dict[str, Measure] = {
        "start_ms": Measure("min", of.ts_ms),
        "end_ms": Measure("max", of.ts_ms),
        "frames": Measure("sum", np.ones(of.size, np.int64)),
    }
    for name, signal in _COUNTERS.items():
        measures |= counter(name, of.whole(signal))
    for name in ("lat", "lon"):
        places = of.placed(name)
        measures |= {f"{name}_from": Measure("min", places), f"{name}_to": Measure("max", places)}
    measures |= mean("ambient", of.whole("ambient_c")) | mean("hvac", of.whole("hvac_w"))
    measures |= {
        "soc_from": Measure("min", soc),
        "soc_to": Measure("max", soc),
        "speed_max": Measure("max", of.whole("speed_kmh")),
        "acceleration_n": Measure("sum", ones(~np.isnan(rate))),
        "rising_n": Measure("sum", ones(rising)),
        "rising_sum": Measure("sum", np.where(rising, accelerations, 0)),
        "hard_acceleration_n": Measure("sum", ones(hard)),
        "hard_braking_n": Measure("sum", ones(braking)),
        "pack_temp_max": Measure("max", of.whole("pack_temp_max_c")),
    }
    return gather(of, spans.PIECE_MS, measures).drop_columns(["bucket_ms"])


def read(exact: pa.Table, clocks: np.ndarray) -> facts.Columns:
    """What a person wants to know of a trip."""
    of = Reading(exact)
    shared = facts.ends(exact, clocks)
    distance_km, out_kwh, in_kwh, regen_kwh = (
        of.span("odometer_m", 1000),
        of.span("energy_out_wh", 1000),
        of.span("energy_in_wh", 1000),
        of.span("regen_wh", 1000),
    )
    hours = shared["duration_s"].to_numpy() / 3600
    accelerations = of.number("acceleration_n")
    places = {f"{where}_{name}": place(of, f"{name}_{end}") for where, end in (("start", "from"), ("end", "to")) for name in ("lat", "lon")}
    return shared | {
        "trip_id": facts.identifiers("trip", exact["vehicle_id"].to_pylist(), exact["start_ms"].to_pylist()),
        **places,
        "start_soc_pct": soc(of, "soc_from"),
        "end_soc_pct": soc(of, "soc_to"),
        "distance_km": floats(distance_km),
        "energy_out_kwh": floats(out_kwh),
        "energy_in_kwh": floats(in_kwh),
        "recovered_kwh": floats(regen_kwh),
        "recovered_share": floats(ratio(regen_kwh, out_kwh)),
        "wh_per_km": floats(ratio((out_kwh - in_kwh) * 1000, distance_km)),
        "ambient_c": floats(of.mean("ambient", 10)),
        "hvac_w": floats(of.mean("hvac")),
        "mean_speed_kmh": floats(ratio(distance_km, hours)),
        "max_speed_kmh": floats(of.number("speed_max", 100)),
        "max_pack_temp_c": floats(of.number("pack_temp_max", 10)),
        "hard_acceleration_share": floats(ratio(of.number("hard_acceleration_n"), accelerations)),
        "hard_braking_share": floats(ratio(of.number("hard_braking_n"), accelerations)),
        "mean_rising_acceleration_ms2": floats(ratio(of.number("rising_sum"), of.number("rising_n") * 1000)),
    }


def soc(of: Reading, name: str) -> pa.Array:
    """A state of charge (%) that was kept behind its instant."""
    values, there = of.held(name)
    return pa.array(undated(values) / 100.0, mask=~there)


def place(of: Reading, name: str) -> pa.Array:
    """Degrees that were kept behind their second."""
    values, there = of.held(name)
    return pa.array(unplaced(values) / 1e6, mask=~there)


TRIPS = facts.Fact("gold.trips", SIGNALS, HOW, None, "start_ms", partial, read, FIELDS)
