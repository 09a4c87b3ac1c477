"""A throw-away CA for the session; a broker, a mock cluster and an ingest for each test that asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from road.certificates import Authority
from road.servers import MockKafka, broker, ingest


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def mqtt_port(tmp_path: Path) -> Iterator[int]:
    with broker(tmp_path) as port:
        yield port


@pytest.fixture
def mock_kafka() -> MockKafka:
    """librdkafka's mock cluster: not Kafka."""
    return MockKafka()


@pytest.fixture
def ingest_port(authority: Authority, tmp_path: Path, mock_kafka: MockKafka) -> Iterator[int]:
    with ingest(authority, tmp_path, mock_kafka.bootstrap) as port:
        yield port
