"""`kill -9` of each process in turn, three times, under 500 messages/s over two regions of two gateways.

After each the road recovers without a person, and the audit finds nothing lost and nothing twice.
"""

import time
from collections.abc import Iterator

import pytest

from features import online
from lakehouse import reader
from tests.road.fleets import driving
from tests.road.patience import until
from voltlake.audit import audit
from voltlake.demo import traffic
from voltlake.stack.handle import Handle
from voltlake.stack.plan import Plan

pytestmark = [pytest.mark.stack, pytest.mark.timeout(420)]

VEHICLES, RATE_HZ, KILLS = 250, 2.0, 3
PATIENCE_S = 90


@pytest.fixture(scope="module")
def load(stack: Handle) -> Iterator[traffic.Simulator]:
    """A fleet that publishes for as long as the tests of this module run."""
    with driving(stack, "kills", VEHICLES, RATE_HZ) as fleet:
        until(lambda: silver_rows(stack.plan) > VEHICLES, "the first rows in silver")
        yield fleet


def silver_rows(plan: Plan) -> int:
    return reader.count(str(plan.layout.lake), "silver.telemetry")


def newest_online(plan: Plan) -> int:
    """The newest event time (µs) of a vehicle that is always driving, as Redis has it."""
    client = online.connect(plan.redis_url)
    try:
        times = online.read(client, ["KILLS-00001", "KILLS-00002"], ())["event_ts"].cast("int64").to_pylist()
    finally:
        client.close()
    return max((value for value in times if value is not None), default=0)


def survives(stack: Handle, name: str) -> None:
    """Kill it three times; each time it comes back and new rows reach silver and Redis. Then audit."""
    for _ in range(KILLS):
        stack.wait_running(name, other_than=stack.kill(name), timeout_s=PATIENCE_S)
        rows, now_us = silver_rows(stack.plan), time.time() * 1e6
        until(lambda rows=rows: silver_rows(stack.plan) > rows + VEHICLES, f"rows reach silver after {name} was killed")
        until(lambda now_us=now_us: newest_online(stack.plan) > now_us, f"features reach Redis after {name} was killed")
    verdict = audit(stack.plan)
    assert (verdict.lost, verdict.duplicated) == (0, 0), [verdict.hops, verdict.missing[:5]]
    assert verdict.messages > 1000


def test_kill_gateway(stack: Handle, load: traffic.Simulator) -> None:
    survives(stack, "gateway-eu-north-1")


def test_kill_ingest(stack: Handle, load: traffic.Simulator) -> None:
    survives(stack, "ingest")


def test_kill_flow_bronze(stack: Handle, load: traffic.Simulator) -> None:
    survives(stack, "flow-bronze")


def test_kill_flow_silver(stack: Handle, load: traffic.Simulator) -> None:
    survives(stack, "flow-silver")


def test_kill_flow_gold(stack: Handle, load: traffic.Simulator) -> None:
    survives(stack, "flow-gold")


def test_kill_flow_live(stack: Handle, load: traffic.Simulator) -> None:
    survives(stack, "flow-live")


def test_kill_dashboards(stack: Handle, load: traffic.Simulator) -> None:
    survives(stack, "dashboards")


def test_kill_mirror(stack: Handle, load: traffic.Simulator) -> None:
    survives(stack, "mirror")


def test_kill_mqtt_broker(stack: Handle, load: traffic.Simulator) -> None:
    survives(stack, "mqtt")


def test_kill_redis(stack: Handle, load: traffic.Simulator) -> None:
    survives(stack, "redis")


def test_kill_kafka_edge(stack: Handle, load: traffic.Simulator) -> None:
    survives(stack, "kafka-edge")


def test_kill_kafka_central(stack: Handle, load: traffic.Simulator) -> None:
    survives(stack, "kafka-central")


def test_kill_simulator(stack: Handle, load: traffic.Simulator) -> None:
    """What a sensor unit was told is safe stays safe when the unit dies; the next boot counts from 0."""
    for number in range(KILLS):
        with driving(stack, f"killed{number}", 50, RATE_HZ) as fleet:
            until(lambda fleet=fleet: fleet.progress().safe > 100, "messages of the fleet that is to be killed are safe")
    verdict = audit(stack.plan)
    assert (verdict.lost, verdict.duplicated) == (0, 0), [verdict.hops, verdict.missing[:5]]


def test_everything_is_safe_in_the_end(stack: Handle, load: traffic.Simulator) -> None:
    """The fleet stops, all that it ever published becomes safe, and the whole road is audited once more."""
    load.ask_to_end()
    assert load.ended_well()
    verdict = audit(stack.plan)
    assert (verdict.lost, verdict.duplicated) == (0, 0), [verdict.hops, verdict.missing[:5]]
