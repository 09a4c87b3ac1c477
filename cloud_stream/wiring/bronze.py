"""Kafka to bronze."""

from collections.abc import Callable
from functools import partial

from bytewax.dataflow import Dataflow

from cloud_stream.connectors.delta import CommitOutput, Committer
from cloud_stream.connectors.kafka import KafkaInput, Pace, TopicReader
from cloud_stream.connectors.tables import Rows, reached_of
from cloud_stream.flows import bronze
from cloud_stream.metrics import FlowMetrics
from cloud_stream.settings import FlowSettings
from cloud_stream.waiting import patiently
from cloud_stream.wiring.owned import TOPICS, owned
from lakehouse import writer
from lakehouse.tables import BRONZE_OF

PAUSES = {"cells": 2.0, "event": 2.0, "rejected": 2.0}
"""Seconds between reads of what no alert and no live feature waits for."""
GATHERING = Pace(gather_bytes=2**18)
"""Rows wait for a commit anyway: few large answers of the broker cost both sides less than many small ones."""


def build(settings: FlowSettings, metrics: FlowMetrics) -> Dataflow:
    """Kafka to bronze."""
    tables = {**{str(kind): name for kind, name in BRONZE_OF.items()}, "rejected": "bronze.rejected"}
    patiently(lambda: writer.ensure(settings.lake, tables.values()))
    reached = {name: reached_of(settings.lake, tables[name], owned(settings, topic)) for name, topic in TOPICS.items()}
    readers = {name: partial(TopicReader, settings.kafka, topic, reached[name], GATHERING) for name, topic in TOPICS.items()}
    committers: dict[str, Callable[[], Committer]] = {name: partial(Rows, settings.lake, table, reached[name]) for name, table in tables.items()}
    return bronze.build(KafkaInput(readers, metrics.took, PAUSES), CommitOutput(committers, metrics.committed))


def epoch_ms(settings: FlowSettings) -> int:
    """How long rows are gathered for a commit."""
    return settings.commit_ms
