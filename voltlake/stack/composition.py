"""From options to a stack that can be started: the checks, the plan, the files, the services."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from contracts.errors import Terminal
from voltlake import certificates
from voltlake.settings import DEPLOY, Surroundings
from voltlake.stack import jars, record
from voltlake.stack.java import JavaCommand
from voltlake.stack.plan import REGIONS, Plan, check_shape, listeners
from voltlake.stack.ports import allot, dashboard_port
from voltlake.stack.processes import processes
from voltlake.stack.programs import Programs, choose
from voltlake.stack.servers import servers
from voltlake.stack.service import Service

LEAST_FREE_BYTES = 2**30


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks for. `dashboard_port` None: 8080 or the next that is free."""

    data: Path = Path(".voltlake")
    regions: tuple[str, ...] = REGIONS
    gateways: int = 1
    dashboard_port: int | None = None


class Stack(msgspec.Struct, frozen=True, kw_only=True):
    """All that is needed to start."""

    plan: Plan
    programs: Programs
    java: JavaCommand
    services: list[Service]


def compose(options: Options, around: Surroundings, say: Callable[[str], None]) -> Stack:
    """Check, plan, write files, fetch what is missing. Raises Terminal with a sentence where something is in the way."""
    plan = _plan(options)
    programs = choose(around.search)
    for what, which in programs.described().items():
        say(f"{what}: {which}")
    certificates.provide(plan.layout.certificates, plan.gateway_ids(), datetime.now(UTC))
    java = java_parts(programs, around, plan, say)
    plan.layout.mlflow.joinpath("artifacts").mkdir(parents=True, exist_ok=True)
    services = [*servers(plan, programs, java, around.environ), *processes(plan, around.environ, around.notify)]
    return Stack(plan=plan, programs=programs, java=java, services=services)


def java_parts(programs: Programs, around: Surroundings, plan: Plan, say: Callable[[str], None]) -> JavaCommand:
    """The jars, fetched and verified."""
    locked = jars.read_lock(DEPLOY / "kafka" / "jars.lock")
    folder = around.cache / "jars"

    def told(done: int, total: int) -> None:
        if done % 10 == 0 or done == total:
            say(f"fetching Kafka's jars, once: {done} of {total}")

    jars.provide(locked, folder, told)
    return JavaCommand(programs.java, jars.classpath(locked, folder), around.cache / "classes", plan.layout.data / "kafka")


def check_disk(data: Path) -> None:
    """Raises Terminal where the disk of that folder is nearly full."""
    free = shutil.disk_usage(data).free
    if free < LEAST_FREE_BYTES:
        raise Terminal(f"{data} has {free / 2**20:.0f} MiB free and a stack needs at least 1 GiB: free some, or choose another disk with --data")


def _plan(options: Options) -> Plan:
    check_shape(options.regions, options.gateways)
    data = options.data.resolve()
    plan = Plan(data=data, regions=options.regions, gateways=options.gateways, ports={})
    plan.layout.make()
    check_disk(data)
    last = record.read(data)
    before = last.plan.ports if last else {}
    page = dashboard_port(options.dashboard_port, before.get("dashboards"))
    ports = allot(listeners(options.regions, options.gateways), data, before, avoid=[page])
    return msgspec.structs.replace(plan, ports=ports | {"dashboards": page})
