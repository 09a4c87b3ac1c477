"""One vehicle: its past by the minute, its trips and charges, who it is."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from contracts.errors import Terminal
from contracts.signals import BY_NAME
from dashboards.queries.lake import Lake, Span, columns
from lakehouse.minutes import newest
from lakehouse.tables import MINUTE_STATS, VEHICLE_MINUTES

MINUTES = "gold.vehicle_minutes"
CHARTED = tuple(signal.name for signal in MINUTE_STATS)
MOST_SIGNALS = 12
MOST_POINTS = 1500
_KEY = ["vehicle_id", "minute", "known_at"]


def history(lake: Lake, vehicle: str, span: Span, signals: list[str]) -> dict[str, Any]:
    """Means, lowest and highest of some signals by the minute, or by more minutes where there would be too many points.

    `at`: beginnings (ms) of equal steps without gaps, so that silence shows; `series`: by signal the three columns, null where nothing came.
    """
    if unknown := [name for name in signals if name not in CHARTED]:
        raise Terminal(f"{', '.join(unknown)} cannot be charted; there are {', '.join(CHARTED)}")
    if not 0 < len(signals) <= MOST_SIGNALS:
        raise Terminal(f"ask for 1 to {MOST_SIGNALS} signals")
    parts = [f"{name}_{part}" for name in signals for part in ("n", "sum", "min", "max")]
    where = span.dates() & span.holds("minute") & (ds.field("vehicle_id") == vehicle)
    rows = _true(lake.rows(MINUTES, [*_KEY, *parts], where))
    step_ms = 60_000 * max(1, -(-(span.to_ms - span.from_ms) // (60_000 * MOST_POINTS)))
    first_ms = span.from_ms // step_ms * step_ms
    count = -(-(span.to_ms - first_ms) // step_ms)
    at = (rows["minute"].cast(pa.int64()).to_numpy() // 1000 - first_ms) // step_ms
    series = {
        name: _series({part: rows[f"{name}_{part}"] for part in ("n", "sum", "min", "max")}, at, count, BY_NAME[name].scale) for name in signals
    }
    units = {name: BY_NAME[name].unit for name in signals}
    return {"at": [first_ms + step_ms * step for step in range(count)], "step_ms": step_ms, "series": series, "units": units}


def _true(rows: pa.Table) -> pa.Table:
    """The newest revision of each minute."""
    if not rows.num_rows:
        return rows
    if rows.num_columns == len(VEHICLE_MINUTES):
        return newest(rows)
    last = rows.group_by(["minute"]).aggregate([("known_at", "max")])
    if last.num_rows == rows.num_rows:
        return rows
    return rows.join(last.rename_columns(["minute", "known_at"]), ["minute", "known_at"], join_type="left semi")


def _series(parts: dict[str, pa.ChunkedArray], at: np.ndarray, count: int, scale: int) -> dict[str, list[float | None]]:
    numbers = {part: column.fill_null(0).to_numpy() for part, column in parts.items()}
    there = numbers["n"] > 0
    at = at[there]
    total, frames = np.zeros(count, np.int64), np.zeros(count, np.int64)
    np.add.at(total, at, numbers["sum"][there])
    np.add.at(frames, at, numbers["n"][there])
    least, most = np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)
    np.minimum.at(least, at, numbers["min"][there])
    np.maximum.at(most, at, numbers["max"][there])
    empty = frames == 0
    means = np.round(total / np.where(empty, 1, frames) / scale, 4)

    def known(values: np.ndarray) -> list[float | None]:
        return [None if lacks else value for value, lacks in zip(values.tolist(), empty.tolist(), strict=True)]

    return {"mean": known(means), "min": known(least / scale), "max": known(most / scale)}


TRIP = (
    "trip_id",
    "start_ts",
    "end_ts",
    "open",
    "distance_km",
    "duration_s",
    "wh_per_km",
    "start_soc_pct",
    "end_soc_pct",
    "mean_speed_kmh",
    "ambient_c",
)
SESSION = (
    *("session_id", "start_ts", "end_ts", "open", "current", "energy_kwh", "peak_kw", "mean_kw", "start_soc_pct", "end_soc_pct", "duration_s"),
    *("charging_s", "wait_s", "idle_s", "ambient_c"),
)


def trips(lake: Lake, vehicle: str, span: Span) -> dict[str, Any]:
    """Its trips, the newest first."""
    return _spans(lake, "gold.trips", TRIP, vehicle, span)


def sessions(lake: Lake, vehicle: str, span: Span) -> dict[str, Any]:
    """Its charging sessions, the newest first."""
    return _spans(lake, "gold.charging_sessions", SESSION, vehicle, span)


def _spans(lake: Lake, table: str, names: tuple[str, ...], vehicle: str, span: Span) -> dict[str, Any]:
    where = span.dates(1) & (ds.field("vehicle_id") == vehicle)
    rows = lake.rows(table, names, where)
    return columns(rows.sort_by([("start_ts", "descending")]).slice(0, 200)) if rows.num_rows else columns(rows)


def identity(lake: Lake, vehicle: str) -> dict[str, Any]:
    """Who it is, by the registry: empty where the registry does not name it."""
    where = (ds.field("vehicle_id") == vehicle) & ds.field("is_current")
    rows = lake.rows("gold.dim_vehicle", ("vin", "model", "region", "home_lat", "home_lon", "tags"), where)
    return rows.to_pylist()[0] if rows.num_rows else {}


def current(lake: Lake, vehicle: str) -> dict[str, Any]:
    """Its newest frame in gold: every signal that is known, and when."""
    found = lake.dataset("gold.vehicle_current")
    names = [name for name in ("event_ts", "known_at", "region", *BY_NAME, "signal_ts") if found is not None and name in found.schema.names]
    rows = lake.rows("gold.vehicle_current", names, ds.field("vehicle_id") == vehicle) if names else pa.table({})
    if not rows.num_rows:
        return {}
    row = {name: values[0] for name, values in columns(rows.drop_columns([name for name in ("signal_ts",) if name in names])).items()}
    times = rows["signal_ts"].to_pylist()[0] if "signal_ts" in names else None
    when = {name: int(at.timestamp() * 1000) for name, at in (times or {}).items() if at is not None}
    return {"event_ms": row.pop("event_ts"), "known_ms": row.pop("known_at"), "region": row.pop("region"), "values": row, "when_ms": when}


def battery(lake: Lake, vehicle: str, span: Span) -> dict[str, Any]:
    """Its battery day by day."""
    names = ("date", "soh_pct", "capacity_kwh", "resistance_mohm", "mean_spread_mv", "max_spread_mv", "max_temp_c", "weakest_cell", "weakest_cell_v")
    rows = lake.rows("gold.battery_daily", names, span.dates() & (ds.field("vehicle_id") == vehicle))
    return columns(rows.sort_by("date") if rows.num_rows else rows)


def alerts(lake: Lake, span: Span, vehicle: str = "") -> pa.Table:
    """Alerts raised within a time range, of one vehicle or all, the newest first."""
    where = span.dates() & span.holds("raised_at")
    if vehicle:
        where &= ds.field("vehicle_id") == vehicle
    found = lake.dataset("gold.alerts")
    if found is None:
        return pa.table({})
    rows = lake.rows("gold.alerts", [name for name in found.schema.names if name not in ("date", "partition")], where)
    return rows.sort_by([("raised_at", "descending")]) if rows.num_rows else rows
