"""What the dashboard measures of itself."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from contracts import observability
from contracts.errors import Terminal

_PROCESS = "dashboard"
_HOST = "127.0.0.1"


class Metrics:
    """Counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = Counter(
            observability.RECEIVED.format(process=_PROCESS), "alerts and versions of gold that were read", ["feed"], registry=self.registry
        )
        self.sent = Counter(observability.SENT.format(process=_PROCESS), "updates pushed to browsers", registry=self.registry)
        self.rejected = Counter(observability.REJECTED.format(process=_PROCESS), "alerts that could not be read", ["reason"], registry=self.registry)
        self.errors = Counter(observability.ERRORS.format(process=_PROCESS), "attempts that had to be repeated", ["kind"], registry=self.registry)
        self.batch = Histogram(observability.BATCH.format(process=_PROCESS), "reading one version of gold", registry=self.registry)
        self.gold_age = Gauge(observability.QUEUE_AGE.format(process=_PROCESS), "age of the newest frame in gold", registry=self.registry)
        self.browsers = Gauge(f"{_PROCESS}_browsers", "pages that are open", registry=self.registry)

    def serve(self, port: int) -> None:
        """Answer on loopback; nothing where the port is 0. Raises Terminal where the port is taken."""
        if not port:
            return
        try:
            start_http_server(port, _HOST, self.registry)
        except OSError as error:
            raise Terminal(f"metrics port {port} cannot be had: {error.strerror}; set DASHBOARD_METRICS_PORT to a free one") from None
