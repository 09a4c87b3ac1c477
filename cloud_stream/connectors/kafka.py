"""Kafka in and out of a dataflow: batches of records as Arrow tables, and a producer that knows what arrived.

Offsets are never committed to Kafka: they stand in the Delta tables that the rows go to.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from contracts.errors import Terminal, Transient
from lakehouse.positions import Position, Source
from lakehouse.tables import BRONZE

log = logging.getLogger(__name__)
_MS = pa.timestamp("ms", tz="UTC")


def sources(kafka: str, topic: str) -> list[Source]:
    """The partitions of a topic with its cluster's id and its own UUID. Raises Transient while the broker or the topic is not there."""
    client = AdminClient({"bootstrap.servers": kafka, "log_level": 0, "reconnect.backoff.max.ms": 500})
    try:
        client.list_topics(topic, timeout=2)  # fails early while there is no broker; the calls below would wait for long
        cluster = client.describe_cluster(request_timeout=5).result()
        described = client.describe_topics(TopicCollection([topic]), request_timeout=5)[topic].result()
    except KafkaException as error:
        raise Transient(f"topic {topic} at {kafka}: {error.args[0].str()}") from error
    return [Source(cluster.cluster_id, str(described.topic_id), part.id) for part in described.partitions]


class Reader(Protocol):
    """What a part of `KafkaInput` reads from."""

    def read(self) -> pa.Table | None:
        """What came; None where nothing did."""

    def close(self) -> None:
        """End it."""


class Pace(NamedTuple):
    """How a topic is read: so many records at a time, waiting so long (s) for them; the broker answers once it has so many bytes, or after 50 ms.

    `rest`: where what was read last took its time, the wait is so many times as long, up to `longest_s`. Most of what a small batch costs
    does not depend on its size: so a busy machine is relieved, and an idle one is quick.
    """

    most: int = 2_000
    wait_s: float = 0.05
    gather_bytes: int = 1
    rest: float = 0.0
    longest_s: float = 0.1


USUAL = Pace()


class TopicReader:
    """Some partitions of one topic, from the given offsets on, as tables with the columns of bronze."""

    def __init__(self, kafka: str, topic: str, start: Mapping[Source, Position], pace: Pace = USUAL) -> None:
        self._topic, self._pace = topic, pace
        self._given = time.monotonic()
        self._places = {source.partition: source for source in start}
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": "voltlake",  # required by the client, never used: nothing is committed
                "enable.auto.commit": False,
                "auto.offset.reset": "error",  # a position that retention has passed must not be skipped in silence
                "queued.max.messages.kbytes": 16384,
                "fetch.queue.backoff.ms": 10,  # a second, as is usual, would leave a full queue empty for most of the time
                "fetch.wait.max.ms": 50,
                "fetch.min.bytes": pace.gather_bytes,
                "reconnect.backoff.max.ms": 1000,
                "log_level": 2,
            }
        )
        self._consumer.assign([TopicPartition(topic, source.partition, position.offset + 1) for source, position in start.items()])

    def read(self) -> pa.Table | None:
        """What came within the wait, so many records at most; None where nothing did."""
        worked_s = time.monotonic() - self._given
        wait_s = max(self._pace.wait_s, min(self._pace.rest * worked_s, self._pace.longest_s))
        consumed = self._consumer.consume(self._pace.most, wait_s)
        self._given = time.monotonic()
        if any(map(Message.error, consumed)):
            for message in consumed:
                self._check(message.error())
            consumed = [message for message in consumed if message.error() is None]
        return self._table(consumed) if consumed else None

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _check(self, error: KafkaError | None) -> None:
        if error is None:
            return
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise Terminal(
                f"{self._topic}: the records after our position are gone from Kafka ({error.str()}); "
                "restore them, or start a new topic: what was lost is shown by `voltlake audit`"
            )
        if error.fatal():
            raise Terminal(f"{self._topic}: {error.str()}")
        log.warning("%s: %s", self._topic, error.str())

    def _table(self, messages: Sequence[Message]) -> pa.Table:
        place, size = next(iter(self._places.values())), len(messages)
        columns = [
            pa.repeat(place.cluster, size),
            pa.repeat(self._topic, size),
            pa.repeat(place.topic_id, size),
            pa.array(list(map(Message.partition, messages)), pa.int32()),
            pa.array(list(map(Message.offset, messages)), pa.int64()),
            pa.array([stamp for _, stamp in map(Message.timestamp, messages)], pa.int64()).cast(_MS).cast(BRONZE.field("kafka_ts").type),
            _texts(list(map(Message.key, messages))),
            pa.array(list(map(Message.value, messages)), pa.binary()),
            pa.repeat(datetime.now(UTC).strftime("%Y-%m-%d"), size),
        ]
        return pa.Table.from_arrays(columns, schema=BRONZE)


