"""What a feature is, once: the live flow and the feature store's definitions both read this. Pure.

**Live state** (`vehicle_live`): the values of a vehicle's newest telemetry frame, newest by `(event_ts, known_at)`. A signal
that this frame lacks is null, it is not carried over from an older frame: so the online value is one row of
`silver.telemetry`, and equals the point-in-time join on that table to the last bit.
"""

from datetime import timedelta

import pyarrow as pa

from contracts.signals import BY_NAME, Signal

PROJECT = "voltlake"
JOIN_KEY = "vehicle_id"
EVENT_TIME = "event_ts"
KNOWN_TIME = "known_at"

VEHICLE_LIVE = "vehicle_live"
VEHICLE_LIVE_TABLE = "silver.telemetry"
VEHICLE_LIVE_TTL = timedelta(minutes=10)
"""Past this age a live value says nothing about the vehicle any more."""

VEHICLE_LIVE_FEATURES: tuple[str, ...] = (
    "speed_kmh",
    "soc_pct",
    "pack_v",
    "pack_a",
    "pack_w",
    "pack_temp_c",
    "pack_temp_max_c",
    "cell_v_min",
    "cell_v_max",
    "motor_kw",
    "motor_temp_c",
    "ambient_c",
    "cabin_c",
    "hvac_w",
    "odometer_m",
    "energy_in_kwh",
    "energy_out_kwh",
    "is_charging",
    "lat",
    "lon",
    "altitude_m",
)
"""All are 64-bit floats in the unit of their signal, and may be null."""

ENERGY_V1 = "energy_v1"
ENERGY_V1_FEATURES: tuple[str, ...] = (
    "speed_kmh",
    "soc_pct",
    "pack_v",
    "pack_a",
    "pack_w",
    "pack_temp_c",
    "pack_temp_max_c",
    "motor_kw",
    "motor_temp_c",
    "ambient_c",
    "cabin_c",
    "hvac_w",
)
"""What the energy model may see of the live state. Counters and the position would only let it learn single vehicles by heart."""


def signal_of(feature: str) -> Signal:
    """The signal that a live feature is the last value of."""
    return BY_NAME[feature]


def live_columns(rows: pa.Table) -> pa.Table:
    """Rows of `silver.telemetry` to the columns of the live view: vehicle, both times, the features."""
    return rows.select([JOIN_KEY, EVENT_TIME, KNOWN_TIME, *VEHICLE_LIVE_FEATURES])


def newest(rows: pa.Table) -> pa.Table:
    """One row a vehicle: the greatest `(event_ts, known_at)`. Needs the columns `vehicle_id`, `event_ts`, `known_at`; keeps all others."""
    places = pa.array(range(rows.num_rows), pa.int64())
    order = pa.table({"key": rows[JOIN_KEY], "event": rows[EVENT_TIME], "known": rows[KNOWN_TIME], "place": places})
    ordered = order.sort_by([("key", "ascending"), ("event", "ascending"), ("known", "ascending"), ("place", "ascending")])
    last = ordered.group_by("key", use_threads=False).aggregate([("place", "last")])
    return rows.take(last["place_last"])
