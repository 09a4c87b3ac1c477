"""The real processes of the road from the broker to Kafka, each a context manager that gives an address.

`mock_kafka` is librdkafka's built-in mock cluster, not Kafka: it speaks the protocol, in this process and in memory.
"""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer
from road.certificates import Authority

DEADLINE_S = 30.0


def until(true: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """Poll until it is true; the value that was."""
    end = time.monotonic() + deadline_s
    while True:
        value = true()
        if value:
            return value
        assert time.monotonic() < end, f"waited {deadline_s} s in vain for {what}"
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def open_port(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def child(words: list[str], log: Path, environ: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours that is gone afterwards; its output goes to `log`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "INGEST_"))}
    with log.open("ab") as output, subprocess.Popen(words, env={**kept, **(environ or {})}, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def start_broker(port: int, folder: Path) -> Any:
    """The context manager of a real MQTT 5 broker: mosquitto where it is installed, else iotcore's."""
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if mosquitto:
        config = folder / f"mosquitto-{port}.conf"
        config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 1000\n"
            f"set_tcp_nodelay true\n{'user root' if os.geteuid() == 0 else ''}\n"
        )
        return child([mosquitto, "-c", str(config)], folder / "broker.log")
    config = folder / f"iotcore-{port}.toml"
    config.write_text(
        "id = 0\n[router]\nid = 0\nmax_connections = 100\nmax_outgoing_packet_count = 200\nmax_segment_size = 104857600\nmax_segment_count = 10\n"
        f'[v5.1]\nname = "v5"\nlisten = "127.0.0.1:{port}"\nnext_connection_delay_ms = 1\n'
        "[v5.1.connections]\nconnection_timeout_ms = 60000\nmax_payload_size = 4194304\nmax_inflight_count = 100\ndynamic_filters = true\n"
    )
    return child([sys.executable, "-m", "iotcore", "--config", str(config)], folder / "broker.log")


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    port = free_port()
    with start_broker(port, folder):
        until(lambda: open_port(port), "the MQTT broker")
        yield port


class MockKafka:
    """librdkafka's mock cluster. Not Kafka."""

    def __init__(self) -> None:
        self._producer = Producer({"bootstrap.servers": "", "test.mock.num.brokers": "1", "log_level": 0})
        (first,) = self._producer.list_topics(timeout=10).brokers.values()
        self.bootstrap = f"{first.host}:{first.port}"

    @contextmanager
    def reader(self, *topics: str) -> Iterator["Reader"]:
        for topic in topics:
            self._producer.list_topics(topic, timeout=10)
        consumer = Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": f"reader-{time.time_ns()}", "auto.offset.reset": "earliest", "log_level": 0}
        )
        try:
            yield Reader(consumer, topics)
        finally:
            consumer.close()


class Reader:
    """All records of some topics so far: `(topic, key, value)`."""

    def __init__(self, consumer: Consumer, topics: tuple[str, ...]) -> None:
        from confluent_kafka import OFFSET_BEGINNING, TopicPartition

        self._consumer = consumer
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic in topics for partition in range(4)])
        self.records: list[tuple[str, bytes, bytes]] = []

    def poll(self) -> list[tuple[str, bytes, bytes]]:
        for message in self._consumer.consume(5000, timeout=0.05):
            if message.error() is None:
                self.records.append((message.topic() or "", message.key() or b"", message.value() or b""))
        return self.records


def ingest_environ(authority: Authority, port: int, bootstrap: str, **more: str) -> dict[str, str]:
    server = authority.server()
    return {
        "INGEST_PORT": str(port),
        "INGEST_CA": str(authority.ca),
        "INGEST_CERT": str(server.cert),
        "INGEST_KEY": str(server.key),
        "INGEST_KAFKA": bootstrap,
        **more,
    }


@contextmanager
def ingest(authority: Authority, folder: Path, bootstrap: str, port: int = 0, **more: str) -> Iterator[int]:
    """The real ingest process: its port."""
    port = port or free_port()
    with child(
        [sys.executable, "-m", "cloud_stream", "ingest"], folder / "ingest.log", ingest_environ(authority, port, bootstrap, **more)
    ) as process:
        until(lambda: open_port(port) or process.poll() is not None, "ingest")
        assert process.poll() is None, (folder / "ingest.log").read_text()
        yield port


def client_context(authority: Authority, pair: Any = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.ca)
    if pair is not None:
        context.load_cert_chain(pair.cert, pair.key)
    return context


def gateway_environ(authority: Authority, folder: Path, mqtt_port: int, ingest_port: int, **more: str) -> dict[str, str]:
    pair = authority.gateway("gw-1", "eu")
    return {
        "GATEWAY_ID": "gw-1",
        "GATEWAY_REGION": "eu",
        "GATEWAY_MQTT_PORT": str(mqtt_port),
        "GATEWAY_INGEST_URL": f"https://127.0.0.1:{ingest_port}",
        "GATEWAY_CA": str(authority.ca),
        "GATEWAY_CERT": str(pair.cert),
        "GATEWAY_KEY": str(pair.key),
        "GATEWAY_SPOOL": str(folder / "spool"),
        "GATEWAY_ACK_INTERVAL_MS": "100",
        **more,
    }


def start_gateway(environ: dict[str, str], folder: Path) -> Any:
    """The context manager of a real gateway process."""
    return child([sys.executable, "-m", "edge_gateway"], folder / "gateway.log", environ)
