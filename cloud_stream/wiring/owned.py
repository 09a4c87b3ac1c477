"""Which Kafka partitions a dataflow process owns."""

from functools import partial

from cloud_stream.connectors import kafka
from cloud_stream.settings import FlowSettings
from cloud_stream.waiting import patiently
from contracts.topics import BY_KIND, REJECTED, mirrored
from lakehouse.positions import Source

TOPICS: dict[str, str] = {**{str(kind): mirrored(topic) for kind, topic in BY_KIND.items()}, "rejected": mirrored(REJECTED)}
TELEMETRY = TOPICS["telemetry"]


def owned(settings: FlowSettings, topic: str) -> list[Source]:
    """The sources of a topic that this process owns, once Kafka answers."""
    every = patiently(partial(kafka.sources, settings.kafka, topic))
    return [source for source in every if source.partition % settings.replicas == settings.ordinal]


def known(settings: FlowSettings, topic: str, upstream: set[Source]) -> list[Source]:
    """The sources that this process owns now, and those of earlier topics of that name that its input holds rows of."""
    current = owned(settings, topic)
    mine = {source.partition for source in current}
    return sorted({*current, *(source for source in upstream if source.partition in mine)})
