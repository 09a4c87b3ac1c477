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
            observability.RECEIVED.format(process=_PROCESS), "records and versions of gold read", ["feed"], registry=self.registry
        )
        self.sent = Counter(observability.SENT.format(process=_PROCESS), "updates told to open pages", registry=self.registry)
        self.rejected = Counter(observability.REJECTED.format(process=_PROCESS), "records that could not be read", ["reason"], registry=self.registry)
        self.errors = Counter(observability.ERRORS.format(process=_PROCESS), "attempts that had to be repeated", ["kind"], registry=self.registry)
        self.batch = Histogram(observability.BATCH.format(process=_PROCESS), "reading one version of gold", registry=self.registry)
        self.gold_age = Gauge(observability.QUEUE_AGE.format(process=_PROCESS), "age of the newest frame that is known", registry=self.registry)
        self.browsers = Gauge(f"{_PROCESS}_browsers", "pages that are open", registry=self.registry)
        self.subscribers = Gauge(f"{_PROCESS}_feed_subscribers", "readers of the public live feed", registry=self.registry)
        self.published = Counter(f"{_PROCESS}_feed_messages_total", "messages sent on the public live feed", registry=self.registry)
        self.skipped = Counter(f"{_PROCESS}_feed_skipped_total", "messages that slow readers of the public feed were spared", registry=self.registry)
        self.turn = Histogram(f"{_PROCESS}_turn_seconds", "telling all listeners once", registry=self.registry)
        self.answer = Histogram(f"{_PROCESS}_answer_seconds", "answering a question, by what was asked", ["question"], registry=self.registry)
        self.signins = Counter(f"{_PROCESS}_signins_total", "tries to sign in", ["outcome"], registry=self.registry)
        self.commands = Counter(f"{_PROCESS}_commands_total", "operators' acts sent to Kafka", ["act"], registry=self.registry)

    def serve(self, port: int) -> None:
        """Answer on loopback; nothing where the port is 0. Raises Terminal where the port is taken."""
        if not port:
            return
        try:
            start_http_server(port, _HOST, self.registry)
        except OSError as error:
            raise Terminal(f"metrics port {port} cannot be had: {error.strerror}; set DASHBOARD_METRICS_PORT to a free one") from None
