"""Kafka for a command that runs once: send some records, or read a topic from now or from its beginning."""

from collections.abc import Iterable, Iterator
from types import TracebackType

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, Producer, TopicPartition

from contracts.errors import Transient
from contracts.topics import PARTITIONS

WAIT_S = 10.0


def send(kafka: str, topic: str, records: Iterable[tuple[str, bytes]], partitions: Iterable[int] | None = None) -> None:
    """Send `(key, value)` records, or each to every one of `partitions`. Raises Transient where Kafka did not take them."""
    producer = Producer({"bootstrap.servers": kafka, "enable.idempotence": True, "acks": "all", "log_level": 0})
    failed: list[str] = []

    def told(error: object, _message: object) -> None:
        if error is not None:
            failed.append(str(error))

    for key, value in records:
        for partition in [-1] if partitions is None else partitions:
            producer.produce(topic, value, key.encode(), partition=partition, on_delivery=told)
    left = producer.flush(WAIT_S)
    if left or failed:
        raise Transient(f"Kafka at {kafka} did not take the command: {failed[0] if failed else 'no answer'}")


class Follower:
    """The records of a topic, from now on or from its beginning."""

    def __init__(self, kafka: str, topic: str, *, beginning: bool = False) -> None:
        self._topic = topic
        self._consumer = Consumer({"bootstrap.servers": kafka, "group.id": "voltlake-command", "enable.auto.commit": False, "log_level": 0})
        places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        try:
            self.ends = {place.partition: self._consumer.get_watermark_offsets(place, timeout=WAIT_S)[1] for place in places}
        except KafkaException as error:
            raise Transient(f"Kafka at {kafka}: {error.args[0].str()}") from None
        starts = [TopicPartition(topic, at, OFFSET_BEGINNING if beginning else end or OFFSET_END) for at, end in self.ends.items()]
        self._consumer.assign(starts)

    def read(self, seconds: float = 0.2) -> list[bytes]:
        """What came within that time."""
        return [record.value() or b"" for record in self._consumer.consume(1000, seconds) if record.error() is None]

    def whole(self) -> Iterator[bytes]:
        """All up to where the topic ended when it was opened."""
        left = {at for at, end in self.ends.items() if end > 0}
        for place in self._consumer.assignment():
            low, high = self._consumer.get_watermark_offsets(place, timeout=WAIT_S)
            if low >= high:
                left.discard(place.partition)
        while left:
            records = self._consumer.consume(1000, 1.0)
            for record in records:
                if record.error() is None:
                    yield record.value() or b""
            for place in self._consumer.position([TopicPartition(self._topic, at) for at in left]):
                if place.offset >= self.ends[place.partition]:
                    left.discard(place.partition)

    def __enter__(self) -> "Follower":
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._consumer.close()
