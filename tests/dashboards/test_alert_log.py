"""How changes on `alerts.v1` become the list on the page."""

from hypothesis import given
from hypothesis import strategies as st

from dashboards.alert_log import KEPT_CLOSED, alerting, fold, open_count
from tests.dashboards.made import alert

changes = st.lists(
    st.builds(
        lambda name, state, ts: alert(name, f"V-{name}", state, ts=ts),
        st.sampled_from("abc"),
        st.sampled_from(("raised", "cleared")),
        st.integers(0, 9),
    ),
    max_size=20,
)


def test_an_alert_is_open_from_raised_to_cleared() -> None:
    raised = fold({}, [alert("a", "V-1", ts=10)])
    assert (open_count(raised), alerting(raised)) == (1, {"V-1"})
    cleared = fold(raised, [alert("a", "V-1", "cleared", ts=20)])
    assert (open_count(cleared), alerting(cleared)) == (0, set())
    assert cleared["a"].state == "cleared"


def test_the_greater_revision_is_the_truth_and_a_silenced_alert_waits_for_nobody() -> None:
    log = fold({}, [alert("a", "V", ts=5, revision=3), alert("a", "V", "cleared", ts=9, revision=2)])
    assert open_count(log) == 1
    assert open_count(fold(log, [alert("a", "V", ts=5, revision=4, suppressed_by="shelved")])) == 0


@given(changes)
def test_reading_the_topic_again_changes_nothing(sent: list) -> None:
    in_order = sorted(sent, key=lambda change: change.event_ts)
    once = fold({}, in_order)
    assert fold(once, [change for change in in_order if change.event_ts < once[change.alert_id].event_ts]) is once
    assert fold({}, [change for change in in_order for _ in range(2)]) == once


def test_closed_alerts_are_forgotten_in_the_end_and_open_ones_never() -> None:
    log = fold({}, [alert(f"open-{number}", "V", ts=number) for number in range(50)])
    log = fold(log, [alert(f"closed-{number}", "V", "cleared", ts=number) for number in range(KEPT_CLOSED + 30)])
    assert open_count(log) == 50
    assert len(log) == 50 + KEPT_CLOSED
    assert "closed-0" not in log
    assert f"closed-{KEPT_CLOSED + 29}" in log
