"""Feature rows shaped out of the facts of gold: trips, charging sessions, battery days, and what the last ones of a vehicle or station were like.

A source tagged `shaped: NAME` is one of these; its path is the table of facts. A fact counts from the moment at which it was over
for certain: a trip or a session five minutes after its last frame, a day at its end. What was still open is left out. Facts are
corrected in place when late frames come, so history knows the corrected fact.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.transforms import EVENT_TIME, JOIN_KEY, KNOWN_TIME
from lakehouse import reader
from lakehouse.gold.spans import GAP_MS

SHAPED = "shaped"
"""The tag of a source."""
TIME = pa.timestamp("us", tz="UTC")
STATION_KEY, TRIP_KEY, SESSION_KEY = "station_id", "trip_id", "session_id"
LAST = 20
"""How many trips or sessions a habit is told from."""
_DAY = pa.scalar(86_400_000_000, pa.duration("us"))
_GAP = pa.scalar(GAP_MS * 1000, pa.duration("us"))

Columns = dict[str, pa.Array | pa.ChunkedArray]


class Told(NamedTuple):
    """One feature out of facts: the fact's column, unit, meaning, and the signals behind it; `habit` as in `_HABITS`."""

    column: str
    unit: str
    description: str
    signals: tuple[str, ...]
    habit: str = ""


_ENERGY = ("energy_out_kwh", "energy_in_kwh")
_CABLE = ("cable_connected", "energy_in_kwh")

