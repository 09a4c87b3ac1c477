"""Alerts as they come, from `alerts.v1` on the central cluster, from an hour ago on. Commits nothing: it only looks."""

import logging
import time

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from contracts import codec, topics
from contracts.errors import Transient
from contracts.events import Alert
from dashboards.board import Board
from dashboards.metrics import Metrics

log = logging.getLogger(__name__)

HISTORY_S = 3600
PATIENCE_S = 5.0
LOOK_AGAIN_S = 30.0
_SILENCE = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._RESOLVE)


class AlertFeed:
    """Reads all partitions from their first record of the last hour."""

    name = "alerts"
    pause_s = 0.0

    def __init__(self, kafka: str, board: Board, metrics: Metrics) -> None:
        self._board = board
        self._metrics = metrics
        self._partitions: set[int] = set()
        self._looked_s = 0.0
        self._fault: str | None = None
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": "dashboards",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 100,
                "fetch.error.backoff.ms": 200,
                "reconnect.backoff.max.ms": 2000,
                "topic.metadata.refresh.interval.ms": 30_000,
                "error_cb": self._on_error,
                "logger": logging.getLogger("dashboards.kafka"),
                "log_level": 2,
            }
        )

    def round(self) -> str:
        """Wait a moment for alerts and put them on the board. Raises Transient where Kafka or the topic is not there."""
        if not self._partitions or self._fault or time.monotonic() - self._looked_s > LOOK_AGAIN_S:
            self._look()
        first = self._consumer.poll(0.2)
        records = [] if first is None else [first, *self._consumer.consume(500, 0)]  # `consume` alone would wait for 500 or the time
        alerts = [alert for record in records if (alert := self._alert(record)) is not None]
        if alerts:
            self._metrics.received.labels(self.name).inc(len(alerts))
            self._board.put_alerts(alerts)
        return f"following {topics.ALERTS}"

    def close(self) -> None:
        """Leave Kafka."""
        self._consumer.close()

    def _look(self) -> None:
        """Find the topic's partitions, and begin with those that are new."""
        try:
            topic = self._consumer.list_topics(topics.ALERTS, timeout=PATIENCE_S).topics[topics.ALERTS]
            if topic.error is not None or not topic.partitions:
                raise Transient(f"waiting for the topic {topics.ALERTS}")
            self._begin(set(topic.partitions) - self._partitions)
        except KafkaException as error:
            raise Transient(f"waiting for Kafka: {_words(error.args[0])}") from error
        self._looked_s, self._fault = time.monotonic(), None

    def _begin(self, new: set[int]) -> None:
        if not new:
            return
        since_ms = int((time.time() - HISTORY_S) * 1000)
        asked = [TopicPartition(topics.ALERTS, partition, since_ms) for partition in sorted(new)]
        ends = {place.partition: self._consumer.get_watermark_offsets(place, timeout=PATIENCE_S)[1] for place in asked}
        found = self._consumer.offsets_for_times(asked, timeout=PATIENCE_S)
        for place in found:
            if place.error is not None:
                raise KafkaException(place.error)
            if place.offset == OFFSET_END:  # nothing younger: all that came since the end was asked for
                place.offset = ends[place.partition]
        self._consumer.incremental_assign(found)
        self._partitions |= new

    def _alert(self, record: Message) -> Alert | None:
        fault = record.error()
        if fault is not None:
            self._on_error(fault)
            return None
        try:
            return codec.decode_alert(record.value() or b"")
        except codec.Malformed as malformed:
            self._metrics.rejected.labels("malformed").inc()
            log.warning("a record of %s is not shown: partition %s, offset %s: %s", topics.ALERTS, record.partition(), record.offset(), malformed)
            return None

    def _on_error(self, error: KafkaError) -> None:
        """Called from within `consume`. The client mends itself; the next round asks whether it has."""
        self._fault = _words(error)


def _words(error: KafkaError) -> str:
    return "no broker answers" if error.code() in _SILENCE else str(error.str())
