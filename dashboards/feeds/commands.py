"""Operators' acts, to `alerts.commands.v1`: told as done only when Kafka has them."""

import threading
from collections.abc import Sequence

from confluent_kafka import KafkaException, Producer

from contracts import codec, topics
from contracts.errors import Transient
from contracts.events import AlertCommand

PATIENCE_S = 10.0
EVERYBODY = "*"
"""The vehicle of a command that every owner of a partition must apply."""


class Commands:
    """One producer for all operators. Made at the first act, so that a dashboard that is only looked at needs no connection for it."""

    def __init__(self, kafka: str) -> None:
        self._kafka = kafka
        self._lock = threading.Lock()
        self._producer: Producer | None = None

    def send(self, commands: Sequence[AlertCommand]) -> None:
        """All of them, in order, each keyed by its vehicle, what is for all vehicles once to each partition.

        Raises Transient where Kafka did not take them all: then some may have gone.
        """
        failed: list[str] = []

        def told(error: object, _message: object) -> None:
            if error is not None:
                failed.append(str(error))

        with self._lock:
            producer = self._producer = self._producer or Producer(self._settings())
            try:
                for command in commands:
                    for partition in range(topics.PARTITIONS) if command.vehicle_id == EVERYBODY else (-1,):
                        producer.produce(topics.ALERT_COMMANDS, codec.encode(command), command.vehicle_id, partition, told)
                left = producer.flush(PATIENCE_S)
            except (KafkaException, BufferError) as error:
                raise Transient(f"Kafka does not take the act: {error}") from error
            if left:
                producer.purge()
                producer.flush(1.0)
        if left or failed:
            raise Transient(f"Kafka did not take the act in time: {failed[0] if failed else 'no broker answers'}; try again")

    def _settings(self) -> dict[str, object]:
        return {
            "bootstrap.servers": self._kafka,
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 0,
            "delivery.timeout.ms": int(PATIENCE_S * 1000),
            "reconnect.backoff.max.ms": 1000,
            "log_level": 2,
        }
