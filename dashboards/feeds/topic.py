"""One topic of the central cluster, followed without a trace: no offset is committed, no group is joined."""

import logging
import time

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from contracts.errors import Transient

PATIENCE_S = 5.0
LOOK_AGAIN_S = 30.0
MOST_RECORDS = 5000
_SILENCE = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._RESOLVE)


class TopicTail:
    """All partitions of a topic, from some seconds ago on (0: from now on).

    The broker answers once it has `gather_bytes`, or after a tenth of a second.
    """

    def __init__(self, kafka: str, topic: str, history_s: float, gather_bytes: int = 1) -> None:
        self._topic = topic
        self._history_s = history_s
        self._partitions: set[int] = set()
        self._looked_s = 0.0
        self._fault: str | None = None
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": "dashboards",  # required by the client, never used
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 100,
                "fetch.min.bytes": gather_bytes,
                "fetch.error.backoff.ms": 200,
                "queued.max.messages.kbytes": 16384,
                "reconnect.backoff.max.ms": 2000,
                "topic.metadata.refresh.interval.ms": 30_000,
                "error_cb": self._on_error,
                "logger": logging.getLogger("dashboards.kafka"),
                "log_level": 2,
            }
        )

    def read(self, wait_s: float = 0.2) -> list[bytes]:
        """Wait a moment for records; their values. Raises Transient where Kafka or the topic is not there."""
        if not self._partitions or self._fault or time.monotonic() - self._looked_s > LOOK_AGAIN_S:
            self._look()
        first = self._consumer.poll(wait_s)
        if first is None:
            return []
        values = []
        for record in (first, *self._consumer.consume(MOST_RECORDS, 0)):  # `consume` alone would wait for all of them or the time
            if (fault := record.error()) is not None:
                self._on_error(fault)
            else:
                values.append(record.value() or b"")
        return values

    def close(self) -> None:
        """Leave Kafka."""
        self._consumer.close()

    def _look(self) -> None:
        """Find the topic's partitions, and begin with those that are new."""
        try:
            topic = self._consumer.list_topics(self._topic, timeout=PATIENCE_S).topics[self._topic]
            if topic.error is not None or not topic.partitions:
                raise Transient(f"waiting for the topic {self._topic}")
            self._begin(set(topic.partitions) - self._partitions)
        except KafkaException as error:
            raise Transient(f"waiting for Kafka: {_words(error.args[0])}") from error
        self._looked_s, self._fault = time.monotonic(), None

    def _begin(self, new: set[int]) -> None:
        if not new:
            return
        since_ms = int((time.time() - self._history_s) * 1000)
        asked = [TopicPartition(self._topic, partition, since_ms) for partition in sorted(new)]
        ends = {place.partition: self._consumer.get_watermark_offsets(place, timeout=PATIENCE_S)[1] for place in asked}
        found = self._consumer.offsets_for_times(asked, timeout=PATIENCE_S)
        for place in found:
            if place.error is not None:
                raise KafkaException(place.error)
            if place.offset == OFFSET_END:  # nothing younger: all that came since the end was asked for
                place.offset = ends[place.partition]
        self._consumer.incremental_assign(found)
        self._partitions |= new

    def _on_error(self, error: KafkaError) -> None:
        """Called from within `consume`. The client mends itself; the next round asks whether it has."""
        self._fault = _words(error)


def _words(error: KafkaError) -> str:
    return "no broker answers" if error.code() in _SILENCE else str(error.str())
