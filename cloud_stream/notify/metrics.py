"""What the notifying process shows of itself to Prometheus."""

from prometheus_client import CollectorRegistry, Counter, start_http_server

from contracts.observability import ERRORS, RECEIVED, REJECTED, SENT


class NotifyMetrics:
    """Counters, by channel."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = Counter(RECEIVED.format(process="notify").removesuffix("_total"), "alerts read", registry=self.registry)
        self.sent = Counter(SENT.format(process="notify").removesuffix("_total"), "messages delivered", ["channel"], registry=self.registry)
        self.rejected = Counter(REJECTED.format(process="notify").removesuffix("_total"), "messages given up", ["reason"], registry=self.registry)
        self.errors = Counter(ERRORS.format(process="notify").removesuffix("_total"), "attempts that failed", ["kind"], registry=self.registry)

    def serve(self, port: int) -> None:
        """Answer on loopback, unless the port is 0."""
        if port:
            start_http_server(port, addr="127.0.0.1", registry=self.registry)
