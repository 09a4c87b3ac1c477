"""A handle on a running stack for who watches it or breaks it on purpose: tests, benches."""

import signal
import time
from pathlib import Path

from contracts.errors import Terminal
from voltlake.stack import record
from voltlake.stack.layout import Layout
from voltlake.stack.plan import Plan
from voltlake.stack.service import Standing

LOOK_S = 0.05


class Handle:
    """Always asks anew how things stand. Raises Terminal where the stack runs no longer."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.plan: Plan = record.require(data).plan
        self.layout = Layout(data)

    @property
    def mqtt_port(self) -> int:
        """Of the MQTT broker, on loopback."""
        return self.plan.ports["mqtt"]

    @property
    def kafka_edge(self) -> str:
        """Bootstrap address of the edge cluster."""
        return self.plan.kafka("edge")

    @property
    def kafka_central(self) -> str:
        """Bootstrap address of the central cluster."""
        return self.plan.kafka("central")

    @property
    def ingest_url(self) -> str:
        """Where gateways post to; their certificates are in `layout.certificates`."""
        return self.plan.ingest_url

    @property
    def redis_url(self) -> str:
        """The online store."""
        return self.plan.redis_url

    @property
    def dashboard_url(self) -> str:
        """The page."""
        return self.plan.dashboard_url

    @property
    def mlflow_url(self) -> str:
        """The model registry's store."""
        return self.plan.mlflow_url

    @property
    def lake(self) -> str:
        """The lake's folder."""
        return str(self.layout.lake)

    @property
    def ledger(self) -> Path:
        """Where simulators are to keep their ledgers, each in a folder of its own below it."""
        return self.layout.ledger

    @property
    def processes(self) -> dict[str, Standing]:
        """How all stand now, by name."""
        return {one.name: one for one in record.require(self.data).processes}

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to a process; returns the id that it had."""
        return record.require(self.data).kill(name, number)

    def wait_running(self, name: str, other_than: int | None = None, timeout_s: float = 90.0) -> Standing:
        """Wait until a process is ready, as another process than that id. Raises Terminal with its last words after the time-out."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            one = self.processes[name]
            if one.state == "running" and one.pid != other_than:
                return one
            time.sleep(LOOK_S)
        raise Terminal(f"{name} is {one.state} after {timeout_s:.0f} s; it said: {one.said or 'nothing'}")
