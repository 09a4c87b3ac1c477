"""A lake of gold tables for the pages: eight vehicles, a day of minutes, ten days of facts. Made up, in the tables' own columns."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakehouse import reader, writer
from lakehouse.tables import SCHEMAS

VEHICLES = [f"GOLD-{number:03d}" for number in range(8)]
DAYS = 10


def fill(lake: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Append rows, null where not given."""
    schema = SCHEMAS[name]
    writer.ensure(str(lake), [name])
    table = pa.table({field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in schema}, schema=schema)
    writer.append(reader.open_table(str(lake), name), name, table, {})


def minutes(vehicle: str, now: datetime, count: int = 1440) -> list[dict[str, Any]]:
    """Every minute of the last day: charge falls, speed swings; each minute has an older revision that is not the truth."""
    end, out = now.replace(second=0, microsecond=0), []
    for back in range(count, 0, -1):
        minute = end - timedelta(minutes=back)
        phase = back / 1440 * 2 * math.pi
        speed, soc = max(0.0, 60 * math.sin(8 * phase)), 60 + 30 * math.sin(phase)
        row: dict[str, Any] = {
            "date": minute.date().isoformat(),
            "vehicle_id": vehicle,
            "region": "eu-north",
            "minute": minute,
            "frames": 60,
            "first_ts": minute,
            "last_ts": minute + timedelta(seconds=59),
            "partition": 0,
            "known_at": minute + timedelta(minutes=1),
        }
        for signal, value, scale in (
            ("soc_pct", soc, 100),
            ("speed_kmh", speed, 100),
            ("pack_w", -300 * speed, 1),
            ("pack_temp_max_c", 24 + speed / 8, 10),
        ):
            whole = round(value * scale)
            row |= {f"{signal}_n": 60, f"{signal}_sum": 60 * whole, f"{signal}_min": whole - scale, f"{signal}_max": whole + scale}
        out += [{**row, "soc_pct_sum": 0, "known_at": minute + timedelta(seconds=30)}, row] if back == 5 else [row]
    return out


def make(lake: Path) -> None:
    """All tables."""
    now = datetime.now(UTC)
    fill(lake, "gold.vehicle_minutes", [row for vehicle in VEHICLES[:2] for row in minutes(vehicle, now)])
    models = ["city", "city", "city", "van", "van", "van", "sedan", "sedan"]
    usual = {"region": "eu-north", "partition": 0}
    fill(
        lake,
        "gold.dim_vehicle",
        [
            {
                "vehicle_key": f"k{at}",
                "vehicle_id": name,
                "vin": f"VIN{at:014d}",
                "model": models[at],
                "region": "eu-north",
                "tags": ["pool"],
                "is_current": True,
            }
            for at, name in enumerate(VEHICLES)
        ],
    )
    trips, sessions, battery, hours = [], [], [], []
    for day in range(DAYS):
        start = now - timedelta(days=day, hours=3)
        date = start.date().isoformat()
        for at, name in enumerate(VEHICLES):
            who = {**usual, "date": date, "vehicle_id": name}
            km = 12.0 + 3 * at + day
            wh = 130.0 + 12 * at + 3 * day
            trip = {"trip_id": f"t{day}-{at}", "start_ts": start, "end_ts": start + timedelta(minutes=25), "open": False, "duration_s": 1500.0}
            energy = {"distance_km": km, "energy_out_kwh": km * wh / 1000 + 1, "energy_in_kwh": 1.0, "recovered_kwh": 1.0, "wh_per_km": wh}
            trips.append({**who, **trip, **energy, "start_soc_pct": 80.0, "end_soc_pct": 66.0, "ambient_c": -6.0 + 3 * day, "mean_speed_kmh": 42.0})
            span = {"start_ts": start + timedelta(hours=1), "end_ts": start + timedelta(hours=2), "open": False, "duration_s": 3600.0}
            power = {
                "current": "dc" if at % 2 else "ac",
                "energy_kwh": 14.0 + at,
                "peak_kw": 92.0 if at % 2 else 11.0,
                "mean_kw": 40.0,
                "charging_s": 3000.0,
                "idle_s": 500.0,
            }
            curve = [{"soc_pct": float(soc), "kw": 95.0 - soc * 0.7} for soc in range(10, 90, 5)] if at % 2 else []
            place = {
                "lat": 59.9 + at % 3 / 10,
                "lon": 10.7,
                "start_soc_pct": 30.0,
                "end_soc_pct": 72.0,
                "ambient_c": 8.0,
                "wait_s": 100.0,
                "curve": curve,
            }
            sessions.append({**who, "session_id": f"s{day}-{at}", **span, **power, **place})
            health = {
                "soh_pct": 99.0 - 3.1 * at - day / 20,
                "capacity_kwh": 60.0 - at,
                "resistance_mohm": 80.0 + 5 * at,
                "lifetime_cycles": 100.0 * at,
                "isolation_kohm": 2000.0,
            }
            cells = {
                "mean_spread_mv": 9.0 + at,
                "max_spread_mv": 14.0 + 15 * at,
                "weakest_cell": 17 + at,
                "weakest_cell_v": 3.62,
                "max_temp_c": 31.0 + at,
                "mean_temp_c": 25.0,
            }
            battery.append({**who, "frames": 80_000, **health, **cells})
        hours.append(
            {
                "date": date,
                "hour": start.replace(minute=0, second=0, microsecond=0),
                "region": "eu-north",
                "model": "city",
                "vehicles": 8,
                "distance_km": 60.0,
            }
        )
    fill(lake, "gold.trips", trips)
    fill(lake, "gold.charging_sessions", sessions)
    fill(lake, "gold.battery_daily", battery)
    fill(lake, "gold.fleet_hourly", hours)
    raised = now - timedelta(hours=30)
    facts = {
        "rule": "cell_imbalance",
        "region": "eu-north",
        "severity": "warning",
        "signal": "cell_v_max",
        "value": 0.1,
        "limit": 0.08,
        "boot_id": "0a0b0c0d",
        "seq": 1,
    }
    past = {
        "date": raised.date().isoformat(),
        "alert_id": "0123456789abcdef",
        "vehicle_id": VEHICLES[0],
        "state": "cleared",
        "message": "cells drifted apart",
        "partition": 0,
    }
    times = {"raised_at": raised, "event_ts": raised, "cleared_at": raised + timedelta(hours=1), "changed_at": raised + timedelta(hours=1)}
    acts = '[{"by":"anna","ts":1790000000000,"action":"comment","text":"balanced at the depot"}]'
    fill(lake, "gold.alerts", [{**facts, **past, **times, "revision": 3, "count": 2, "acts": acts}])
    refused = {
        "date": now.date().isoformat(),
        "kind": "telemetry",
        "detail": "made up",
        "known_at": now,
        "cluster": "c",
        "topic": "t",
        "partition": 0,
    }
    fill(lake, "silver.quarantine", [{**refused, "reason": reason, "offset": at} for at, reason in enumerate(["range"] * 5 + ["future"] * 2)])
