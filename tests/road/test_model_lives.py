"""A model is trained through Feast on what the road brought, scores live, and is swapped without a restart or a lost event. A pack is scored too."""

import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from confluent_kafka import Consumer, TopicPartition

from contracts import codec
from contracts.events import Cells, Score, Telemetry
from contracts.topics import PARTITIONS, SCORES
from features import registry
from features.models import live as models
from features.models.battery import INPUTS, CellFault
from lakehouse import sql
from tests.road.fleets import driving
from tests.road.patience import until
from tests.road.sensor import sensor
from voltlake.audit import audit
from voltlake.demo import traffic
from voltlake.stack.handle import Handle

pytestmark = [pytest.mark.stack, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def fleet(stack: Handle) -> Iterator[traffic.Simulator]:
    with driving(stack, "modelled", 120, 1.0) as one:
        yield one


def driven_minutes(stack: Handle) -> int:
    """Closed minutes in which a vehicle went at least 200 m, its first apart (nothing is known at its start): what the model learns from."""
    question = """
        WITH minutes AS (SELECT *, min(minute) OVER (PARTITION BY vehicle_id) AS first FROM gold.vehicle_minutes)
        SELECT count(DISTINCT (vehicle_id, minute)) AS n FROM minutes WHERE minute > first AND odometer_m_max - odometer_m_min >= 200
    """
    return int(sql.query(stack.lake, question).to_pylist()[0]["n"])


def scores(stack: Handle, seconds: float = 60) -> Iterator[Score]:
    """Scores as they come, from now on."""
    consumer = Consumer({"bootstrap.servers": stack.kafka_central, "group.id": "scores", "enable.auto.commit": False})
    places = [TopicPartition(SCORES, part) for part in range(PARTITIONS)]
    consumer.assign([TopicPartition(SCORES, place.partition, consumer.get_watermark_offsets(place, timeout=10)[1]) for place in places])
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            for message in consumer.consume(100, 0.5):
                if message.error() is None:
                    yield codec.decode(message.value() or b"", Score)
    finally:
        consumer.close()


def promote_a_pack_model(stack: Handle) -> None:
    """A champion that takes a cell for faulty that is far below the others."""
    rows = pd.DataFrame(np.random.default_rng(0).normal(0, 4, (2000, len(INPUTS))), columns=list(INPUTS))
    model = CellFault(max_iter=20).fit(rows, (rows["below"] > 4).to_numpy(), np.ones(len(rows)))
    version = registry.log(stack.mlflow_url, "battery_fault_v1", model, rows.head(3), {"params": {}, "metrics": {}, "tags": {}})
    registry.promote(stack.mlflow_url, "battery_fault_v1", version)


def catch_up(stack: Handle, vehicle: str) -> None:
    """A car that was out of reach for four hours and more sends what it has: frames and cells, one of them low."""
    random = np.random.default_rng(1)
    now_ms = int(time.time() * 1000)
    with sensor(stack.mqtt_port, vehicle, "eu-north") as unit:
        for seq, ts in enumerate(range(now_ms - 5 * 3_600_000, now_ms, 300_000)):
            volts = np.round(3.7 + random.normal(0, 0.002, 24) - 0.05 * (np.arange(24) == 6), 3)
            unit.publish(vehicle, "telemetry", codec.encode(Telemetry(ts, {"pack_a": 5.0})), f"0000000a/{seq}")
            unit.publish(vehicle, "cells", codec.encode(Cells(ts, volts.tolist(), [25.0] * 4)), f"0000000a/{seq}")
        until(lambda: unit.told("safe", vehicle, "cells").pairs() == [(0, 59)], "the cells to be safe", 60)


def test_a_promoted_version_scores_live_without_a_restart(stack: Handle, fleet: traffic.Simulator) -> None:
    promote_a_pack_model(stack)
    until(lambda: driven_minutes(stack) >= 60, "driven minutes in gold", 200)
    live = stack.processes["flow-live"].pid

    def train() -> models.TrainedModel:
        return models.train(stack.lake, stack.layout.features, stack.redis_url, stack.mlflow_url, print)

    first = train()
    assert first.champion, "the first version becomes the champion"
    score = next(scores(stack), None)
    assert score is not None
    assert (score.model, score.version, score.unit) == ("energy_per_km", first.version, "Wh/km")
    second = train()
    assert not second.champion, "a later one waits for a person"
    models.promote(stack.mlflow_url, "energy_per_km", second.version)
    assert next((one for one in scores(stack) if one.version == second.version), None), "the promoted version scores"
    assert stack.processes["flow-live"].pid == live, "the flow was not restarted"
    listed = [one for one in models.list_models(stack.mlflow_url) if one.name == "energy_per_km"]
    assert [(one.version, one.aliases) for one in listed] == [(second.version, ["champion"]), (first.version, [])]
    coming = scores(stack)
    next(coming)
    catch_up(stack, "PACK-1")
    pack = next((one for one in coming if one.model == "battery_fault_v1"), None)
    assert pack is not None, "a score once three hours of the pack are over"
    assert (pack.vehicle_id, pack.version, pack.unit, pack.about) == ("PACK-1", "1", "score", "cell 7")
    verdict = audit(stack.plan)
    assert (verdict.lost, verdict.duplicated) == (0, 0), verdict.hops
