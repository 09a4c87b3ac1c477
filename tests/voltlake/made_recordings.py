"""A folder of the recordings' layout with made-up drives, cars and sessions, in which there is something to learn."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HOUR_S = 3600


def drives(folder: Path, numbers: range, seed: int = 0) -> None:
    """Drives of a car whose battery gives the work of the road, 15 % losses, 600 W and the heater's power."""
    random = np.random.default_rng(seed)
    parts = [_drive(f"TripA{number:02d}", random) for number in numbers]
    _write(pa.concat_tables(parts), folder / "bmw_i3_driving" / "trips_1hz.parquet")


def _drive(name: str, random: np.random.Generator) -> pa.Table:
    seconds = np.arange(900.0)
    cruise = random.uniform(10, 25)
    speed = np.clip(cruise * np.abs(np.sin(seconds / random.uniform(60, 120))) + random.normal(0, 0.05, 900), 0, None)
    speed[:5] = 0
    ambient = np.full(900, random.uniform(5, 28))
    heater = np.full(900, max(0.0, 20 - ambient[0]) * 60)
    force = 106 + 0.4155 * speed**2 + 1270 * 1.04 * np.gradient(speed)
    power = np.where(force > 0, force * speed * 1.15, force * speed * 0.6 * np.clip((speed - 1.4) / 2.8, 0, 1)) + 600 + heater
    volts = np.full(900, 380.0)
    columns = {
        "speed_kmh": speed * 3.6,
        "elevation_m": np.full(900, 500.0),
        "batt_voltage_v": volts,
        "batt_current_a": -power / volts * random.normal(1, 0.02),
        "batt_temp_c": np.full(900, 21.0),
        "soc_pct": np.linspace(80, 72, 900),
        "ambient_temp_c": ambient,
        "heating_power_can_kw": heater / 1000,
        "aircon_power_kw": np.zeros(900),
        "cabin_temp_c": ambient,
    }
    return pa.table({"trip": [name] * 900, "time_s": seconds.astype(np.int64), **columns})


def cars(folder: Path, weak: int = 4, cells: int = 24, hours: int = 14) -> None:
    """car1 is healthy and has no alarms recorded; in car3 one cell sinks away from the others, and its BMS says so in the tenth hour."""
    for name, bad in (("car1", None), ("car3", weak)):
        random = np.random.default_rng(1)
        count = hours * 60
        at = np.datetime64("2024-03-01T00:00:00", "us") + np.arange(count) * np.timedelta64(60, "s")
        offset = random.normal(0, 0.003, cells)
        volts = 3.8 + offset + 0.02 * np.sin(np.arange(count) / 50)[:, None] + random.normal(0, 0.0005, (count, cells))
        if bad is not None:
            volts[:, bad] -= 0.03 + 0.04 * np.arange(count) / count
        columns = {f"V_{number + 1}": volts[:, number] for number in range(cells)}
        table = {"tboxTime": at, "BMSBatteryCurrent": 10 * np.sin(np.arange(count) / 7), **columns, "T_1": np.full(count, 25.0)}
        if bad is not None:
            table["BMSWarningInformation"] = np.where(np.arange(count) >= 10 * 60, 3, 0)
        _write(pa.table(table), folder / "ev_battery_faults" / f"{name}.parquet")


def sessions(folder: Path, count: int = 900, seed: int = 2) -> None:
    """Sessions at two sites: slow chargers at one, fast at the other; a car charges as long as it stays, up to what it lacks."""
    random = np.random.default_rng(seed)
    site = random.integers(0, 2, count)
    start = np.datetime64("2023-01-02T06:00:00", "us") + (np.sort(random.uniform(0, 200 * 24, count)) * HOUR_S).astype("timedelta64[s]")
    park = random.uniform(30, 500, count)
    power, lacks = np.where(site == 1, 20.0, 3.5), random.uniform(25, 50, count)
    energy = np.minimum(power * park / 60, lacks)
    table = {
        "source": np.where(site == 1, "fast", "slow"),
        "site": np.where(site == 1, "fast", "slow"),
        "start": start,
        "end": start + (park * 60).astype("timedelta64[s]"),
        "charge_min": energy / power * 60,
        "park_min": park,
        "energy_kwh": energy,
    }
    _write(pa.table(table), folder / "charging_sessions" / "sessions.parquet")


def _write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
