"""What tests of several packages share: one whole stack of real servers for all of them."""

import os
from collections.abc import Iterator

import pytest

from voltlake.settings import surroundings
from voltlake.stack.composition import Options
from voltlake.stack.handle import Handle
from voltlake.stack.ports import allot
from voltlake.stack.start import running


@pytest.hookimpl(wrapper=True)  # before the plugin that deals groups out to processes looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Tests of the shared stack come first and share one process, and so one stack, while another process runs all the rest."""
    items.sort(key=lambda item: (item.get_closest_marker("stack") is None, "stack" not in getattr(item, "fixturenames", ())))
    for item in items:
        if item.get_closest_marker("stack"):
            shared = "stack" in getattr(item, "fixturenames", ())
            item.add_marker(pytest.mark.xdist_group("stack" if shared else item.path.stem))
    yield


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handle]:
    """The whole stack, two regions of two gateways, in a folder of its own; a test leaves it running as it found it.

    Addresses: `mqtt_port`, `kafka_edge`, `kafka_central`, `ingest_url`, `redis_url`, `dashboard_url`, `lake`, `ledger`, `data`;
    `processes[name].pid`, `kill(name)`, `wait_running(name, other_than=pid)`.
    """
    data = tmp_path_factory.mktemp("stack")
    page = allot(["dashboards"], data / "page", {})["dashboards"]
    with running(Options(data=data, gateways=2, dashboard_port=page), surroundings(os.environ), print):
        yield Handle(data)
