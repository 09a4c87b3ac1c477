"""Servers, tables and rows that the tests of features are made of."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from contracts.signals import BY_NAME
from features.transforms import VEHICLE_LIVE_FEATURES
from lakehouse import reader, writer
from lakehouse.tables import MINUTE_COUNTERS, MINUTE_STATS, SCHEMAS

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def redis_server(port: int, *settings: str) -> Iterator[str]:
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", *settings]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        client = redis.Redis(port=port, retry=Retry(NoBackoff(), 0))
        deadline = time.monotonic() + 20
        while True:
            try:
                client.ping()
                break
            except redis.AuthenticationError:
                break
            except redis.ConnectionError:
                assert time.monotonic() < deadline, "redis-server did not start"
                time.sleep(0.02)
        client.close()
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()


def full(name: str, rows: pa.Table) -> pa.Table:
    """Rows with every column of the table, null where not given."""
    schema = SCHEMAS[name]
    columns = [rows[field.name].cast(field.type) if field.name in rows.column_names else pa.nulls(rows.num_rows, field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def add(lake: Path, name: str, rows: pa.Table) -> None:
    """Rows into a table of the lake, as its writer puts them there."""
    writer.ensure(str(lake), [name])
    writer.append(reader.open_table(str(lake), name), name, full(name, rows), {})


def frames(vehicles: int, count: int, *, seed: int = 1, start: datetime = T0, late_s: float = 0.4) -> pa.Table:
    """Telemetry at 1 Hz of several vehicles, some values null, known a little after they happened."""
    random = np.random.default_rng(seed)
    names = [f"TEST-{number:03d}" for number in range(vehicles)]
    event = [start + timedelta(seconds=second) for second in range(count) for _ in names]
    known = [instant + timedelta(seconds=late_s * random.random()) for instant in event]
    values = {name: pa.array(np.round(random.normal(50, 20, len(event)), 3), mask=random.random(len(event)) < 0.05) for name in VEHICLE_LIVE_FEATURES}
    days = [instant.date().isoformat() for instant in event]
    return pa.table({"date": days, "vehicle_id": names * count, "event_ts": event, "known_at": known, **values})


def minutes(vehicles: int, count: int, *, start: datetime = T0) -> pa.Table:
    """Closed minutes in which the n-th vehicle drives 800 m on 100 + 10 n Wh net, the last of each fleet standing still."""
    rows = []
    for number in range(vehicles):
        for minute in (start + timedelta(minutes=place) for place in range(count)):
            distance = 800 if number < vehicles - 1 else 0
            rows.append(
                {
                    "date": minute.date().isoformat(),
                    "vehicle_id": f"TEST-{number:03d}",
                    "minute": minute,
                    "known_at": minute + timedelta(seconds=61),
                    "odometer_m_min": 5_000,
                    "odometer_m_max": 5_000 + distance,
                    "energy_out_kwh_min": 2_000,
                    "energy_out_kwh_max": 2_120 + 10 * number,
                    "energy_in_kwh_min": 300,
                    "energy_in_kwh_max": 320,
                }
            )
    return pa.Table.from_pylist(rows)


def driven(vehicles: int, seconds: int, *, every_s: int = 1, seed: int = 1, start: datetime = T0, late_share: float = 0.02) -> pa.Table:
    """Telemetry of driving vehicles with every signal that windows read; a share of the frames becomes known minutes late."""
    random = np.random.default_rng(seed)
    steps = np.arange(0, seconds, every_s)
    size = len(steps) * vehicles
    second = np.repeat(steps, vehicles)
    late_s = np.where(random.random(size) < late_share, random.uniform(30, 1500, size), random.uniform(0, 2, size))
    base = int(start.timestamp() * 1e6)
    event = base + second * 1_000_000
    signals = {signal.name for signal in (*MINUTE_STATS, *MINUTE_COUNTERS)}
    values: dict[str, pa.Array] = {}
    for name in sorted(signals):
        signal = BY_NAME[name]
        drawn = random.normal(30, 10, size)
        if signal.minute == "counter":
            drawn = 1000 + second * {"odometer_m": 14, "energy_out_kwh": 0.003}.get(name, 0.0008) + random.random(size) * 0.001
        elif name in ("is_charging", "cable_connected"):
            drawn = np.zeros(size)
        slow = (second % signal.cadence_s) >= every_s if signal.cadence_s > 1 else random.random(size) < 0.03
        values[name] = pa.array(np.round(np.round(drawn * signal.scale) / signal.scale, 6), mask=slow)
    return pa.table(
        {
            "date": pc.strftime(pa.array(event, pa.timestamp("us", tz="UTC")), format="%Y-%m-%d"),
            "vehicle_id": np.tile([f"TEST-{number:03d}" for number in range(vehicles)], len(steps)),
            "region": pa.repeat("eu", size),
            "partition": pa.array(np.zeros(size), pa.int32()),
            "event_ts": pa.array(event, pa.timestamp("us", tz="UTC")),
            "known_at": pa.array(event + (late_s * 1e6).astype(np.int64), pa.timestamp("us", tz="UTC")),
            **values,
        }
    )
