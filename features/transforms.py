"""What a feature is, once: the live flow and the feature store's definitions both read this. Pure.

**Live state** (`vehicle_live`): the values of a vehicle's newest telemetry frame, newest by `(event_ts, known_at)`. A signal
that this frame lacks is null, it is not carried over from an older frame: so the online value is one row of
`silver.telemetry`, and equals the point-in-time join on that table to the last bit.

**Windows** (`vehicle_windows`, `vehicle_days`): figures over the last closed minutes or days, out of revisions of
`gold.vehicle_minutes`; each is defined in `features/definitions.py`. The value at an instant t comes from what ended at or before
t and was known at t. The live flow makes the same revisions out of the same frames, so both agree to the last bit.
"""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pyarrow as pa

from contracts.signals import BY_NAME, Signal
from features.definitions import VEHICLE_DAYS, VEHICLE_WINDOWS, Windowed, columns
from features.windows import DAYS, MINUTES, Grid, Questions, Revisions, gathered, spans

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

WINDOWS_VIEW = "vehicle_windows"
WINDOWS_TABLE = "gold.vehicle_minutes"
WINDOWS_TTL = timedelta(hours=1)
DAYS_VIEW = "vehicle_days"
DAYS_TTL = timedelta(days=2)
TTLS = {VEHICLE_LIVE: VEHICLE_LIVE_TTL, WINDOWS_VIEW: WINDOWS_TTL, DAYS_VIEW: DAYS_TTL}
"""Past this age a value of a view is not given out as one."""
OWNER = "voltlake"

_WINDOW_COLUMNS = columns(VEHICLE_WINDOWS, MINUTES)
_DAY_COLUMNS = columns(VEHICLE_DAYS, DAYS)
WINDOW_FEATURES = tuple(_WINDOW_COLUMNS)
DAY_FEATURES = tuple(_DAY_COLUMNS)

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
ENERGY_V1_WINDOWS: tuple[str, ...] = (
    "distance_km_60m",
    "wh_per_km_5m",
    "wh_per_km_15m",
    "wh_per_km_60m",
    "regen_share_15m",
    "regen_share_60m",
    "speed_mean_kmh_1m",
    "speed_mean_kmh_5m",
    "speed_mean_kmh_15m",
    "speed_mean_kmh_60m",
    "speed_max_kmh_5m",
    "acceleration_max_ms2_15m",
    "deceleration_max_ms2_15m",
    "climb_m_5m",
    "climb_m_15m",
    "idle_share_15m",
    "ambient_mean_c_60m",
    "cabin_mean_c_5m",
    "hvac_mean_w_5m",
    "hvac_mean_w_60m",
    "pack_temp_mean_c_5m",
    "pack_temp_rise_c_60m",
    "soh_pct_last_60m",
    "tyre_fl_kpa_last_60m",
)
ENERGY_V1_DAYS: tuple[str, ...] = ("wh_per_km_7d", "wh_per_km_30d", "regen_share_7d", "distance_km_7d", "ambient_mean_c_7d")
"""How the vehicle was driven of late: its own habit is the best first guess."""

BATTERY_FAULT_V1 = "battery_fault_v1"
BATTERY_FAULT_V1_FEATURES: tuple[str, ...] = (
    "soc_pct",
    "pack_v",
    "pack_a",
    "pack_temp_c",
    "pack_temp_max_c",
    "cell_v_min",
    "cell_v_max",
    "is_charging",
)
BATTERY_FAULT_V1_WINDOWS: tuple[str, ...] = (
    *(f"cell_spread_mean_mv_{window}m" for window in MINUTES.windows),
    *(f"pack_temp_rise_c_{window}m" for window in (5, 15, 60)),
    "pack_temp_high_c_5m",
    "pack_temp_high_c_60m",
    "power_mean_kw_5m",
    "power_draw_max_kw_15m",
    "power_in_max_kw_15m",
    "charging_share_60m",
    "soc_change_pct_60m",
    "soh_pct_last_60m",
    "isolation_kohm_last_60m",
    "dtc_count_last_60m",
)
CHARGING_V1 = "charging_v1"
CHARGING_V1_FEATURES: tuple[str, ...] = ("soc_pct", "pack_temp_c", "pack_temp_max_c", "ambient_c", "is_charging")
CHARGING_V1_WINDOWS: tuple[str, ...] = ("power_in_max_kw_5m", "power_mean_kw_5m", "charging_share_15m", "soc_change_pct_15m", "distance_km_60m")
CHARGING_V1_DAYS: tuple[str, ...] = ("distance_km_1d", "distance_km_7d", "energy_in_kwh_7d", "soc_low_pct_7d", "charging_share_7d")

SCORABLE_WINDOWS = tuple(dict.fromkeys([*ENERGY_V1_WINDOWS, *BATTERY_FAULT_V1_WINDOWS, *CHARGING_V1_WINDOWS]))
SCORABLE = (*VEHICLE_LIVE_FEATURES, *SCORABLE_WINDOWS)
"""The columns that the live flow has at hand for a model."""


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


def windows(revisions: pa.Table, asked: Questions, features: Sequence[str] = WINDOW_FEATURES) -> dict[str, pa.Array]:
    """Columns of `vehicle_windows` for each question, 64-bit floats, null where nothing was heard.

    revisions: rows of `gold.vehicle_minutes`, any of a minute's, with the columns that `minute_columns(features)` names.
    """
    return _figures(Revisions(revisions, MINUTES), asked, {name: _WINDOW_COLUMNS[name] for name in features})


def days(revisions: pa.Table, asked: Questions, features: Sequence[str] = DAY_FEATURES) -> dict[str, pa.Array]:
    """The same of `vehicle_days`, out of revisions of days (`features.days.revisions`)."""
    return _figures(Revisions(revisions, DAYS), asked, {name: _DAY_COLUMNS[name] for name in features})


def minute_columns(features: Sequence[str]) -> list[str]:
    """The columns of `gold.vehicle_minutes` that some windowed features need, beside vehicle, minute and `known_at`."""
    minutes = [_WINDOW_COLUMNS[name].formula for name in features if name in _WINDOW_COLUMNS]
    whole_days = [_DAY_COLUMNS[name].formula for name in features if name in _DAY_COLUMNS]
    return list(dict.fromkeys([*gathered(dict.fromkeys(minutes), MINUTES), *gathered(dict.fromkeys(whole_days), DAYS)]))


def _figures(revisions: Revisions, asked: Questions, wanted: dict[str, Windowed]) -> dict[str, pa.Array]:
    """Every wanted column, computed once a feature and stretch of questions."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in wanted}
    grid: Grid = revisions.grid
    for span in spans(revisions, asked):
        figures = {one.name: one.formula(span) for one in dict.fromkeys(wanted.values())}
        for name, one in wanted.items():
            found[name].append(figures[one.name][one.columns(grid)[name]])
    return {name: pa.array(np.concatenate(parts), from_pandas=True) for name, parts in found.items()}
