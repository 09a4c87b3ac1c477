"""Kafka to online features, alerts and scores."""

import time
from functools import partial

import pyarrow as pa
from bytewax.dataflow import Dataflow

from cloud_stream.connectors.delta import CommitOutput
from cloud_stream.connectors.kafka import KafkaInput, TopicReader
from cloud_stream.connectors.tables import reached_of
from cloud_stream.connectors.world import World
from cloud_stream.flows import live
from cloud_stream.metrics import FlowMetrics
from cloud_stream.settings import FlowSettings
from cloud_stream.steps.checkpoint import load as load_checkpoint
from cloud_stream.steps.live import Reactor
from cloud_stream.waiting import patiently
from cloud_stream.wiring.owned import TELEMETRY, owned
from cloud_stream.wiring.scores import predictor
from features.online import OnlineWriter
from lakehouse import writer
from lakehouse.reader import open_table


def build(settings: FlowSettings, metrics: FlowMetrics) -> Dataflow:
    """Kafka to online features, alerts and scores."""
    patiently(lambda: writer.ensure(settings.lake, ["state.live"]))
    table = open_table(settings.lake, "state.live")
    reached = reached_of(settings.lake, "state.live", owned(settings, TELEMETRY))
    state = load_checkpoint(table.to_pyarrow_table(), reached)
    reactor = Reactor(state, predictor(settings.mlflow))
    reader = partial(TopicReader, settings.kafka, TELEMETRY, reached, most=5_000, wait_s=0.04)

    def observe(rows: pa.Table) -> None:
        if rows.num_rows:
            newest = rows["event_ts"].cast(pa.int64()).to_numpy().max() / 1e6
            metrics.age.labels("online").set(time.time() - newest)

    world = partial(World, settings.lake, settings.kafka, OnlineWriter(settings.redis), reactor, observe)
    return live.build(KafkaInput({"telemetry": reader}, metrics.took), reactor.step, CommitOutput({"telemetry": world}, metrics.committed))


def epoch_ms(settings: FlowSettings) -> int:  # noqa: ARG001 - every composition has it
    """Effects go out at once; an epoch only bounds how often Kafka's acknowledgements are waited for."""
    return 100
