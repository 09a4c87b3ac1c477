"""What one gateway measures of itself."""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from contracts import observability
from contracts.errors import Terminal

_PROCESS = "gateway"
_HOST = "127.0.0.1"


class Metrics:
    """Counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = Counter(observability.RECEIVED.format(process=_PROCESS), "messages on disk and acknowledged", registry=self.registry)
        self.sent = Counter(observability.SENT.format(process=_PROCESS), "messages that ingest took", registry=self.registry)
        self.rejected = Counter(
            observability.REJECTED.format(process=_PROCESS), "messages that became a rejection", ["reason"], registry=self.registry
        )
        self.errors = Counter(observability.ERRORS.format(process=_PROCESS), "attempts that had to be repeated", ["kind"], registry=self.registry)
        self.batch = Histogram(observability.BATCH.format(process=_PROCESS), "from the first attempt of a batch to its end", registry=self.registry)
        self.commit = Histogram(
            f"{_PROCESS}_commit_records",
            "messages in one group commit",
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000),
            registry=self.registry,
        )
        self.acks = Counter(f"{_PROCESS}_acks_total", "acks to sensors", registry=self.registry)

    def watch(self, oldest_ms: Callable[[], int | None], backlog_bytes: Callable[[], int], connected: Callable[[], bool]) -> None:
        """Gauges that are read when someone asks."""
        age = Gauge(observability.QUEUE_AGE.format(process=_PROCESS), "age of the oldest message that is not safe", registry=self.registry)
        age.set_function(lambda: max(0.0, time.time() - oldest / 1000) if (oldest := oldest_ms()) is not None else 0.0)
        Gauge(f"{_PROCESS}_spool_bytes", "undelivered bytes on the spool", registry=self.registry).set_function(backlog_bytes)
        Gauge(f"{_PROCESS}_connected", "1 while subscribed at the broker", registry=self.registry).set_function(lambda: float(connected()))

    def serve(self, port: int) -> None:
        """Answer on loopback; nothing where the port is 0. Raises Terminal where the port is taken."""
        if not port:
            return
        try:
            start_http_server(port, _HOST, self.registry)
        except OSError as error:
            raise Terminal(f"metrics port {port} cannot be had: {error.strerror}; set GATEWAY_METRICS_PORT to a free one") from None
