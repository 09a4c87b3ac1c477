"""How much has come how far: read where each hop keeps it, never from what another hop claims."""

import http.client
from collections.abc import Sequence

import msgspec

from contracts.errors import Transient
from features import online
from lakehouse import reader
from voltlake.demo.traffic import Progress
from voltlake.stack.mirror_positions import Look, Positions
from voltlake.stack.plan import Plan
from voltlake.stack.ports import HOST

KINDS = ("telemetry", "cells", "events")


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Messages by hop, in the order of the road; `gold`, `online`: vehicles. None where the hop did not answer."""

    published: int = 0
    safe: int = 0
    spooled: int | None = None
    edge: int | None = None
    central: int | None = None
    bronze: int = 0
    silver: int = 0
    quarantined: int = 0
    gold: int = 0
    online: int | None = None
    alerts: int = 0


class Counters:
    """Reads them all. One thread at a time."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lake = str(plan.layout.lake)
        self._positions = Positions(plan.kafka("edge"), plan.kafka("central"))
        self._redis = online.connect(plan.redis_url)

    def close(self) -> None:
        """Leave the clusters and Redis."""
        self._positions.close()
        self._redis.close()

    def gold_rows(self) -> int:
        """Vehicles in `gold.vehicle_current`."""
        return reader.count(self._lake, "gold.vehicle_current")

    def read(self, simulators: Sequence[Progress], vehicles: Sequence[str], alerts: int) -> Counts:
        """All counts as they stand now."""
        kafka = self._kafka()
        return Counts(
            published=sum(one.published for one in simulators),
            safe=sum(one.safe for one in simulators),
            spooled=self._spooled(),
            edge=sum(kafka.ends.values()) if kafka else None,
            central=sum(kafka.mirrored.values()) if kafka else None,
            bronze=sum(reader.count(self._lake, f"bronze.{kind}") for kind in KINDS),
            silver=sum(reader.count(self._lake, f"silver.{kind}") for kind in KINDS),
            quarantined=reader.count(self._lake, "silver.quarantine"),
            gold=self.gold_rows(),
            online=self._online(vehicles),
            alerts=alerts,
        )

    def _kafka(self) -> Look | None:
        try:
            return self._positions.look()
        except Transient:
            return None

    def _online(self, vehicles: Sequence[str]) -> int | None:
        if not vehicles:
            return 0
        try:
            return sum(state != "missing" for state in online.read(self._redis, list(vehicles), ())["state"].to_pylist())
        except Transient:
            return None

    def _spooled(self) -> int | None:
        """Messages that the gateways have on disk and not yet delivered, since their last start."""
        pages = [_metrics(self._plan.ports[f"gateway-{gateway}-metrics"]) for gateway, _ in self._plan.gateway_ids()]
        known = [page for page in pages if page]
        return round(sum(page.get("gateway_received_total", 0) - page.get("gateway_sent_total", 0) for page in known)) if known else None


def _metrics(port: int) -> dict[str, float]:
    """The plain samples of a metrics page; {} where it does not answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    samples = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#") and "{" not in line)
    return {name: float(value) for name, value in samples}
