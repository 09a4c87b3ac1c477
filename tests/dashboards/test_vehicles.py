"""What a vehicle is doing, by its newest frame."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.vehicles import ONLINE_WITHIN_S, Shown, Vehicle, activity, changes, state, vehicles
from tests.dashboards.made import rows

NOW_MS = 1_800_000_000_000


def vehicle(name: str = "A", event_ms: int = NOW_MS, **signals: float) -> Vehicle:
    return Vehicle(name, "eu-north", event_ms, **signals)


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ({"speed_kmh": 50.0}, "driving"),
        ({"speed_kmh": -5.0}, "driving"),
        ({"speed_kmh": 0.0, "gear": 127.0}, "driving"),
        ({"speed_kmh": 0.0, "gear": 126.0}, "parked"),
        ({"speed_kmh": 0.4}, "parked"),
        ({}, "parked"),
        ({"is_charging": 1.0, "speed_kmh": 0.0}, "charging"),
        ({"is_charging": 0.0, "speed_kmh": 0.0}, "parked"),
    ],
)
def test_a_vehicle_does_what_its_signals_say(signals: dict[str, float], expected: str) -> None:
    assert activity(vehicle(**signals)) == expected
    assert state(vehicle(**signals), alerting=False, now_ms=NOW_MS) == expected


def test_a_silent_vehicle_is_offline_whatever_its_last_values_say() -> None:
    silent = vehicle(event_ms=NOW_MS - ONLINE_WITHIN_S * 1000 - 1, speed_kmh=80.0)
    assert state(silent, alerting=False, now_ms=NOW_MS) == "offline"
    assert state(silent, alerting=True, now_ms=NOW_MS) == "alert"


def test_a_row_of_gold_keeps_its_values_and_what_it_lacks_stays_unknown() -> None:
    event = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    one = vehicles(rows({"vehicle_id": "A-1", "region": "us-west", "event_ts": event, "soc_pct": 81.25, "lat": 37.7, "lon": -122.4}))[0]
    assert (one.vehicle_id, one.region, one.soc_pct, one.lat, one.lon) == ("A-1", "us-west", 81.25, 37.7, -122.4)
    assert one.event_ms == 1_772_366_400_123
    assert one.speed_kmh is None
    assert one.pack_w is None


fleets = st.dictionaries(st.sampled_from("ABCDE"), st.tuples(st.sampled_from((0.0, 50.0)), st.booleans()), max_size=5).map(
    lambda drawn: {
        name: Shown(vehicle(name, speed_kmh=speed), state(vehicle(name, speed_kmh=speed), alerting, NOW_MS))
        for name, (speed, alerting) in drawn.items()
    }
)


@given(fleets, fleets)
def test_changes_turn_one_fleet_into_the_other_and_tell_nothing_twice(before: dict[str, Shown], after: dict[str, Shown]) -> None:
    told = changes(before, after)
    shown = {name: one for name, one in before.items() if name not in told.gone}
    assert not {one.vehicle.vehicle_id for one in told.added} & before.keys()
    for one in (*told.added, *told.updated):
        assert before.get(one.vehicle.vehicle_id) != one
        shown[one.vehicle.vehicle_id] = one
    assert shown == after