def _texts(keys: list[bytes | str | None]) -> pa.Array:
    """Keys as text; what is no UTF-8 is shown as such."""
    try:
        return pa.array(keys, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([key.decode(errors="replace") if isinstance(key, bytes) else key for key in keys], pa.string())


class KafkaInput(FixedPartitionedSource[tuple[str, pa.Table], None]):
    """A Bytewax source of `(name, table)`: one part a topic, however many Kafka partitions it has. `received` is told name and rows.

    A topic with a pause (seconds, by name) is read that often: fewer, larger commits where nobody waits for them.
    """

    def __init__(
        self, readers: Mapping[str, Callable[[], Reader]], received: Callable[[str, int], None], pauses: Mapping[str, float] | None = None
    ) -> None:
        self._readers, self._received, self._pauses = readers, received, pauses or {}

    def list_parts(self) -> list[str]:
        """The names, one a topic."""
        return sorted(self._readers)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_KafkaPart":  # noqa: ARG002 - Bytewax's signature
        """Open one topic at the positions of the table it feeds."""
        return _KafkaPart(for_part, self._readers[for_part](), self._received, timedelta(seconds=self._pauses.get(for_part, 0)))


class _KafkaPart(StatefulSourcePartition[tuple[str, pa.Table], None]):
    def __init__(self, name: str, reader: Reader, received: Callable[[str, int], None], pause: timedelta) -> None:
        self._name, self._reader, self._received, self._pause = name, reader, received, pause
        self._awake: datetime | None = None

    def next_batch(self) -> list[tuple[str, pa.Table]]:
        table = self._reader.read()
        self._awake = datetime.now(UTC) + self._pause if self._pause else None
        if table is None:
            return []
        self._received(self._name, table.num_rows)
        return [(self._name, table)]

    def next_awake(self) -> datetime | None:
        return self._awake

    def snapshot(self) -> None:
        return None

    def close(self) -> None:
        self._reader.close()


class Outbox:
    """Records on their way to Kafka; `flush` returns when every one has arrived."""

    def __init__(self, kafka: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": kafka,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",  # as ingest and every Java client: a key has one partition, whoever sends it
                "linger.ms": 2,
                "log_level": 2,
                "reconnect.backoff.max.ms": 1000,
            }
        )
        self._failed: KafkaError | None = None

    def send(self, topic: str, key: str, value: bytes) -> None:
        """Hand over one record. Raises Transient where Kafka takes none for long."""
        try:
            self._producer.produce(topic, value, key.encode(), on_delivery=self._delivered)
        except BufferError:
            self.flush()
            self._producer.produce(topic, value, key.encode(), on_delivery=self._delivered)
        self._producer.poll(0)

    def flush(self, seconds: float = 60) -> None:
        """Wait until all has arrived. Raises Transient where it did not: the caller starts again from its last position."""
        left = self._producer.flush(seconds)
        if left or self._failed:
            raise Transient(f"{left} records did not reach Kafka in {seconds:g} s: {self._failed or 'no answer'}")

    def _delivered(self, error: KafkaError | None, message: Any) -> None:  # noqa: ARG002 - the client's signature
        self._failed = self._failed or error
