"""An alert's life with people: acknowledged, assigned, closed by hand, shelved, quiet in maintenance and below its parent."""

from typing import Any

import pytest

from cloud_stream.alerting.gateways import partition_of
from cloud_stream.alerting.reading import Loaded
from cloud_stream.steps.alerts import Alarms, AlertState
from contracts.codec import encode
from contracts.events import Alert, AlertCommand
from tests.cloud_stream.alerting.made import NOW_MS, rule, telemetry
from tests.lakehouse.made import bronze

HOT = rule("hot", threshold={"signal": "motor_temp_c", "above": 50}, escalate=[{"severity": "critical", "at": 90}], flap_s=0)
CHILD = rule("slow", "info", threshold={"signal": "speed_kmh", "below": 10}, parents=["hot"], flap_s=0)
GONE = rule("gone", no_data={"after_s": 60}, parents=["dark"])
DARK = rule("dark", "critical", no_data={"after_s": 30, "of": "gateway"})


class Office:
    """Alarms, and a seq for what is told to them."""

    def __init__(self, *rules: Any) -> None:
        self.alarms = Alarms(AlertState(), Loaded(rules or (HOT, CHILD), "1"))
        self.seq = self.offset = -1

    def hear(self, ts: float, vehicle: str = "V-1", **signals: float) -> list[Alert]:
        self.seq += 1
        rows = telemetry([{"vehicle": vehicle, "seq": self.seq, "ts": ts, **signals}])
        return self.alarms.telemetry(rows, {0: round(NOW_MS + ts * 1000)})

    def tell(self, action: str, alert: Alert | None = None, ts: float = 5, read_s: float = 60, **more: Any) -> list[Alert]:
        self.offset += 1
        facts: dict[str, Any] = {"command_id": f"c{self.offset}", "vehicle_id": alert.vehicle_id if alert else "*", "by": "anna"}
        facts |= {"action": action, "alert_id": alert.alert_id if alert else "", "ts": round(NOW_MS + ts * 1000), **more}
        value = encode(AlertCommand(**facts))
        return self.alarms.commands(bronze([value], self.offset, [round(NOW_MS + ts * 1000)], keys=["x"]), {0: round(NOW_MS + read_s * 1000)})


@pytest.fixture
def office() -> Office:
    return Office()


def told(alerts: list[Alert]) -> list[tuple[str, str, str]]:
    return [(alert.rule, alert.change, alert.state) for alert in alerts]


def test_after_a_restart_an_order_waits_for_the_alert_that_it_is_about(office: Office) -> None:
    (raised,) = Office().hear(0, motor_temp_c=60)
    assert office.tell("ack", raised, read_s=-1) == []
    assert not office.alarms.state.reached.get("commands"), "a restart now must read it again"
    again, acked = office.hear(0, motor_temp_c=60)
    assert (again.alert_id, acked.alert_id, acked.acknowledged_by) == (raised.alert_id, raised.alert_id, "anna")
    assert office.alarms.state.reached["commands"]


def test_an_order_about_nothing_is_waited_for_no_longer_than_the_telemetry_lags(office: Office) -> None:
    (raised,) = Office().hear(0, motor_temp_c=60)
    assert office.tell("ack", raised, read_s=-1) == office.hear(2) == []
    assert not office.alarms.state.reached.get("commands")
    assert office.hear(6) == []
    assert office.alarms.state.reached["commands"]


def test_it_is_raised_acknowledged_and_cleared_with_who_and_when(office: Office) -> None:
    (raised,) = office.hear(0, motor_temp_c=60)
    (acked,) = office.tell("ack", raised, text="on it")
    assert (acked.state, acked.acknowledged_by, acked.revision) == ("acknowledged", "anna", raised.revision + 1)
    assert [(act.by, act.ts, act.action, act.text) for act in acked.acts] == [("anna", NOW_MS + 5000, "ack", "on it")]
    (assigned,) = office.tell("assign", raised, text="bo")
    (commented,) = office.tell("comment", raised, text="pump ordered")
    assert (assigned.assignee, commented.assignee, len(commented.acts), commented.state) == ("bo", "bo", 3, "acknowledged")
    (cleared,) = office.hear(10, motor_temp_c=20)
    assert (cleared.alert_id, cleared.state, cleared.acknowledged_by, cleared.cleared_ts) == (raised.alert_id, "cleared", "anna", NOW_MS + 10_000)
    assert told(office.tell("comment", cleared, ts=20, text="done")) == [("hot", "commented", "cleared")]


def test_a_command_counts_once_and_one_that_cannot_be_is_refused(office: Office) -> None:
    (raised,) = office.hear(0, motor_temp_c=60)
    assert office.tell("ack", raised, command_id="same") != []
    assert office.tell("ack", raised, command_id="same") == []
    assert office.tell("ack", raised, vehicle_id="V-2") == []
    assert office.tell("comment", raised, alert_id="nothing") == []


