"""A real Redis, a real lake, Kafka's protocol in memory, one dashboard process and one browser, for all tests here."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.dashboards.made import Dashboard, MockCluster, chromium, free_port, open_browser, redis_server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server(free_port()) as url:
        yield url


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    found = chromium()
    if found is None:
        pytest.skip("Chromium or its driver is not installed; on Debian: apt-get install chromium chromium-driver")
    driver = open_browser(found, tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def mock_cluster() -> MockCluster:
    return MockCluster()


@pytest.fixture(scope="session")
def shown_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake that `dashboard` shows; each test publishes the fleet that it needs."""
    return tmp_path_factory.mktemp("shown") / "lake"


@pytest.fixture(scope="session")
def dashboard(mock_cluster: MockCluster, shown_lake: Path, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """One that runs, for all tests that leave it running."""
    log = tmp_path_factory.mktemp("dashboard") / "log"
    running = Dashboard(free_port(), mock_cluster.address, shown_lake, redis_url, log)
    running.start()
    yield running
    running.end()
