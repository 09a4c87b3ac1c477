"""How a stack is shown: a table for a person, JSON for a machine."""

import msgspec
from rich.table import Table

from voltlake.stack.record import Record
from voltlake.stack.service import Standing

COLOURS = {
    "running": "green",
    "done": "green",
    "starting": "yellow",
    "preparing": "yellow",
    "waiting": "yellow",
    "restarting": "red",
    "stopped": "red",
}


def table(record: Record, now: float) -> Table:
    """One row a process. `now`: epoch seconds."""
    shown = Table(box=None, pad_edge=False)
    for heading in ("process", "state", "pid", "for", "restarts", "last exit", "where"):
        shown.add_column(heading, justify="right" if heading in ("pid", "restarts") else "left", no_wrap=heading != "where")
    for one in record.processes:
        colour = COLOURS[one.state]
        ended = "" if one.exit_code is None else str(one.exit_code)
        shown.add_row(one.name, f"[{colour}]{one.state}[/]", str(one.pid or ""), span(now - one.since), str(one.restarts), ended, where(record, one))
    return shown


def last_words(record: Record) -> list[str]:
    """What the processes that were restarted said when they ended last."""
    return [f"{one.name} ended last with: {one.said}" for one in record.processes if one.restarts]


def where(record: Record, one: Standing) -> str:
    """The port of a process; "" where it has none."""
    port = record.plan.ports.get(one.name) or record.plan.ports.get(f"{one.name}-metrics")
    return f":{port}" if port else ""


def span(seconds: float) -> str:
    """A duration in its two largest units."""
    whole = max(0, int(seconds))
    minutes, hours = whole // 60, whole // 3600
    if hours:
        return f"{hours}h{minutes % 60:02d}"
    return f"{minutes}m{whole % 60:02d}" if minutes else f"{whole}s"


def as_bytes(record: Record) -> bytes:
    """The addresses and processes, indented."""
    plan = record.plan
    shown = {
        "data": str(plan.data),
        "ready": record.ready_ts is not None,
        "started_ts": record.started_ts,
        "ready_ts": record.ready_ts,
        "supervisor": record.supervisor,
        "chosen": record.chosen,
        "addresses": {
            "dashboard": plan.dashboard_url,
            "kafka_edge": plan.kafka("edge"),
            "kafka_central": plan.kafka("central"),
            "mqtt": f"127.0.0.1:{plan.ports['mqtt']}",
            "redis": plan.redis_url,
            "ingest": plan.ingest_url,
            "lake": str(record.layout.lake),
            "mlflow": plan.mlflow_url,
        },
        "processes": [msgspec.to_builtins(one) for one in record.processes],
    }
    return msgspec.json.format(msgspec.json.encode(shown), indent=2)
