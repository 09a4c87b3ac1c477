"""What upkeep shows of itself to Prometheus."""

from prometheus_client import Counter, Histogram, start_http_server

from contracts.observability import BATCH, ERRORS
from lakehouse.upkeep.care import Done


class UpkeepMetrics:
    """Counters by table."""

    def __init__(self) -> None:
        self.files = Counter("upkeep_files", "files that a table is rid of", ["table", "by"])
        self.conflicts = Counter("upkeep_conflicts", "merges that were put off", ["table"])
        self.round = Histogram(BATCH.format(process="upkeep"), "time of one round", ["table"])
        self.errors = Counter(ERRORS.format(process="upkeep").removesuffix("_total"), "rounds that failed", ["kind"])

    def done(self, did: Done, seconds: float) -> None:
        """One table was looked after."""
        for by, count in (("merging", did.merged), ("age", did.expired), ("log", did.shortened), ("vacuum", did.vacuumed)):
            self.files.labels(did.table, by).inc(max(count, 0))
        self.conflicts.labels(did.table).inc(did.conflicts)
        self.round.labels(did.table).observe(seconds)

    @staticmethod
    def serve(port: int) -> None:
        """Answer on loopback, unless the port is 0."""
        if port:
            start_http_server(port, addr="127.0.0.1")
