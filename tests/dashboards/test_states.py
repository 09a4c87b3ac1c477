"""What a vehicle is doing, by its newest values, and how a fleet keeps them."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.feeds.lake import frames
from dashboards.live.fleet import SIGNALS, Fleet, Frames
from dashboards.live.states import ONLINE_WITHIN_S, STATES, activities
from tests.dashboards.made import rows

NOW_MS = 1_800_000_000_000
NAN = float("nan")


def made(*given: tuple[str, int, dict[str, float]]) -> Frames:
    signals = {name: np.array([values.get(name, NAN) for _, _, values in given]) for name in SIGNALS}
    return Frames([name for name, _, _ in given], ["eu-north"] * len(given), np.array([ts for _, ts, _ in given], np.int64), signals)


@pytest.mark.parametrize(
    ("speed", "gear", "charging", "expected"),
    [
        (50.0, NAN, NAN, "driving"),
        (-5.0, NAN, NAN, "driving"),
        (0.0, 127.0, NAN, "driving"),
        (0.0, 126.0, NAN, "parked"),
        (0.4, NAN, NAN, "parked"),
        (NAN, NAN, NAN, "parked"),
        (0.0, NAN, 1.0, "charging"),
        (0.0, NAN, 0.0, "parked"),
    ],
)
def test_a_vehicle_does_what_its_signals_say(speed: float, gear: float, charging: float, expected: str) -> None:
    found = activities(np.array([speed]), np.array([gear]), np.array([charging]))
    assert STATES[found[0]] == expected


def test_a_silent_vehicle_is_offline_and_one_with_an_open_alert_is_in_alert_whatever_it_does() -> None:
    fleet = Fleet()
    fleet.take(made(("A", NOW_MS, {"speed_kmh": 80.0}), ("B", NOW_MS, {"is_charging": 1.0})), NOW_MS)
    assert [STATES[state] for state in fleet.state] == ["driving", "charging"]
    fleet.grow_old(NOW_MS + ONLINE_WITHIN_S * 1000 + 1)
    assert [STATES[state] for state in fleet.state] == ["offline", "offline"]
    fleet.alert(["B", "NEVER-SEEN"], NOW_MS)
    assert [STATES[state] for state in fleet.state] == ["driving", "alert"]


def test_a_row_of_gold_keeps_its_values_and_what_it_lacks_stays_unknown() -> None:
    event = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    one = frames(rows({"vehicle_id": "A-1", "region": "us-west", "event_ts": event, "soc_pct": 81.25, "lat": 37.7, "lon": -122.4}))
    assert (one.vehicles, one.regions, one.event_ms.tolist()) == (["A-1"], ["us-west"], [1_772_366_400_123])
    assert (one.signals["soc_pct"][0], one.signals["lat"][0]) == (81.25, 37.7)
    assert np.isnan(one.signals["speed_kmh"][0])


seen = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 9), st.sampled_from((NAN, 1.0, 2.0, 3.0))), max_size=30)


@given(seen, st.integers(1, 5))
def test_the_newest_frame_wins_in_whatever_order_and_batches_frames_come(given_: list[tuple[str, int, float]], size: int) -> None:
    distinct = {(name, ts): value for name, ts, value in given_}
    fleet = Fleet()
    items = list(distinct.items())
    for at in range(0, len(items), size):
        fleet.take(made(*[(name, ts, {"soc_pct": value}) for (name, ts), value in items[at : at + size]]), NOW_MS)
    for name in {name for name, _ in distinct}:
        assert fleet.event_ms[fleet.place[name]] == max(ts for other, ts in distinct if other == name)
        newest = max((ts for other, ts in distinct if other == name))
        if not np.isnan(value := distinct[name, newest]):
            assert fleet.columns["soc_pct"][fleet.place[name]] == value


@given(seen)
def test_what_changed_since_a_revision_is_all_that_one_who_saw_it_must_be_told(given_: list[tuple[str, int, float]]) -> None:
    fleet, shown = Fleet(), {}
    revision = 0
    for name, ts, value in given_:
        fleet.take(made((name, ts, {"soc_pct": value})), NOW_MS)
        for place in fleet.since(revision):
            shown[fleet.vehicles[place]] = (fleet.event_ms[place], str(fleet.columns["soc_pct"][place]), fleet.state[place])
        revision = fleet.revision
    assert shown == {name: (fleet.event_ms[place], str(fleet.columns["soc_pct"][place]), fleet.state[place]) for name, place in fleet.place.items()}