TRIP_FACTS: dict[str, Told] = {
    "trip_duration_s": Told("duration_s", "s", "Time from the first to the last moving frame", ("speed_kmh",)),
    "trip_distance_km": Told("distance_km", "km", "Distance", ("odometer_m",)),
    "trip_energy_out_kwh": Told("energy_out_kwh", "kWh", "Energy drawn", ("energy_out_kwh",)),
    "trip_recovered_share": Told("recovered_share", "ratio", "Energy recovered by braking to energy drawn", ("regen_kwh", "energy_out_kwh")),
    "trip_wh_per_km": Told("wh_per_km", "Wh/km", "Net energy drawn to distance", (*_ENERGY, "odometer_m")),
    "trip_start_soc_pct": Told("start_soc_pct", "percent", "State of charge at the start", ("soc_pct",)),
    "trip_mean_speed_kmh": Told("mean_speed_kmh", "km/h", "Mean speed", ("odometer_m",)),
    "trip_max_speed_kmh": Told("max_speed_kmh", "km/h", "Greatest speed", ("speed_kmh",)),
    "trip_ambient_c": Told("ambient_c", "Celsius", "Mean of the air outside", ("ambient_c",)),
    "trip_hvac_w": Told("hvac_w", "W", "Mean power of heating and air conditioning", ("hvac_w",)),
    "trip_hard_braking_share": Told("hard_braking_share", "ratio", "Frames of hard braking to all", ("acceleration_ms2",)),
}
SESSION_FACTS: dict[str, Told] = {
    "session_duration_s": Told("duration_s", "s", "Time plugged in", ("cable_connected",)),
    "session_energy_kwh": Told("energy_kwh", "kWh", "Energy put into the pack", _CABLE),
    "session_peak_kw": Told("peak_kw", "kW", "Greatest power at the pack", ("pack_w",)),
    "session_mean_kw": Told("mean_kw", "kW", "Mean power while charging", _CABLE),
    "session_start_soc_pct": Told("start_soc_pct", "percent", "State of charge at plugging in", ("soc_pct",)),
    "session_end_soc_pct": Told("end_soc_pct", "percent", "State of charge at unplugging", ("soc_pct",)),
    "session_idle_s": Told("idle_s", "s", "Time plugged in after charging had ended", ("cable_connected", "is_charging")),
    "session_ambient_c": Told("ambient_c", "Celsius", "Mean of the air outside", ("ambient_c",)),
}
BATTERY_DAYS: dict[str, Told] = {
    "battery_soh_pct": Told("soh_pct", "percent", "Capacity left against new, as reported", ("soh_pct",)),
    "battery_capacity_kwh": Told("capacity_kwh", "kWh", "Capacity estimated from counters over state of charge", (*_ENERGY, "soc_pct")),
    "battery_resistance_mohm": Told("resistance_mohm", "mOhm", "Resistance estimated from steps of the current", ("pack_v", "pack_a")),
    "battery_cycles": Told("cycles", "", "Full cycles of the day", _ENERGY),
    "battery_lifetime_cycles": Told("lifetime_cycles", "", "Full cycles so far", _ENERGY),
    "battery_mean_spread_mv": Told("mean_spread_mv", "mV", "Mean of highest less lowest cell", ("cell_v_min", "cell_v_max")),
    "battery_max_spread_mv": Told("max_spread_mv", "mV", "Greatest of highest less lowest cell", ("cell_v_min", "cell_v_max")),
    "battery_cell_spread_mean_mv": Told(
        "cell_spread_mean_mv", "mV", "Mean spread of all cells, from the cells' own messages", ("cell_v_min", "cell_v_max")
    ),
    "battery_cell_spread_max_mv": Told(
        "cell_spread_max_mv", "mV", "Greatest spread of all cells, from the cells' own messages", ("cell_v_min", "cell_v_max")
    ),
    "battery_mean_temp_c": Told("mean_temp_c", "Celsius", "Mean temperature of the cells", ("pack_temp_c",)),
    "battery_max_temp_c": Told("max_temp_c", "Celsius", "Hottest probe", ("pack_temp_max_c",)),
    "battery_isolation_kohm": Told("isolation_kohm", "kOhm", "Lowest isolation to the chassis", ("isolation_kohm",)),
}
TRIP_HABITS: dict[str, Told] = {
    "trips_counted": Told("distance_km", "", f"Trips behind the habit, {LAST} at most", ("odometer_m",), "count"),
    "habit_trip_km": Told("distance_km", "km", f"Mean distance of the last {LAST} trips", ("odometer_m",), "mean"),
    "habit_trip_wh_per_km": Told("wh_per_km", "Wh/km", f"Mean consumption of the last {LAST} trips", (*_ENERGY, "odometer_m"), "mean"),
    "habit_trip_speed_kmh": Told("mean_speed_kmh", "km/h", f"Mean speed of the last {LAST} trips", ("odometer_m",), "mean"),
    "habit_hard_braking_share": Told("hard_braking_share", "ratio", f"Hard braking over the last {LAST} trips", ("acceleration_ms2",), "mean"),
    "habit_recovered_share": Told("recovered_share", "ratio", f"Recovery over the last {LAST} trips", ("regen_kwh", "energy_out_kwh"), "mean"),
}
CHARGING_HABITS: dict[str, Told] = {
    "sessions_counted": Told("energy_kwh", "", f"Sessions behind the habit, {LAST} at most", _CABLE, "count"),
    "habit_charge_kwh": Told("energy_kwh", "kWh", f"Mean energy of the last {LAST} sessions", _CABLE, "mean"),
    "habit_charge_s": Told("duration_s", "s", f"Mean time plugged in of the last {LAST} sessions", ("cable_connected",), "mean"),
    "habit_start_soc_pct": Told("start_soc_pct", "percent", f"Mean state of charge at plugging in, last {LAST} sessions", ("soc_pct",), "mean"),
    "habit_end_soc_pct": Told("end_soc_pct", "percent", f"Mean state of charge at unplugging, last {LAST} sessions", ("soc_pct",), "mean"),
    "habit_peak_kw": Told("peak_kw", "kW", f"Greatest power of the last {LAST} sessions", ("pack_w",), "max"),
    "habit_fast_share": Told("is_dc", "ratio", f"Share of direct current among the last {LAST} sessions", ("dc_charge_a",), "mean"),
}
STATION_HABITS: dict[str, Told] = {
    "station_sessions": Told("energy_kwh", "", f"Sessions behind the habit, {LAST} at most", _CABLE, "count"),
    "station_energy_kwh": Told("energy_kwh", "kWh", f"Mean energy of its last {LAST} sessions", _CABLE, "mean"),
    "station_stay_s": Told("duration_s", "s", f"Mean time plugged in of its last {LAST} sessions", ("cable_connected",), "mean"),
    "station_peak_kw": Told("peak_kw", "kW", f"Greatest power of its last {LAST} sessions", ("pack_w",), "max"),
}


def station_ids(lat: pa.ChunkedArray, lon: pa.ChunkedArray) -> pa.Array:
    """A station is a place: some 100 m of latitude and longitude, `52.520,13.405`; null where the place is not known."""
    return place_ids(lat, lon, 3)


def place_ids(lat: pa.ChunkedArray, lon: pa.ChunkedArray, digits: int) -> pa.Array:
    """Places by so many digits of latitude and longitude; null where the place is not known."""
    pairs = zip(lat.to_pylist(), lon.to_pylist(), strict=True)
    return pa.array([None if None in pair else f"{pair[0]:.{digits}f},{pair[1]:.{digits}f}" for pair in pairs], pa.string())


