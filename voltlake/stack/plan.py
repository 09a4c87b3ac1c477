"""What a stack is to consist of, before anything is started."""

from pathlib import Path

import msgspec

from contracts.errors import Terminal
from contracts.identity import GATEWAY_ID, REGION
from voltlake.stack.layout import Layout

REGIONS = ("eu-north", "us-east")
FLOWS = ("bronze", "silver", "gold", "live")
CLUSTERS = ("edge", "central")
HOST = "127.0.0.1"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Regions, gateways a region, and a port for each listener by name."""

    data: Path
    regions: tuple[str, ...]
    gateways: int
    ports: dict[str, int]

    @property
    def layout(self) -> Layout:
        """Where things lie."""
        return Layout(self.data)

    def kafka(self, cluster: str) -> str:
        """The bootstrap address of a cluster."""
        return f"{HOST}:{self.ports[f'kafka-{cluster}']}"

    @property
    def redis_url(self) -> str:
        """The online store."""
        return f"redis://{HOST}:{self.ports['redis']}/0"

    @property
    def ingest_url(self) -> str:
        """Where gateways post to; needs a client certificate."""
        return f"https://{HOST}:{self.ports['ingest']}"

    @property
    def dashboard_url(self) -> str:
        """The page for a browser."""
        return f"http://{HOST}:{self.ports['dashboards']}/"

    @property
    def mlflow_url(self) -> str:
        """The model registry's store."""
        return f"sqlite:///{self.layout.mlflow / 'mlflow.db'}"

    def gateway_ids(self) -> list[tuple[str, str]]:
        """`(gateway, region)` of each gateway."""
        return gateway_ids(self.regions, self.gateways)


def gateway_ids(regions: tuple[str, ...], gateways: int) -> list[tuple[str, str]]:
    """`(gateway, region)` of so many gateways a region: "eu-north-1", …"""
    return [(f"{region}-{number}", region) for region in regions for number in range(1, gateways + 1)]


def listeners(regions: tuple[str, ...], gateways: int) -> list[str]:
    """The names of all ports that a stack needs, except the dashboard's page."""
    measured = (
        [f"gateway-{name}" for name, _ in gateway_ids(regions, gateways)] + ["ingest", "dashboards", "upkeep"] + [f"flow-{flow}" for flow in FLOWS]
    )
    brokers = [f"kafka-{cluster}" for cluster in CLUSTERS]
    return [*brokers, *(f"{name}-controller" for name in brokers), "mirror", "mqtt", "redis", "ingest", *(f"{name}-metrics" for name in measured)]


def check_shape(regions: tuple[str, ...], gateways: int) -> None:
    """Raises Terminal where names or numbers cannot be."""
    if not regions or len(set(regions)) != len(regions):
        raise Terminal("--regions needs one or more different names, as in --regions eu-north,us-east")
    if gateways < 1:
        raise Terminal("--gateways must be at least 1")
    for name, _ in gateway_ids(regions, gateways):
        if not GATEWAY_ID.fullmatch(name) or not REGION.fullmatch(name.rsplit("-", 1)[0]):
            raise Terminal(f"--regions: {name!r} is not 1 to 24 of a-z, 0-9 and '-' (a gateway's name is the region's with its number)")
