"""Our own processes as services, each started as in a cluster: `python -m …` with settings in the environment."""

import sys
from functools import partial

import msgspec

from voltlake.stack import readiness
from voltlake.stack.plan import FLOWS, HOST, Plan
from voltlake.stack.service import Service

REGISTRY, INGEST, FLOW, GATEWAY, PAGE = 2, 2, 3, 4, 5
"""Layers, stopped from the highest: first what reads, then what feeds; above the servers' own."""

# One machine for everything: libraries that start a thread a core would only get in each other's way.
FRUGAL = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKIO_WORKER_THREADS": "2",
    "POLARS_MAX_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONUNBUFFERED": "1",
}
# What fills tables makes way for the road, the live flow and the pages: a row may be a moment late, an alert may not.
NICE = {"bronze": 10, "silver": 10, "gold": 15, "upkeep": 15}
# Batches come and go all the time: what fills tables does not give memory back and ask for it again between two of them.
KEEPING = {"MALLOC_MMAP_THRESHOLD_": "134217728", "MALLOC_TRIM_THRESHOLD_": "268435456", "MIMALLOC_PURGE_DELAY": "-1"}


def processes(plan: Plan, environ: dict[str, str], notify: dict[str, str]) -> list[Service]:
    """All of them. They wait for the servers themselves, so they need none to be started. Without `notify` nobody is told of alerts."""
    frugal = environ | FRUGAL
    return [
        _ingest(plan, frugal),
        *(_gateway(plan, gateway, region, frugal) for gateway, region in plan.gateway_ids()),
        *(_flow(plan, flow, frugal) for flow in FLOWS),
        _upkeep(plan, frugal),
        _dashboards(plan, frugal),
        *([_notify(plan, frugal | notify)] if notify else []),
        _registry(plan, frugal),
    ]


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """The command line of a module of ours."""
    return sys.executable, "-m", module, *arguments


def _ingest(plan: Plan, environ: dict[str, str]) -> Service:
    folder = plan.layout.certificates
    settings = {
        "INGEST_HOST": HOST,
        "INGEST_PORT": str(plan.ports["ingest"]),
        "INGEST_CA": str(folder / "ca.pem"),
        "INGEST_CERT": str(folder / "ingest.pem"),
        "INGEST_KEY": str(folder / "ingest.key"),
        "INGEST_KAFKA": plan.kafka("edge"),
        "INGEST_METRICS_PORT": str(plan.ports["ingest-metrics"]),
    }
    ready = partial(readiness.ingest, plan.ports["ingest"], folder, plan.gateway_ids()[0][0])
    return Service(name="ingest", command=python("cloud_stream", "ingest"), environ=environ | settings, ready=ready, layer=INGEST)


def _gateway(plan: Plan, gateway: str, region: str, environ: dict[str, str]) -> Service:
    folder, name = plan.layout.certificates, f"gateway-{gateway}"
    settings = {
        "GATEWAY_ID": gateway,
        "GATEWAY_REGION": region,
        "GATEWAY_MQTT_HOST": HOST,
        "GATEWAY_MQTT_PORT": str(plan.ports["mqtt"]),
        "GATEWAY_INGEST_URL": plan.ingest_url,
        "GATEWAY_CA": str(folder / "ca.pem"),
        "GATEWAY_CERT": str(folder / f"{gateway}.pem"),
        "GATEWAY_KEY": str(folder / f"{gateway}.key"),
        "GATEWAY_SPOOL": str(plan.layout.spool(gateway)),
        "GATEWAY_METRICS_PORT": str(plan.ports[f"{name}-metrics"]),
    }
    ready = partial(readiness.page, plan.ports[f"{name}-metrics"])
    return Service(name=name, command=python("edge_gateway"), environ=environ | settings, ready=ready, layer=GATEWAY)


def _flow(plan: Plan, flow: str, environ: dict[str, str]) -> Service:
    name = f"flow-{flow}"
    settings = {
        "FLOW_KAFKA": plan.kafka("central"),
        "FLOW_LAKE": str(plan.layout.lake),
        "FLOW_REDIS": plan.redis_url,
        "FLOW_REPLICAS": "1",
        "FLOW_ORDINAL": "0",
        "FLOW_COMMIT_MS": "400",  # at a usual load commits are most of a flow's work, and here all share one machine
        "FLOW_MLFLOW": plan.mlflow_url,
        "FLOW_RULES": str(plan.layout.rules),
        "FLOW_METRICS_PORT": str(plan.ports[f"{name}-metrics"]),
    }
    ready = partial(readiness.page, plan.ports[f"{name}-metrics"])
    settings |= KEEPING if flow in ("bronze", "silver") else {}
    nice = NICE.get(flow, 0)
    return Service(name=name, command=python("cloud_stream", "flow", flow), environ=environ | settings, ready=ready, layer=FLOW, nice=nice)


def _upkeep(plan: Plan, environ: dict[str, str]) -> Service:
    port = plan.ports["upkeep-metrics"]
    settings = {"UPKEEP_LAKE": str(plan.layout.lake), "UPKEEP_METRICS_PORT": str(port)}
    ready = partial(readiness.page, port)
    nice = NICE["upkeep"]
    return Service(name="upkeep", command=python("cloud_stream", "upkeep"), environ=environ | settings, ready=ready, layer=FLOW, nice=nice)


def _measured(plan: Plan) -> dict[str, str]:
    """Where each process answers with its metrics; also written where a Prometheus can read it."""
    found = {name.removesuffix("-metrics"): f"{HOST}:{port}" for name, port in sorted(plan.ports.items()) if name.endswith("-metrics")}
    entries = [{"targets": [address], "labels": {"process": name}} for name, address in found.items()]
    plan.layout.configuration.mkdir(parents=True, exist_ok=True)
    (plan.layout.configuration / "prometheus-targets.json").write_bytes(msgspec.json.format(msgspec.json.encode(entries)))
    return found


def _dashboards(plan: Plan, environ: dict[str, str]) -> Service:
    settings = {
        "DASHBOARD_HOST": HOST,
        "DASHBOARD_PORT": str(plan.ports["dashboards"]),
        "DASHBOARD_KAFKA": plan.kafka("central"),
        "DASHBOARD_LAKE": str(plan.layout.lake),
        "DASHBOARD_REDIS": plan.redis_url,
        "DASHBOARD_ACCOUNTS": str(plan.layout.accounts),
        "DASHBOARD_METRICS_PORT": str(plan.ports["dashboards-metrics"]),
        "DASHBOARD_TARGETS": ",".join(f"{name}=http://{address}/metrics" for name, address in _measured(plan).items()),
    }
    ready = partial(readiness.page, plan.ports["dashboards"], "/health")
    return Service(name="dashboards", command=python("dashboards"), environ=environ | settings, ready=ready, layer=PAGE)


def _notify(plan: Plan, environ: dict[str, str]) -> Service:
    settings = {"NOTIFY_KAFKA": plan.kafka("central"), "NOTIFY_DEAD_LETTER": str(plan.layout.undelivered)}
    return Service(name="notify", command=python("cloud_stream", "notify"), environ=environ | settings, layer=PAGE)


def _registry(plan: Plan, environ: dict[str, str]) -> Service:
    """Applies the feature definitions; nothing waits for it, so it comes after what costs more when it is late."""
    folder, lake = plan.layout.features, plan.layout.lake
    command = python("voltlake.stack.registry", str(folder), str(lake), plan.redis_url)
    return Service(name="features", command=command, environ=environ, needs=tuple(f"flow-{flow}" for flow in FLOWS), layer=REGISTRY, once=True)
