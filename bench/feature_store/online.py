"""Online reads and writes: Feast's SDK, its stock writes, our writes and our direct reads, over one Redis on loopback."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from contracts.errors import Terminal, Transient
from features.online import OnlineWriter, Reader, connect
from features.store import apply, open_store
from features.transforms import JOIN_KEY, VEHICLE_LIVE, VEHICLE_LIVE_FEATURES, live_columns
from lakehouse.tables import SILVER_TELEMETRY

TWENTY = VEHICLE_LIVE_FEATURES[:20]
VEHICLES = 1000
READS, ROUNDS = 1000, 5
Figures = dict[str, tuple[float | int | None, str]]


def measure(folder: Path) -> Figures:
    """All online figures."""
    with redis_server() as url:
        apply(folder / "repo", str(folder / "lake"), url)
        store = open_store(folder / "repo", str(folder / "lake"), url)
        rows = made(VEHICLES)
        OnlineWriter(url).write(rows)
        names = rows[JOIN_KEY].to_pylist()
        refs = [f"{VEHICLE_LIVE}:{feature}" for feature in TWENTY]
        client = connect(url)
        direct = Reader(client, TWENTY)
        sdk = timed(lambda turn: store.get_online_features(refs, [{JOIN_KEY: names[turn % VEHICLES]}]))
        sdk_100 = timed(lambda _turn: store.get_online_features(refs, [{JOIN_KEY: name} for name in names[:100]]), READS // 20)
        one = timed(lambda turn: direct.read([names[turn % VEHICLES]]))
        hundred = timed(lambda turn: direct.read(names[turn % 9 * 100 : turn % 9 * 100 + 100]))
        ours = _writes(url)
        frame = rows.to_pandas()
        began = time.perf_counter()
        store.write_to_online_store(VEHICLE_LIVE, frame)
        stock = len(frame) / (time.perf_counter() - began)
    return {
        "online_read_1_sdk_p50_ms": (at(sdk, 50), "ms, quietest of five rounds, one vehicle, 20 features, Feast SDK"),
        "online_read_1_sdk_p99_ms": (at(sdk, 99), "ms, quietest of five rounds, one vehicle, 20 features, Feast SDK"),
        "online_read_100_sdk_p99_ms": (at(sdk_100, 99), "ms, quietest of five rounds, 100 vehicles, 20 features, Feast SDK"),
        "online_read_1_direct_p50_ms": (at(one, 50), "ms, quietest of five rounds, one vehicle, 20 features, straight from Redis"),
        "online_read_1_direct_p99_ms": (at(one, 99), "ms, quietest of five rounds, one vehicle, 20 features, straight from Redis"),
        "online_read_100_direct_p50_ms": (at(hundred, 50), "ms, quietest of five rounds, 100 vehicles, 20 features, straight from Redis"),
        "online_read_100_direct_p99_ms": (at(hundred, 99), "ms, quietest of five rounds, 100 vehicles, 20 features, straight from Redis"),
        "online_writes_per_core": (round(ours), "rows of 20 features a CPU second of the writer"),
        "online_writes_stock_per_s": (round(stock), "rows of 21 features a second, write_to_online_store of stock Feast"),
    }


def made(vehicles: int) -> pa.Table:
    """A frame of each vehicle, happening now."""
    random = np.random.default_rng(1)
    now = pa.array([datetime.now(UTC)] * vehicles, pa.timestamp("us", tz="UTC"))
    columns = {"vehicle_id": pa.array([f"BENCH-{number:05d}" for number in range(vehicles)]), "event_ts": now, "known_at": now}
    columns |= {name: pa.array(random.normal(50, 20, vehicles)) for name in VEHICLE_LIVE_FEATURES}
    schema = SILVER_TELEMETRY
    return live_columns(
        pa.table([columns[field.name] if field.name in columns else pa.nulls(vehicles, field.type) for field in schema], schema=schema)
    )


def _writes(url: str) -> float:
    """Rows of 20 features a CPU second, in batches of 1,000 vehicles."""
    rows = made(VEHICLES).drop_columns([VEHICLE_LIVE_FEATURES[20]])
    writer = OnlineWriter(url)
    writer.write(rows)
    began, count = time.process_time(), 0
    while count < 200 * VEHICLES:
        writer.write(rows)
        count += VEHICLES
    return count / (time.process_time() - began)


def timed(act: Callable[[int], object], turns: int = READS) -> np.ndarray:
    """Milliseconds of each turn, of the quietest of some rounds: what else runs on the machine is not what is measured."""
    return min((_round(act, turns) for _ in range(ROUNDS)), key=lambda took: float(np.percentile(took, 99)))


def _round(act: Callable[[int], object], turns: int) -> np.ndarray:
    took = np.zeros(turns)
    for turn in range(turns):
        began = time.perf_counter()
        act(turn)
        took[turn] = time.perf_counter() - began
    return took[turns // 10 :] * 1000


def at(took: np.ndarray, percentile: float) -> float:
    """A percentile to three places."""
    return round(float(np.percentile(took, percentile)), 3)


@contextmanager
def redis_server() -> Iterator[str]:
    """A Redis on loopback that keeps nothing. Raises Terminal where there is none on this machine."""
    beside = Path(sys.executable).with_name("redis-server")
    program = str(beside) if beside.exists() else shutil.which("redis-server")
    if program is None:
        raise Terminal("there is no redis-server on this machine: run `voltlake doctor`")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--hz", "100"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    try:
        _wait(url)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            Reader(connect(url)).read(["nobody"])
        except Transient:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
