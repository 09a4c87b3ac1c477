"""What a dataflow shows of itself to Prometheus."""

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from cloud_stream.connectors.delta import Committed
from contracts.observability import BATCH, QUEUE_AGE, RECEIVED, REJECTED, SENT


class FlowMetrics:
    """Counters of one dataflow process, labelled by table or topic."""

    def __init__(self, flow: str) -> None:
        process = f"flow_{flow}"
        self.received = Counter(RECEIVED.format(process=process).removesuffix("_total"), "rows taken in", ["name"])
        self.sent = Counter(SENT.format(process=process).removesuffix("_total"), "rows made visible", ["name"])
        self.rejected = Counter(REJECTED.format(process=process).removesuffix("_total"), "rows refused or passed over", ["reason"])
        self.batch = Histogram(BATCH.format(process=process), "time of one commit", ["name"])
        self.age = Gauge(QUEUE_AGE.format(process=process), "age of the newest frame when it took effect", ["name"])

    def took(self, name: str, rows: int) -> None:
        """Rows came in."""
        self.received.labels(name).inc(rows)

    def committed(self, name: str, seconds: float, done: Committed) -> None:
        """One commit was made."""
        self.batch.labels(name).observe(seconds)
        for table, rows in done.rows.items():
            self.sent.labels(table).inc(rows)
        for reason, rows in done.refused.items():
            self.rejected.labels(reason).inc(rows)

    @staticmethod
    def serve(port: int) -> None:
        """Answer on loopback, unless the port is 0."""
        if port:
            start_http_server(port, addr="127.0.0.1")
