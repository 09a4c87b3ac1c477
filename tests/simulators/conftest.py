"""A real MQTT broker that can be killed, and a scripted gateway: a paho client that acknowledges as a test tells it to."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from contracts.events import Ack, State
from contracts.identity import KINDS, Identity, parse_message_id
from contracts.ranges import Ranges
from contracts.topics import parse_topic, publish_topic, shared_filters, state_filter

DEADLINE_S = 30.0

MOSQUITTO = "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 100\nset_tcp_nodelay true\nuser {user}\n"
IOTCORE = """id = 0
[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "v5"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 65536
max_inflight_count = 100
dynamic_filters = true
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(true: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Poll until it is true; fail with what was waited for."""
    end = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < end, f"waited {deadline_s:g} s for: {what}"
        time.sleep(0.02)


class Broker:
    """A broker process on a port of its own: start, kill -9, start again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._log = (folder / "broker.log").open("ab")
        mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        config = folder / ("broker.conf" if mosquitto else "broker.toml")
        if mosquitto:
            config.write_text(MOSQUITTO.format(port=self.port, user="root" if os.geteuid() == 0 else "mosquitto"))
            self._command = [mosquitto, "-c", str(config)]
        else:
            config.write_text(IOTCORE.format(port=self.port))
            self._command = [sys.executable, "-m", "iotcore", "--config", str(config)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log)
        until(self._answers, "the broker to listen")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        self.kill()
        self._log.close()

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


class ScriptedGateway:
    """Stands in for the gateways of some regions: collects every message, and says held and safe for what the test lets it.

    `says(identity)` gives the words for a message: any of "held" and "safe". Acks name all ranges so far, as real ones do.
    """

    def __init__(self, port: int, regions: tuple[str, ...], says: Callable[[Identity], set[str]]) -> None:
        self.says = says
        self.seen: Counter[Identity] = Counter()
        self.payloads: dict[Identity, bytes] = {}
        self.states: dict[str, State] = {}
        self.without_identity = 0
        self._told: dict[tuple[str, str, str, str], Ranges] = {}
        self._regions = regions
        self._lock = threading.Lock()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"scripted-gateway-{port}", protocol=paho.MQTTv5)
        self._client.on_connect = self._subscribe
        self._client.on_message = self._take
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self.subscribed = 0
        self._client.on_subscribe = self._count
        self._client.connect("127.0.0.1", port, keepalive=20, clean_start=True)
        self._client.loop_start()
        until(lambda: self.subscribed > 0, "the scripted gateway to subscribe")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _subscribe(self, client, *_) -> None:
        filters = [one for region in self._regions for one in (*shared_filters(region), state_filter(region))]
        client.subscribe([(one, paho.SubscribeOptions(qos=1)) for one in filters])

    def _count(self, *_) -> None:
        self.subscribed += 1

    def _take(self, client, _userdata, message) -> None:
        region, vehicle, leaf = parse_topic(message.topic)
        if leaf == "state":
            self.states[vehicle] = msgspec.json.decode(message.payload, type=State)
            return
        found = parse_message_id(dict(getattr(message.properties, "UserProperty", [])).get("id", ""))
        if found is None or leaf not in KINDS:
            self.without_identity += 1
            return
        identity = Identity(vehicle, leaf, *found)
        with self._lock:
            self.seen[identity] += 1
            self.payloads[identity] = message.payload
        words = self.says(identity)
        for word in words:
            self._told.setdefault((vehicle, leaf, found[0], word), Ranges()).add(found[1])
        if words:
            held, safe = (self._told.get((vehicle, leaf, found[0], word), Ranges()).pairs() for word in ("held", "safe"))
            client.publish(publish_topic(region, vehicle, "ack"), msgspec.json.encode(Ack(found[0], leaf, held, safe)), qos=0)

    def identities(self) -> set[Identity]:
        with self._lock:
            return set(self.seen)

    def counts(self) -> Counter[Identity]:
        with self._lock:
            return self.seen.copy()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    one = Broker(tmp_path)
    one.start()
    yield one
    one.close()


@pytest.fixture
def absent_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that is not started yet."""
    one = Broker(tmp_path)
    yield one
    one.close()


@pytest.fixture
def gateway() -> Iterator[Callable[..., ScriptedGateway]]:
    """Makes scripted gateways: `gateway(port, regions, says)`."""
    made: list[ScriptedGateway] = []

    def make(port: int, regions: tuple[str, ...], says: Callable[[Identity], set[str]]) -> ScriptedGateway:
        made.append(ScriptedGateway(port, regions, says))
        return made[-1]

    yield make
    for one in made:
        one.close()


class Running:
    """A run in a thread, with its progress, until it ends or is stopped."""

    def __init__(self, call: Callable[..., object], settings: object) -> None:
        self.progress: list[object] = []
        self.result: list[object] = []
        self.failed: list[BaseException] = []
        self._stop = threading.Event()
        self._call, self._settings = call, settings
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result.append(self._call(self._settings, self._stop.is_set, self.progress.append))
        except BaseException as error:
            self.failed.append(error)

    def stop(self) -> None:
        self._stop.set()

    def end(self):
        self._thread.join(60)
        assert not self._thread.is_alive(), "the run did not end"
        if self.failed:
            raise self.failed[0]
        return self.result[0]


@pytest.fixture
def running() -> Iterator[Callable[..., Running]]:
    """Starts runs in threads: `running(simulate, settings)`."""
    made: list[Running] = []

    def start(call: Callable[..., object], settings: object) -> Running:
        made.append(Running(call, settings))
        return made[-1]

    yield start
    for one in made:
        one.stop()


@pytest.fixture
def wait_until() -> Callable[..., None]:
    return until


@pytest.fixture(scope="session")
def recordings_folder() -> Path:
    """The folder of real recordings beside the project."""
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real recordings are not there: they stand in shared/data beside the project")
    return folder
