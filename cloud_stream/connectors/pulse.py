"""A heartbeat for what has to happen while nothing comes: Kafka's time moves on, and a rules file may have changed."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it is, though not by name

from cloud_stream.alerting.reading import Loaded, parsed
from contracts.errors import Terminal

log = logging.getLogger(__name__)
IDLE_S = 10.0
SCHEMA = pa.schema([("clock_ms", pa.int64())])


class Pulse:
    """One row with Kafka's time, where that is known: it answers, and the end of the topic has not moved for a while.

    Then nothing older than now is to come from Kafka, and its clock can be taken as far as that while ago. Otherwise the row holds 0.
    """

    def __init__(self, kafka: str, topic: str, partitions: list[int]) -> None:
        self._asked = {TopicPartition(topic, partition): OffsetSpec.latest() for partition in partitions}
        self._client = AdminClient({"bootstrap.servers": kafka, "log_level": 2})
        self._ends: list[int] = []
        self._moved = time.monotonic()

    def read(self) -> pa.Table:
        """Look once."""
        try:
            ends = [answer.result().offset for answer in self._client.list_offsets(self._asked, request_timeout=0.5).values()]
        except KafkaException:
            self._moved = time.monotonic()
            return pa.table({"clock_ms": [0]}, SCHEMA)
        if ends != self._ends:
            self._ends, self._moved = ends, time.monotonic()
        idle = time.monotonic() - self._moved >= IDLE_S
        return pa.table({"clock_ms": [round((time.time() - IDLE_S) * 1000) if idle else 0]}, SCHEMA)

    def close(self) -> None:
        """Nothing is held."""


def watched(path: str, known: str) -> Callable[[], Loaded | None]:
    """Asks for the rules of a file once they are other than the known version. A wrong file is refused in the log; the old rules stay."""
    seen: dict[str, object] = {"text": None, "version": known}

    def changed() -> Loaded | None:
        try:
            text = Path(path).read_text()
        except (OSError, UnicodeDecodeError):
            return None
        if text == seen["text"]:
            return None
        seen["text"] = text
        try:
            loaded = parsed(text, path)
        except Terminal as wrong:
            log.error("the old alert rules stay: %s", wrong)
            return None
        if loaded.version == seen["version"]:
            return None
        seen["version"] = loaded.version
        log.info("alert rules of version %s: %d rules", loaded.version, len(loaded.rules))
        return loaded

    return changed
