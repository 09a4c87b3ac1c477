"""The simulator's metrics, named after `contracts.observability`, on loopback."""

from prometheus_client import CollectorRegistry, Gauge, start_http_server
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from contracts import observability
from contracts.errors import Terminal


class _Counts(Collector):
    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.refused = 0

    def collect(self) -> list[CounterMetricFamily]:
        """The counters as they were shown last."""
        plain = [CounterMetricFamily(name.removesuffix("_total"), "messages", value=value) for name, value in self.values.items()]
        rejected = CounterMetricFamily(observability.REJECTED.format(process="simulator").removesuffix("_total"), "messages", labels=["reason"])
        rejected.add_metric(["broker"], self.refused)
        return [*plain, rejected]


class Metrics:
    """Counts as they were shown last; served where the port is not 0. Raises Terminal where the port is taken."""

    def __init__(self, port: int) -> None:
        registry = CollectorRegistry()
        self._counts = _Counts()
        registry.register(self._counts)
        self._pending = Gauge("simulator_outbox_messages", "messages that are not safe yet", registry=registry)
        if port:
            try:
                start_http_server(port, addr="127.0.0.1", registry=registry)
            except OSError as error:
                raise Terminal(f"cannot serve metrics on port {port}: {error.strerror}; choose another SIMULATOR_METRICS_PORT") from None

    def show(self, published: int, acknowledged: int, refused: int, pending: int) -> None:
        """Show these counts from now on."""
        self._counts.values = {
            observability.RECEIVED.format(process="simulator"): published,
            observability.SENT.format(process="simulator"): acknowledged,
        }
        self._counts.refused = refused
        self._pending.set(pending)
