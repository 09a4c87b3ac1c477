"""The fleet's batteries, charging and consumption over a time range, from gold's facts."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from dashboards.queries.lake import Lake, Span, columns
from dashboards.queries.vehicle import SESSION, TRIP

BATTERY = (
    *("date", "vehicle_id", "region", "soh_pct", "capacity_kwh", "reported_capacity_kwh", "resistance_mohm", "cycles", "lifetime_cycles"),
    *("mean_spread_mv", "max_spread_mv", "mean_temp_c", "max_temp_c", "isolation_kohm", "weakest_cell", "weakest_cell_v", "hottest_probe"),
)
MOST_ROWS = 5000


def battery(lake: Lake, span: Span) -> dict[str, Any]:
    """The last day of each vehicle within the range, and the fleet's mean by day."""
    days = _with_model(lake, lake.rows("gold.battery_daily", BATTERY, span.dates()))
    if not days.num_rows:
        return {"vehicles": {}, "days": {}, "total": 0}
    last = lake.sql("SELECT * FROM days QUALIFY row_number() OVER (PARTITION BY vehicle_id ORDER BY date DESC) = 1", days=days)
    by_day = lake.sql(
        """SELECT date, count(DISTINCT vehicle_id) AS vehicles, avg(soh_pct) AS soh_pct, quantile_cont(soh_pct, 0.05) AS soh_low_pct,
        avg(mean_spread_mv) AS spread_mv, max(max_temp_c) AS max_temp_c FROM days GROUP BY date ORDER BY date""",
        days=days,
    )
    return {"vehicles": columns(last.slice(0, 20_000)), "days": columns(by_day), "total": last.num_rows}


def charging(lake: Lake, span: Span) -> dict[str, Any]:
    """Sessions of the range (the newest, up to 5,000), energy and power by day, the mean curve of direct current, where vehicles charge."""
    names = (*SESSION, "vehicle_id", "region", "lat", "lon", "seconds_10_to_80", "max_pack_temp_c", "curve")
    found = _with_model(lake, lake.rows("gold.charging_sessions", names, span.dates()))
    if not found.num_rows:
        return {"sessions": {}, "days": {}, "curve": {}, "chargers": {}, "total": 0}
    plain = found.drop_columns(["curve"])
    days = lake.sql(
        """SELECT strftime(start_ts, '%Y-%m-%d') AS date, coalesce(current, 'unknown') AS current, count(*) AS sessions,
        sum(energy_kwh) AS energy_kwh,
        max(peak_kw) AS peak_kw FROM found GROUP BY ALL ORDER BY date, current""",
        found=plain,
    )
    curve = lake.sql(
        """SELECT point.soc_pct AS soc_pct, avg(point.kw) AS kw, quantile_cont(point.kw, 0.9) AS high_kw, count(*) AS sessions
        FROM (SELECT unnest(curve) AS point FROM found WHERE lower(current) = 'dc') GROUP BY 1 ORDER BY 1""",
        found=found.select(["current", "curve"]),
    )
    chargers = lake.sql(
        """SELECT round(lat, 3) AS lat, round(lon, 3) AS lon, count(*) AS sessions, count(DISTINCT vehicle_id) AS vehicles,
        sum(energy_kwh) AS energy_kwh,
        max(peak_kw) AS peak_kw FROM found WHERE lat IS NOT NULL GROUP BY 1, 2 ORDER BY energy_kwh DESC LIMIT 2000""",
        found=plain,
    )
    newest = plain.sort_by([("start_ts", "descending")]).slice(0, MOST_ROWS)
    return {"sessions": columns(newest), "days": columns(days), "curve": columns(curve), "chargers": columns(chargers), "total": plain.num_rows}


