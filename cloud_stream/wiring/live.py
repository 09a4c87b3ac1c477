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
from cloud_stream.steps.live import Predict, Reactor
from cloud_stream.waiting import patiently
from cloud_stream.wiring.owned import TELEMETRY, owned
from contracts.events import Score
from features.online import OnlineWriter
from features.scoring import Champion
from features.transforms import SCORABLE
from lakehouse import writer
from lakehouse.reader import open_table

MODEL = "energy_per_km"


def build(settings: FlowSettings, metrics: FlowMetrics) -> Dataflow:
    """Kafka to online features, alerts and scores."""
    patiently(lambda: writer.ensure(settings.lake, ["state.live"]))
    table = open_table(settings.lake, "state.live")
    reached = reached_of(settings.lake, "state.live", owned(settings, TELEMETRY))
    state = load_checkpoint(table.to_pyarrow_table(), reached)
    reactor = Reactor(state, _predictor(settings.mlflow))
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


def _predictor(mlflow: str) -> Predict:
    """Scores by the champion of the energy model; none where MLflow is not configured or no version was promoted."""
    if not mlflow:
        return lambda _rows: []
    champion = Champion(mlflow, MODEL, features=SCORABLE)
    champion.start()

    def predict(rows: pa.Table) -> list[Score]:
        scored = champion.score(rows)
        if scored is None:
            return []
        version, values = scored
        times = rows["event_ts"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).to_pylist()
        return [
            Score(model=MODEL, version=version, vehicle_id=vehicle, event_ts=ts, value=value, unit="Wh/km")
            for vehicle, ts, value in zip(rows["vehicle_id"].to_pylist(), times, values.tolist(), strict=True)
        ]

    return predict
