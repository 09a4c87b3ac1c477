"""One real Kafka broker on loopback, with the settings of the stack's central cluster, and a way to fill its topics."""

import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from contracts.errors import Terminal
from contracts.topics import EDGE_TOPICS, PARTITIONS, mirrored
from voltlake.settings import surroundings
from voltlake.stack.composition import Options, java_parts
from voltlake.stack.plan import Plan, listeners
from voltlake.stack.ports import allot
from voltlake.stack.programs import choose
from voltlake.stack.servers import servers


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    """The bootstrap address of a broker with the mirrored topics, until the block ends."""
    around = surroundings(os.environ)
    regions = Options().regions
    plan = Plan(data=folder, regions=regions, gateways=1, ports=allot([*listeners(regions, 1), "dashboards"], folder, {}))
    plan.layout.make()
    programs = choose(around.search)
    java = java_parts(programs, around, plan, lambda _text: None)
    service = next(one for one in servers(plan, programs, java, around.environ) if one.name == "kafka-central")
    subprocess.run(service.prepare, env=service.environ, check=True, capture_output=True)
    with (folder / "kafka.log").open("wb") as log, subprocess.Popen(service.command, env=service.environ, stdout=log, stderr=log) as process:
        try:
            address = plan.kafka("central")
            _make_topics(address)
            yield address
        finally:
            process.terminate()
            process.wait(30)


def _make_topics(address: str) -> None:
    admin, deadline = AdminClient({"bootstrap.servers": address, "log_level": 0}), time.monotonic() + 60
    while True:
        try:
            admin.list_topics(timeout=2)
            break
        except KafkaException:
            if time.monotonic() > deadline:
                raise Terminal("the broker did not answer within a minute") from None
    for made in admin.create_topics([NewTopic(mirrored(topic), PARTITIONS, 1) for topic in EDGE_TOPICS]).values():
        made.result(30)


def producer(address: str) -> Producer:
    """As ingest's: idempotent, the same partitions for the same keys."""
    settings = {"bootstrap.servers": address, "enable.idempotence": True, "partitioner": "murmur2_random", "compression.type": "lz4"}
    return Producer(settings | {"linger.ms": 5, "queue.buffering.max.messages": 1_000_000, "log_level": 2})


def fill(sender: Producer, topic: str, records: Iterable[tuple[str, bytes]]) -> int:
    """Send them all; how many. Returns when all have arrived."""
    count = 0
    for key, value in records:
        while True:
            try:
                sender.produce(topic, value, key)
                break
            except BufferError:
                sender.poll(0.05)
        count += 1
        if not count % 1000:
            sender.poll(0)
    if sender.flush(120):
        raise Terminal("not all records reached the broker")
    return count
