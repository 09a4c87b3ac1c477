"""The notifying process: `alerts.v1` in, messages out. A position is committed once all before it is delivered or a dead letter."""

import logging
import signal
import threading
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from cloud_stream.notify.channels import channels
from cloud_stream.notify.desk import Notifier
from cloud_stream.notify.metrics import NotifyMetrics
from cloud_stream.notify.settings import NotifySettings, checked
from contracts.codec import Malformed, decode_alert
from contracts.settings import load
from contracts.topics import ALERTS

log = logging.getLogger(__name__)
GROUP = "voltlake-notify"
COMMIT_S = 1.0


def run(environ: Mapping[str, str]) -> None:
    """Notify until it is stopped. Raises Terminal where it cannot go on."""
    settings = checked(load(NotifySettings, environ, "NOTIFY_"))
    metrics = NotifyMetrics()
    metrics.serve(settings.metrics_port)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    follow(settings, metrics, stopped)


def follow(settings: NotifySettings, metrics: NotifyMetrics, stopped: threading.Event) -> None:
    """Read and notify until `stopped` is set."""
    ways = channels(settings)
    notifier = Notifier(settings, ways, metrics)
    log.info("notifying by %s", ", ".join(ways))
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": GROUP,
            "enable.auto.commit": False,
            "auto.offset.reset": "latest",  # who starts to notify does not want the past
            "reconnect.backoff.max.ms": 1000,
            "log_level": 2,
        }
    )
    consumer.subscribe([ALERTS])
    read: dict[int, int] = {}
    committed = time.monotonic()
    try:
        while not stopped.is_set():
            for record in consumer.consume(500, 0.2):
                _take(record, notifier, read)
            notifier.send(_now_ms())
            if time.monotonic() - committed >= COMMIT_S:
                _commit(consumer, read, notifier)
                committed = time.monotonic()
        _commit(consumer, read, notifier)
    finally:
        consumer.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _take(record: Message, notifier: Notifier, read: dict[int, int]) -> None:
    error = record.error()
    if error is not None:
        log.warning("%s: %s", ALERTS, error.str())
        return
    partition, offset = record.partition() or 0, record.offset() or 0
    read[partition] = offset + 1
    try:
        alert = decode_alert(record.value() or b"")
    except Malformed as malformed:
        log.warning("a record of %s is passed over: %s", ALERTS, malformed)
        return
    notifier.take(alert, (partition, offset), _now_ms())


def _commit(consumer: Consumer, read: dict[int, int], notifier: Notifier) -> None:
    waiting = notifier.waiting()
    places: list[Any] = []
    for partition, following in read.items():
        first = min((offset for at, offset in waiting if at == partition), default=following)
        places.append(TopicPartition(ALERTS, partition, first))
    if places:
        try:
            consumer.commit(offsets=places, asynchronous=True)
        except KafkaException as error:
            log.warning("the position cannot be committed now: %s", error.args[0].str())
