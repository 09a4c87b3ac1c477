"""What ingest measures of itself."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from contracts import observability
from contracts.errors import Terminal

_PROCESS = "ingest"
_HOST = "127.0.0.1"


class Metrics:
    """Counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = Counter(observability.RECEIVED.format(process=_PROCESS), "records in requests of the right shape", registry=self.registry)
        self.sent = Counter(observability.SENT.format(process=_PROCESS), "records that Kafka acknowledged", registry=self.registry)
        self.rejected = Counter(
            observability.REJECTED.format(process=_PROCESS), "requests refused, by error code", ["reason"], registry=self.registry
        )
        self.errors = Counter(observability.ERRORS.format(process=_PROCESS), "records that Kafka did not take", ["kind"], registry=self.registry)
        self.batch = Histogram(observability.BATCH.format(process=_PROCESS), "from a request to its answer", registry=self.registry)
        self.in_flight = Gauge("ingest_in_flight_records", "records that wait for Kafka", registry=self.registry)

    def serve(self, port: int) -> None:
        """Answer on loopback; nothing where the port is 0. Raises Terminal where the port is taken."""
        if not port:
            return
        try:
            start_http_server(port, _HOST, self.registry)
        except OSError as error:
            raise Terminal(f"metrics port {port} cannot be had: {error.strerror}; set INGEST_METRICS_PORT to a free one") from None