def energy(lake: Lake, span: Span) -> dict[str, Any]:
    """Consumption by model, by outside temperature and by day, weighted by distance; and the trips (the newest, up to 5,000)."""
    found = _with_model(
        lake, lake.rows("gold.trips", (*TRIP, "vehicle_id", "region", "energy_out_kwh", "energy_in_kwh", "recovered_kwh"), span.dates())
    )
    if not found.num_rows:
        return {"models": {}, "temperatures": {}, "days": {}, "trips": {}, "total": 0}
    sums = """count(*) AS trips, sum(distance_km) AS distance_km,
        1000 * sum(energy_out_kwh - coalesce(energy_in_kwh, 0)) / sum(distance_km) AS wh_per_km,
        sum(recovered_kwh) / nullif(sum(energy_out_kwh), 0) AS recovered_share"""
    usable = "FROM found WHERE distance_km >= 0.5 AND energy_out_kwh IS NOT NULL"
    models = lake.sql(f"SELECT model, count(DISTINCT vehicle_id) AS vehicles, {sums} {usable} GROUP BY 1 ORDER BY distance_km DESC", found=found)
    warm = f"SELECT 5 * floor(ambient_c / 5) AS from_c, model, {sums} {usable} AND ambient_c IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    warmth = lake.sql(warm, found=found)
    days = lake.sql(f"SELECT strftime(start_ts, '%Y-%m-%d') AS date, {sums} {usable} GROUP BY 1 ORDER BY 1", found=found)
    newest = found.sort_by([("start_ts", "descending")]).slice(0, MOST_ROWS)
    return {"models": columns(models), "temperatures": columns(warmth), "days": columns(days), "trips": columns(newest), "total": found.num_rows}


def quarantine(lake: Lake, span: Span) -> dict[str, Any]:
    """Messages in quarantine by reason and day."""
    found = lake.rows("silver.quarantine", ("date", "kind", "reason"), span.dates())
    if not found.num_rows:
        return {"reasons": {}, "days": {}}
    reasons = lake.sql("SELECT reason, kind, count(*) AS messages FROM found GROUP BY ALL ORDER BY messages DESC", found=found)
    days = lake.sql("SELECT date, reason, count(*) AS messages FROM found GROUP BY ALL ORDER BY date", found=found)
    return {"reasons": columns(reasons), "days": columns(days)}


def quality(lake: Lake, span: Span) -> dict[str, Any]:
    """Rows of silver telemetry that quality rules marked, by rule."""
    found = lake.rows("silver.telemetry", ("marks",), span.dates() & ds.field("marks").is_valid())
    if not found.num_rows:
        return {"marks": {}}
    asked = "SELECT rule, count(*) AS rows FROM (SELECT unnest(marks) AS rule FROM found) GROUP BY 1 ORDER BY 2 DESC"
    return {"marks": columns(lake.sql(asked, found=found))}


def drift(lake: Lake, span: Span) -> dict[str, Any]:
    """Each feature's last profiled day against the day before it: how many of its former standard deviations the mean has moved, worst first."""
    found = lake.saved("saved.feature_profiles")
    if found is None or not found.num_rows:
        return {"features": {}}
    recent = found.filter(pc.less_equal(found["day"], span.last.date().isoformat()))
    asked = """WITH days AS (
          SELECT *, row_number() OVER (PARTITION BY service, feature ORDER BY day DESC) AS back
          FROM (SELECT DISTINCT ON (service, feature, day) * FROM recent))
        SELECT newest.service, newest.feature, newest.day, newest.mean, past.mean AS mean_before,
          abs(newest.mean - past.mean) / nullif(past.std, 0) AS moved, newest.null_share, past.null_share AS null_share_before
        FROM days newest LEFT JOIN days past ON past.service = newest.service AND past.feature = newest.feature AND past.back = 2
        WHERE newest.back = 1 ORDER BY moved DESC NULLS LAST LIMIT 100"""
    return {"features": columns(lake.sql(asked, recent=recent))}


def hours(lake: Lake, span: Span) -> dict[str, Any]:
    """The fleet by the hour: vehicles, distance, energy."""
    names = ("hour", "region", "model", "vehicles", "vehicles_driving", "vehicles_charging", "distance_km", "energy_in_kwh", "energy_out_kwh")
    found = lake.rows("gold.fleet_hourly", names, span.dates() & span.holds("hour"))
    if not found.num_rows:
        return {}
    asked = """SELECT hour, sum(vehicles) AS vehicles, sum(vehicles_driving) AS driving, sum(vehicles_charging) AS charging,
        sum(distance_km) AS distance_km,
        sum(energy_in_kwh) AS energy_in_kwh, sum(energy_out_kwh) AS energy_out_kwh FROM found GROUP BY 1 ORDER BY 1"""
    return columns(lake.sql(asked, found=found))


def _with_model(lake: Lake, rows: pa.Table) -> pa.Table:
    """The rows with each vehicle's model as the registry has it now; "unknown" where it has none."""
    models = lake.rows("gold.dim_vehicle", ("vehicle_id", "model"), ds.field("is_current"))
    return lake.sql(
        """SELECT rows.*, coalesce(known.model, 'unknown') AS model
        FROM rows LEFT JOIN (SELECT DISTINCT ON (vehicle_id) * FROM models) known USING (vehicle_id)""",
        rows=rows,
        models=models,
    )
