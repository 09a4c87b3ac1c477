"""How far MirrorMaker has come: read from where it keeps its own positions and states."""

from collections.abc import Mapping
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from contracts.errors import Transient
from contracts.topics import EDGE_ALIAS, EDGE_TOPICS, PARTITIONS

OFFSETS = f"mm2-offsets.{EDGE_ALIAS}.internal"
STATUS = f"mm2-status.{EDGE_ALIAS}.internal"
TASK = "status-task-MirrorSourceConnector-"
TIMEOUT_S = 2.0

Partition = tuple[str, int]


class Look(msgspec.Struct, frozen=True):
    """Edge ends and mirrored positions (both: the next offset) by partition, and why a task failed ("" = none did)."""

    ends: Mapping[Partition, int]
    mirrored: Mapping[Partition, int]
    failure: str = ""

    @property
    def behind(self) -> int:
        """How many records are still to mirror."""
        return sum(max(0, end - self.mirrored.get(partition, 0)) for partition, end in self.ends.items())


class Positions:
    """Follows the two topics. `look` may be called from any one thread at a time."""

    def __init__(self, edge: str, central: str) -> None:
        quiet = {"group.id": "voltlake-mirror-watch", "enable.auto.commit": False, "log_level": 2, "topic.metadata.refresh.interval.ms": 5000}
        self._edge = Consumer(quiet | {"bootstrap.servers": edge})
        self._central = Consumer(quiet | {"bootstrap.servers": central, "auto.offset.reset": "earliest", "isolation.level": "read_committed"})
        self._mirrored: dict[Partition, int] = {}
        self._failed: dict[str, str] = {}
        self._follows = False

    def look(self) -> Look:
        """Where both clusters stand now. Raises Transient while either cannot say."""
        try:
            if not self._follows:
                self._follow()
            self._read()
            ends = {
                (topic, number): self._edge.get_watermark_offsets(TopicPartition(topic, number), timeout=TIMEOUT_S)[1]
                for topic in EDGE_TOPICS
                for number in range(PARTITIONS)
            }
        except KafkaException as error:
            raise Transient(f"the positions of MirrorMaker cannot be read: {error.args[0].str()}") from error
        return Look(ends, dict(self._mirrored), next(iter(self._failed.values()), ""))

    def close(self) -> None:
        """Leave both clusters."""
        self._edge.close()
        self._central.close()

    def _follow(self) -> None:
        known = self._central.list_topics(timeout=TIMEOUT_S).topics
        if OFFSETS not in known or STATUS not in known:
            raise Transient("MirrorMaker has not made its topics yet")
        parts = [TopicPartition(topic, number, 0) for topic in (OFFSETS, STATUS) for number in known[topic].partitions]
        self._central.assign(parts)
        self._follows = True

    def _read(self) -> None:
        while records := self._central.consume(1000, timeout=0.1):
            for one in records:
                failed = one.error()
                if failed is None:
                    self._take(one)
                elif failed.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(failed)

    def _take(self, one: Message) -> None:
        value = one.value()
        body: Any = msgspec.json.decode(value) if value else None
        if one.topic() == OFFSETS:
            connector, place = msgspec.json.decode(one.key() or b"")
            if connector == "MirrorSourceConnector" and body:
                self._mirrored[place["topic"], place["partition"]] = body["offset"] + 1
            return
        name = (one.key() or b"").decode(errors="replace")
        if name.startswith(TASK):
            self._failed.pop(name, None)
            if body and body["state"] == "FAILED":
                self._failed[name] = f"task {name.removeprefix(TASK)} failed: {body.get('trace', '').splitlines()[0]}"
