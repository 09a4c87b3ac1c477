"""A model that was promoted and cannot be used is an alert with one life, also over a restart and with people's acts."""

from cloud_stream.alerting.gateways import partition_of
from cloud_stream.alerting.reading import Loaded
from cloud_stream.steps.alert_checkpoint import dump, restore
from cloud_stream.steps.alerts import Alarms, AlertState
from contracts.codec import encode
from contracts.events import Alert, AlertCommand
from lakehouse.positions import START, Source
from tests.cloud_stream.alerting.made import NOW_MS, rule
from tests.lakehouse.made import bronze

NAME = "MODEL-ENERGY-PER-KM"
RULE = rule("unused", model_trouble={"after_s": 60})
REACHED = {"cells": {Source("c", "t", partition): START for partition in range(4)}}


class Flow:
    """Alarms of all partitions, and what is said of the model."""

    def __init__(self) -> None:
        self.said: dict[str, str | None] = {}
        self.alarms = Alarms(AlertState(reached=dict(REACHED)), Loaded((RULE,), "1"), troubles=lambda: self.said)

    def after(self, seconds: float, said: str | None) -> list[Alert]:
        self.said = {"energy_per_km": said}
        return self.alarms.tick({0: round(NOW_MS + seconds * 1000)})

    def restarted(self) -> "Flow":
        pieces, chunks = dump(self.alarms, set())
        new = Flow()
        restore(new.alarms, pieces, chunks)
        return new


def brief(alerts: list[Alert]) -> list[tuple[str, str, str]]:
    return [(alert.vehicle_id, alert.change, alert.message) for alert in alerts]


def test_it_is_raised_after_a_minute_says_why_and_clears_when_the_version_is_used() -> None:
    flow = Flow()
    assert flow.after(0, None) == flow.after(1, "") == flow.after(10, "version 2 is refused") == flow.after(69, "version 2 is refused") == []
    (raised,) = flow.after(70, "version 2 is refused")
    assert brief([raised]) == [(NAME, "raised", f"{RULE.title}: version 2 is refused")]
    assert (raised.raised_ts, raised.limit, raised.region) == (NOW_MS + 70_000, 60, "")
    assert flow.after(71, "version 2 is refused") == []
    (other,) = flow.after(80, "MLflow does not answer")
    assert (other.alert_id, other.change, other.message) == (raised.alert_id, "revised", f"{RULE.title}: MLflow does not answer")
    (cleared,) = flow.after(90, "")
    assert (cleared.alert_id, cleared.state, cleared.cleared_ts) == (raised.alert_id, "cleared", NOW_MS + 90_000)
    assert flow.after(100, "again") == []
    (again,) = flow.after(170, "again")
    assert again.alert_id != raised.alert_id


def test_a_trouble_that_passes_within_the_minute_is_no_alert() -> None:
    flow = Flow()
    assert [flow.after(seconds, said) for seconds, said in ((0, "gone"), (50, ""), (55, "gone"), (110, "gone"))] == [[], [], [], []]


def test_a_restart_neither_repeats_nor_forgets_it() -> None:
    flow = Flow()
    flow.after(0, "refused")
    (raised,) = flow.after(60, "refused")
    order = AlertCommand(command_id="c1", vehicle_id=NAME, action="ack", by="anna", ts=NOW_MS + 61_000, alert_id=raised.alert_id)
    (acked,) = flow.alarms.commands(bronze([encode(order)], 0, [NOW_MS + 61_000], keys=["x"]), {0: NOW_MS + 61_000})
    assert acked.acknowledged_by == "anna"
    flow = flow.restarted()
    assert partition_of(NAME) in flow.alarms.state.engines, "no vehicle was heard in that partition"
    assert flow.after(62, None) == flow.after(63, "refused") == []
    (cleared,) = flow.after(64, "")
    assert (cleared.alert_id, cleared.state, cleared.acknowledged_by, cleared.revision) == (raised.alert_id, "cleared", "anna", acked.revision + 1)


def test_it_is_closed_when_its_rule_is_gone() -> None:
    flow = Flow()
    flow.after(0, "refused")
    (raised,) = flow.after(60, "refused")
    (closed,) = flow.alarms.reload(Loaded((rule("else", no_data={"after_s": 60}),), "2"), NOW_MS + 61_000)
    assert (closed.alert_id, closed.state) == (raised.alert_id, "cleared")
    assert flow.after(62, "refused") == flow.after(63, "") == []
