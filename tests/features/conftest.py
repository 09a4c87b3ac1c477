"""A real Redis, a real lake and an applied feature store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from feast import FeatureStore

from features.store import apply, open_store
from lakehouse import writer
from tests.features.made import add, frames, free_port, minutes, redis_server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server(free_port()) as url:
        yield url


@pytest.fixture
def empty_redis(redis_url: str) -> str:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    return redis_url


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight vehicles, ten minutes. Nobody writes to it: tests that write make their own."""
    place = tmp_path_factory.mktemp("lake")
    add(place, "silver.telemetry", frames(8, 600))
    add(place, "gold.vehicle_minutes", minutes(8, 10))
    writer.ensure(str(place), ["gold.trips", "gold.charging_sessions", "gold.battery_daily"])
    return place


@pytest.fixture(scope="session")
def repo(tmp_path_factory: pytest.TempPathFactory, lake: Path, redis_url: str) -> Path:
    """The folder of an applied feature store."""
    folder = tmp_path_factory.mktemp("repo")
    apply(folder, str(lake), redis_url)
    return folder


@pytest.fixture(scope="session")
def store(repo: Path, lake: Path, redis_url: str) -> FeatureStore:
    return open_store(repo, str(lake), redis_url)