def test_an_escalation_wants_attention_again(office: Office) -> None:
    (raised,) = office.hear(0, motor_temp_c=60)
    office.tell("ack", raised)
    (escalated,) = office.hear(6, motor_temp_c=95)
    assert (escalated.change, escalated.severity, escalated.state, escalated.acknowledged_by) == ("escalated", "critical", "escalated", "")


def test_closed_by_hand_it_stays_closed_until_the_condition_comes_again(office: Office) -> None:
    (raised,) = office.hear(0, motor_temp_c=60)
    (closed,) = office.tell("clear", raised)
    assert (closed.state, closed.cleared_ts) == ("cleared", NOW_MS + 5000)
    assert office.hear(6, motor_temp_c=70) == []
    office.hear(7, motor_temp_c=20)
    (again,) = office.hear(8, motor_temp_c=60)
    assert (again.state, again.alert_id != raised.alert_id) == ("raised", True)


def test_shelved_it_is_quiet_until_then(office: Office) -> None:
    (raised,) = office.hear(0, motor_temp_c=60)
    shelved = office.tell("shelve", raised, until_ts=NOW_MS + 60_000)[-1]
    assert shelved.suppressed_by == "shelved"
    assert office.hear(30, motor_temp_c=61) == []
    assert [(alert.change, alert.suppressed_by) for alert in office.hear(61, motor_temp_c=61)] == [("resumed", "")]


def test_a_child_is_quiet_while_its_parent_stands(office: Office) -> None:
    office.hear(0, motor_temp_c=60)
    child = office.hear(1, motor_temp_c=60, speed_kmh=5)[-1]
    assert (child.rule, child.change, bool(child.suppressed_by)) == ("slow", "suppressed", True)
    assert told(office.hear(2, motor_temp_c=20, speed_kmh=5)) == [("hot", "cleared", "cleared"), ("slow", "resumed", "raised")]


def test_maintenance_keeps_a_region_quiet(office: Office) -> None:
    office.hear(0, motor_temp_c=20)
    window = {"alert_id": "w1", "from_ts": NOW_MS, "until_ts": NOW_MS + 100_000, "regions": ("eu-north",)}
    assert office.tell("maintenance", **window) == []
    assert [alert.suppressed_by for alert in office.hear(10, motor_temp_c=60)] == ["", "maintenance:w1"]
    assert told(office.tell("end_maintenance", ts=20, alert_id="w1")) == [("hot", "resumed", "raised")]


def test_a_silent_gateway_silences_its_vehicles() -> None:
    office = Office(GONE, DARK)
    office.alarms.engine(partition_of("GATEWAY-EU-NORTH-1"))
    office.hear(0, "V-1", lv_v=12)
    office.hear(0, "V-2", lv_v=12)
    dark = office.alarms.tick({0: NOW_MS + 40_000})
    assert [(alert.vehicle_id, alert.rule) for alert in dark] == [("GATEWAY-EU-NORTH-1", "dark")]
    children = office.alarms.tick({0: NOW_MS + 70_000})
    assert {(alert.vehicle_id, alert.suppressed_by) for alert in children if alert.change == "suppressed"} == {
        ("V-1", dark[0].alert_id),
        ("V-2", dark[0].alert_id),
    }
    back = office.hear(80, "V-1", lv_v=12)
    assert {(alert.vehicle_id, alert.change) for alert in back} == {("GATEWAY-EU-NORTH-1", "cleared"), ("V-1", "cleared"), ("V-2", "resumed")}


def test_other_rules_take_over_without_forgetting_what_stands(office: Office) -> None:
    (raised,) = office.hear(0, motor_temp_c=60)
    (slow,) = (alert for alert in office.hear(1, motor_temp_c=60, speed_kmh=5) if alert.change == "raised")
    other = rule("slow", "info", threshold={"signal": "speed_kmh", "below": 3})
    closed = office.alarms.reload(Loaded((HOT, other), "2"), NOW_MS + 2000)
    assert [(alert.alert_id, alert.state) for alert in closed] == [(slow.alert_id, "cleared")]
    assert office.alarms.reload(Loaded((HOT, other), "2"), NOW_MS + 2000) == []
    assert [alert.alert_id for alert in office.hear(3, motor_temp_c=20)] == [raised.alert_id]


def test_who_acted_on_a_retracted_alert_acted_on_the_one_in_its_place() -> None:
    office = Office()
    (raised,) = office.hear(10, motor_temp_c=60)
    office.tell("ack", raised, ts=11)
    office.seq = 100
    retracted, instead = office.hear(9, motor_temp_c=60)
    assert (retracted.alert_id, retracted.state, retracted.superseded_by) == (raised.alert_id, "retracted", instead.alert_id)
    assert (instead.state, instead.acknowledged_by, instead.raised_ts) == ("acknowledged", "anna", NOW_MS + 9000)
