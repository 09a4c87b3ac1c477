"""A feature is the same number live and in training: at least 1,000 vehicle-instants through the whole stack, to the last bit."""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer

from contracts import codec
from contracts.events import Envelope, Telemetry
from contracts.signals import SIGNALS
from contracts.topics import TELEMETRY
from features import parity
from features.online import connect
from features.store import open_store
from tests.road.patience import until
from voltlake.stack.handle import Handle

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
VEHICLES = [f"PARITY-{number:03d}" for number in range(90)]
MINUTE_MS = 60_000
GROWING = {"odometer_m": 15.0, "energy_out_kwh": 0.003, "energy_in_kwh": 0.0005, "regen_kwh": 0.0004, "charge_in_ah": 0.01, "charge_out_ah": 0.02}
STANDING = ("is_charging", "cable_connected")


class Drivers:
    """Vehicles on the edge Kafka, as ingest writes them: an hour's past comes at once, and more of it late, while they drive on."""

    def __init__(self, kafka: str) -> None:
        self._producer = Producer({"bootstrap.servers": kafka, "linger.ms": 5})
        self._seqs = dict.fromkeys(VEHICLES, 0)
        self._random = random.Random(7)
        self._ending = threading.Event()
        self._start_ms = round(time.time() * 1000)
        self._thread = threading.Thread(target=self._drive)

    def start(self) -> None:
        """Two frames of each minute of the last hour; then a frame a second each, and now and then one that comes late."""
        self._first = self._start_ms // MINUTE_MS * MINUTE_MS - 61 * MINUTE_MS
        for vehicle in VEHICLES:
            for after_ms in range(1_000, self._start_ms - self._first, MINUTE_MS // 2):
                self._frame(vehicle, self._first + after_ms)
        self._producer.flush()
        self._thread.start()

    def stop(self) -> None:
        """No more."""
        self._ending.set()
        self._thread.join()
        assert self._producer.flush(30) == 0

    def _drive(self) -> None:
        while not self._ending.wait(1.0 - time.time() % 1.0):
            for vehicle in VEHICLES:
                self._frame(vehicle, round(time.time() * 1000))
                if self._random.random() < 0.3:
                    self._frame(vehicle, self._random.randrange(self._first, self._start_ms))
            self._producer.poll(0)

    def _frame(self, vehicle: str, ts: int) -> None:
        past_s = (ts - self._start_ms) / 1000 + 4000
        signals = {}
        for signal in SIGNALS:
            value = self._random.uniform(1, 45)
            if signal.minute == "counter":
                value = past_s * GROWING[signal.name]
            elif signal.name in STANDING:
                value = 0.0
            value = min(max(value, signal.low), signal.high)
            signals[signal.name] = round(round(value * signal.scale) / signal.scale, 6)
        payload = codec.seal(codec.encode(Telemetry(ts, signals)))
        now = round(time.time() * 1000)
        made = Envelope("eu-north-1", "eu-north", vehicle, "telemetry", "00000001", self._seqs[vehicle], now, *payload)
        self._seqs[vehicle] += 1
        self._producer.produce(TELEMETRY, codec.encode(made), vehicle.encode())


@contextmanager
def driving(stack: Handle) -> Iterator[None]:
    drivers = Drivers(stack.kafka_edge)
    drivers.start()
    try:
        yield
    finally:
        drivers.stop()


def test_features_read_live_equal_those_of_training_to_the_last_bit(stack: Handle, tmp_path: Path) -> None:
    store = open_store(stack.layout.features, stack.lake, stack.redis_url)
    client = connect(stack.redis_url)
    moments: list[parity.Moment] = []

    def looked(instants: int) -> bool:
        moments.append(parity.observe(store, client, VEHICLES))
        return parity.gathered(moments)["vehicle_windows"].num_rows >= instants

    with driving(stack):
        until(lambda: looked(400), "400 vehicle-instants", 90)
        killed = stack.kill("flow-live")
        stack.wait_running("flow-live", other_than=killed)
        until(lambda: looked(1_200), "1,200 vehicle-instants", 120)
        rows = parity.gathered(moments)
        until(lambda: parity.reached(stack.lake, rows), "the lake", 100)
    parity.save(rows, tmp_path / "observed")
    words = [sys.executable, "-m", "voltlake", "features", "parity", "--data", str(stack.data), "--observed", str(tmp_path / "observed"), "--json"]
    fresh = subprocess.run(words, capture_output=True, text=True, check=False)
    assert fresh.returncode == 0, fresh.stdout + fresh.stderr
    found = {row["view"]: row for row in json.loads(fresh.stdout)}
    windows = found["vehicle_windows"]
    assert windows["equal"] == windows["instants"] >= 1_200
    assert windows["without_null"] >= 1_000
    assert windows["revised"] >= windows["instants"] / 10
    live = found["vehicle_live"]
    assert live["equal"] == live["instants"] == live["without_null"] >= 1_000