class Shape(NamedTuple):
    """A view out of facts: its table, entity key, features, and how facts become columns."""

    table: str
    key: str
    told: Mapping[str, Told]
    read: Callable[[pa.Table], pa.Table]


def _over(facts: pa.Table) -> pa.Table:
    """Trips or sessions that are over, with their times."""
    closed = facts.filter(pc.invert(facts["open"]))
    times = {EVENT_TIME: closed["end_ts"], KNOWN_TIME: pc.add(closed["end_ts"], _GAP).cast(TIME)}
    return pa.table({**{name: closed[name] for name in closed.column_names if name != "exact"}, **times})


def _sessions(facts: pa.Table) -> pa.Table:
    over = _over(facts)
    is_dc = pc.equal(pc.utf8_lower(over["current"]), "dc").cast(pa.float64())
    return over.append_column("is_dc", is_dc).append_column(STATION_KEY, station_ids(over["lat"], over["lon"]))


def _days(facts: pa.Table) -> pa.Table:
    end = pc.add(pc.strptime(facts["date"], format="%Y-%m-%d", unit="us").cast(TIME), _DAY).cast(TIME)
    kept = facts.drop_columns([name for name in ("exact",) if name in facts.column_names])
    return kept.append_column(EVENT_TIME, end).append_column(KNOWN_TIME, end)


TRIPS, SESSIONS, BATTERY = "gold.trips", "gold.charging_sessions", "gold.battery_daily"
SHAPES: dict[str, Shape] = {
    "trip_facts": Shape(TRIPS, TRIP_KEY, TRIP_FACTS, _over),
    "session_facts": Shape(SESSIONS, SESSION_KEY, SESSION_FACTS, _sessions),
    "battery_health": Shape(BATTERY, JOIN_KEY, BATTERY_DAYS, _days),
    "trip_habits": Shape(TRIPS, JOIN_KEY, TRIP_HABITS, _over),
    "charging_habits": Shape(SESSIONS, JOIN_KEY, CHARGING_HABITS, _sessions),
    "station_habits": Shape(SESSIONS, STATION_KEY, STATION_HABITS, _sessions),
}


def schema(name: str) -> pa.Schema:
    """The columns of a shaped view, as if it were a table."""
    shape = SHAPES[name]
    times = [pa.field(EVENT_TIME, TIME), pa.field(KNOWN_TIME, TIME)]
    return pa.schema([pa.field(shape.key, pa.string()), *times, *(pa.field(feature, pa.float64()) for feature in shape.told)])


def rows(lake: str, name: str) -> pa.Table:
    """All rows of a shaped view; none where the table of facts was not made yet."""
    shape = SHAPES[name]
    if not reader.exists(lake, shape.table):
        return schema(name).empty_table()
    facts = shape.read(reader.arrow(lake, shape.table))
    facts = facts.filter(facts[shape.key].is_valid()).sort_by([(shape.key, "ascending"), (EVENT_TIME, "ascending")])
    columns: Columns = {field: facts[field] for field in (shape.key, EVENT_TIME, KNOWN_TIME)}
    for feature, told in shape.told.items():
        values = facts[told.column].cast(pa.float64())
        columns[feature] = _habit(facts[shape.key], values, told.habit) if told.habit else values
    return pa.table(columns).cast(schema(name))


def _habit(keys: pa.ChunkedArray, values: pa.ChunkedArray, habit: str) -> pa.Array:
    """Over each row and those before it of the same key, `LAST` at most; nulls do not count. Rows are sorted by key and time."""
    codes = keys.combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    numbers = pc.fill_null(values, np.nan).to_numpy()
    found = np.full((LAST, len(numbers)), np.nan)
    for back in range(min(LAST, len(numbers))):
        same = codes[back:] == codes[: len(codes) - back]
        found[back, back:] = np.where(same, numbers[: len(numbers) - back], np.nan)
    there = ~np.isnan(found)
    count = there.sum(axis=0)
    if habit == "count":
        return pa.array(count.astype(float))
    if habit == "max":
        return pa.array(np.where(count > 0, np.where(there, found, -np.inf).max(axis=0, initial=-np.inf), np.nan), from_pandas=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return pa.array(np.where(count > 0, np.where(there, found, 0).sum(axis=0) / count, np.nan), from_pandas=True)
