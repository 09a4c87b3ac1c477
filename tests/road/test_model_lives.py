"""A model is trained through Feast on what the road brought, scores live, and is swapped without a restart or a lost event."""

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, TopicPartition

from contracts import codec
from contracts.events import Score
from contracts.topics import PARTITIONS, SCORES
from features.models import live as models
from lakehouse import sql
from tests.road.fleets import driving
from tests.road.patience import until
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


def test_a_promoted_version_scores_live_without_a_restart(stack: Handle, fleet: traffic.Simulator) -> None:
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
    listed = models.list_models(stack.mlflow_url)
    assert [(one.version, one.aliases) for one in listed] == [(second.version, ["champion"]), (first.version, [])]
    verdict = audit(stack.plan)
    assert (verdict.lost, verdict.duplicated) == (0, 0), verdict.hops
