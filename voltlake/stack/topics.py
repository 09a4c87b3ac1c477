"""The Kafka topics of both clusters: made by the stack before anybody uses them."""

from collections.abc import Mapping
from pathlib import Path

import yaml
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from contracts.errors import Terminal, Transient
from contracts.topics import CENTRAL_TOPICS, EDGE_TOPICS, PARTITIONS, mirrored

TIMEOUT_S = 5.0
Settings = dict[str, dict[str, str]]


def wanted(cluster: str, file: Path) -> Settings:
    """`{topic: settings}` of a cluster, with the settings of `deploy/kafka/topics.yaml`.

    The mirrored topics are made too, so that the flows need not wait for MirrorMaker.
    """
    groups: dict[str, dict[str, object]] = yaml.safe_load(file.read_text())
    named = {
        "edge": dict.fromkeys(EDGE_TOPICS, groups["edge"]),
        "central": dict.fromkeys(CENTRAL_TOPICS, groups["central"]) | {mirrored(topic): groups["mirrored"] for topic in EDGE_TOPICS},
    }
    return {topic: {name: str(value) for name, value in settings.items()} for topic, settings in named[cluster].items()}


def provide(bootstrap: str, topics: Mapping[str, Mapping[str, str]]) -> None:
    """Make those that are missing. Raises Transient while the broker cannot, Terminal where it refuses."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2, "socket.timeout.ms": 5000})
    try:
        present = admin.list_topics(timeout=TIMEOUT_S).topics
        missing = [
            NewTopic(name, num_partitions=PARTITIONS, replication_factor=1, config=dict(settings))
            for name, settings in topics.items()
            if name not in present
        ]
        made = admin.create_topics(missing, operation_timeout=TIMEOUT_S) if missing else {}
        for name, future in made.items():
            _await(name, future)
    except KafkaException as error:
        raise Transient(f"Kafka on {bootstrap} is not ready: {error.args[0].str()}") from error


def _await(name: str, future: object) -> None:
    try:
        future.result(TIMEOUT_S)  # type: ignore[attr-defined]
    except TimeoutError as error:
        raise Transient(f"topic {name} was not made within {TIMEOUT_S:.0f} s") from error
    except KafkaException as error:
        reason = error.args[0]
        if reason.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return
        if reason.code() in (KafkaError.INVALID_CONFIG, KafkaError.POLICY_VIOLATION, KafkaError.TOPIC_AUTHORIZATION_FAILED):
            raise Terminal(f"topic {name} cannot be made: {reason.str()}") from error
        raise
