"""How far MirrorMaker has come: read from where it keeps its own positions and states."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from contracts.errors import Transient
from contracts.topics import EDGE_ALIAS, EDGE_TOPICS, PARTITIONS
from voltlake.stack import readiness
from voltlake.stack.plan import Plan

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
        self._central = Consumer(
            quiet | {"bootstrap.servers": central, "auto.offset.reset": "earliest", "isolation.level": "read_committed", "enable.partition.eof": True}
        )
        self._mirrored: dict[Partition, int] = {}
        self._failed: dict[str, str] = {}
        self._running: dict[str, int] = {}
        self._follows = 0
        self._at_end: set[tuple[str | None, int | None]] = set()

    def look(self) -> Look:
        """Where both clusters stand now. Raises Transient while either cannot say."""
        try:
            self._catch_up()
            ends = {
                (topic, number): self._edge.get_watermark_offsets(TopicPartition(topic, number), timeout=TIMEOUT_S)[1]
                for topic in EDGE_TOPICS
                for number in range(PARTITIONS)
            }
        except KafkaException as error:
            raise _unreadable(error) from error
        return Look(ends, dict(self._mirrored), next(iter(self._failed.values()), ""))

    def check_running(self, since_ms: int) -> None:
        """Raises Transient until a task of MirrorMaker has said after that instant (epoch) that it works."""
        try:
            self._catch_up()
        except KafkaException as error:
            raise _unreadable(error) from error
        if not any(said_ms >= since_ms for said_ms in self._running.values()):
            raise Transient("no task of MirrorMaker works yet")

    def close(self) -> None:
        """Leave both clusters."""
        self._edge.close()
        self._central.close()

    def _catch_up(self) -> None:
        """Read what is new, if MirrorMaker has made its topics: before that it has mirrored nothing."""
        if not self._follows:
            known = self._central.list_topics(timeout=TIMEOUT_S).topics
            if OFFSETS not in known or STATUS not in known:
                return
            places = [TopicPartition(topic, number, 0) for topic in (OFFSETS, STATUS) for number in known[topic].partitions]
            self._central.assign(places)
            self._follows = len(places)
        self._read()

    def _read(self) -> None:
        """Until the end of both topics, or for a bounded time where they grow faster."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            for one in self._central.consume(1000, timeout=0.1):
                place = (one.topic(), one.partition())
                failed = one.error()
                if failed is None:
                    self._at_end.discard(place)
                    self._take(one)
                elif failed.code() == KafkaError._PARTITION_EOF:
                    self._at_end.add(place)
                else:
                    raise KafkaException(failed)
            if len(self._at_end) == self._follows or time.monotonic() > deadline:
                return

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
            self._running.pop(name, None)
            if body and body["state"] == "FAILED":
                self._failed[name] = f"task {name.removeprefix(TASK)} failed: {(body.get('trace') or 'it does not say why').splitlines()[0]}"
            elif body and body["state"] == "RUNNING":
                self._running[name] = one.timestamp()[1]


class MirrorReady:
    """A check for the supervisor: MirrorMaker answers, and a task of it has begun to work since it did not answer last."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._silent_ms = 0

    def __call__(self) -> None:
        """Raises Transient until then."""
        try:
            readiness.port(self._plan.ports["mirror"])
        except Transient:
            self._silent_ms = int(time.time() * 1000)
            raise
        positions = Positions(self._plan.kafka("edge"), self._plan.kafka("central"))
        try:
            positions.check_running(self._silent_ms)
        finally:
            positions.close()


def _unreadable(error: KafkaException) -> Transient:
    return Transient(f"the positions of MirrorMaker cannot be read: {error.args[0].str()}")
