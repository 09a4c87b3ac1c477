"""An alert on a real stack: raised, acknowledged, kept over a kill of the live flow, cleared once, and in gold.alerts."""

import json
import time

import pytest

from contracts.codec import decode_alert, encode
from contracts.events import Alert, AlertCommand
from contracts.topics import ALERT_COMMANDS, ALERTS
from lakehouse import reader
from tests.road.patience import until
from tests.road.sensor import Sensor, sensor
from voltlake.alerts.wire import Follower, send
from voltlake.stack.handle import Handle

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]
VEHICLE = "HOT-1"


def heat(one: Sensor, seq: int, celsius: float) -> None:
    frame = {"ts": time.time_ns() // 1_000_000, "signals": {"pack_temp_max_c": celsius}}
    one.publish(VEHICLE, "telemetry", json.dumps(frame), f"0000000a/{seq}")


def test_an_alert_lives_through_a_kill_of_the_live_flow(stack: Handle) -> None:
    heard: list[Alert] = []
    with sensor(stack.mqtt_port, "hot-sensor", "eu-north") as one, Follower(stack.kafka_central, ALERTS) as follower:

        def newest() -> Alert | None:
            heard.extend(alert for raw in follower.read() if (alert := decode_alert(raw)).vehicle_id == VEHICLE)
            return heard[-1] if heard else None

        heat(one, 0, 20)
        heat(one, 1, 58)
        raised = until(newest, "the alert is raised")
        assert (raised.rule, raised.state, raised.severity, raised.seq) == ("pack_overheat", "raised", "critical", 1)
        order = AlertCommand(
            command_id="road-1", vehicle_id=VEHICLE, action="ack", by="anna", ts=time.time_ns() // 1_000_000, alert_id=raised.alert_id, text="seen"
        )
        send(stack.kafka_central, ALERT_COMMANDS, [(VEHICLE, encode(order))])
        until(lambda: (found := newest()) and found.state == "acknowledged", "it is acknowledged")
        until(lambda: in_gold(stack) == ["acknowledged"], "the act is in gold.alerts")
        stack.wait_running("flow-live", other_than=stack.kill("flow-live"))
        heat(one, 2, 57)
        heat(one, 3, 30)
        cleared = until(lambda: (found := newest()) and found.state == "cleared" and found, "it is cleared")
    assert {alert.alert_id for alert in heard} == {raised.alert_id}, "a restart makes no second alert"
    assert (cleared.acknowledged_by, [act.by for act in cleared.acts], cleared.seq) == ("anna", ["anna"], 3)
    until(lambda: in_gold(stack) == ["cleared"], "gold.alerts has its end, in one row")


def in_gold(stack: Handle) -> list[str]:
    rows = reader.arrow(stack.lake, "gold.alerts", ["vehicle_id", "state"]).to_pylist()
    return [row["state"] for row in rows if row["vehicle_id"] == VEHICLE]
