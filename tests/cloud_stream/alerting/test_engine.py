"""Rules are raised, escalate and clear as they say."""

from typing import Any

import pytest

from cloud_stream.alerting.evaluation import Change
from cloud_stream.alerting.reading import load
from cloud_stream.alerting.rules import Rule
from tests.cloud_stream.alerting.made import cells, engine, events, rule, telemetry


def told(changes: list[Change]) -> list[tuple[str, int]]:
    """What became of alerts: cleared or their level, and the seq that did it."""
    return [("cleared" if not one.after.stands else f"level {one.after.level}", one.after.minor & 0xFFFF) for one in changes if one.after]


def series(made: Rule, values: list[float | None], signal: str = "pack_temp_max_c", batch: int = 100, step_s: float = 1) -> list[tuple[str, int]]:
    frames: list[dict[str, Any]] = [{"seq": at, "ts": at * step_s, signal: value, "ambient_c": 1.0} for at, value in enumerate(values)]
    one = engine(made)
    return told([change for at in range(0, len(frames), batch) for change in one.telemetry(telemetry(frames[at : at + batch]))])


OVERHEAT = next(one for one in load().rules if one.id == "pack_overheat")


def test_it_is_raised_at_the_limit_and_cleared_below_the_lower_one() -> None:
    assert series(OVERHEAT, [20, 54.9, 55, 60, 52, 55, 49.9, 54, 56]) == [("level 0", 2), ("cleared", 6), ("level 0", 8)]


@pytest.mark.parametrize("batch", [1, 3])
def test_batches_and_replays_give_the_same_alerts(batch: int) -> None:
    values: list[float | None] = [20, 56, 40, 57, 58, 30, 60]
    assert series(OVERHEAT, values, batch=batch) == series(OVERHEAT, values)


def test_a_frame_without_the_signal_changes_nothing() -> None:
    assert series(OVERHEAT, [60, None, None]) == [("level 0", 0)]


def test_severity_escalates_by_limit_and_by_time() -> None:
    steps = [{"severity": "major", "at": 70}, {"severity": "critical", "after_s": 5}]
    made = rule("hot", threshold={"signal": "motor_temp_c", "above": 50}, escalate=steps)
    assert series(made, [60, 75, 60, 60, 60, 60, 60, 40], "motor_temp_c") == [("level 0", 0), ("level 1", 1), ("level 2", 5), ("cleared", 7)]


def test_a_duration_must_be_without_a_break() -> None:
    made = rule("slow", threshold={"signal": "lv_v", "below": 11}, for_s=3)
    assert series(made, [10, 10, 12, 10, 10, 10, 10], "lv_v") == [("level 0", 6)]


def test_n_times_in_a_window() -> None:
    made = rule("often", threshold={"signal": "lv_v", "below": 11}, times={"count": 3, "within_s": 6}, flap_s=0)
    assert series(made, [10, 12, 10, 12, 10, 12], "lv_v") == [("level 0", 4), ("cleared", 5)]
    assert series(made, [10, 12, 10, 12, 12, 12, 12, 10], "lv_v") == []


def test_flapping_is_one_alert_with_a_count() -> None:
    made = rule("flaps", threshold={"signal": "lv_v", "below": 11}, flap_s=5)
    one = engine(made)
    one.telemetry(telemetry([{"seq": at, "ts": at, "lv_v": value} for at, value in enumerate([10, 12, 10, 12, 10])]))
    (vehicle, life), *others = one.lives().values()
    assert (vehicle, life.count, life.stands, others) == ("V-1", 3, True, [])


def test_a_rate_of_change() -> None:
    made = rule("falls", rate={"signal": "soc_pct", "over_s": 10, "below": -3})
    assert series(made, [50, 49.9, 49.8, 49.7, 49.6], "soc_pct", step_s=5) == []
    assert series(made, [50, 49.9, 48, 48, 48], "soc_pct", step_s=5) == [("level 0", 2), ("cleared", 4)]


def test_deviation_from_the_vehicles_own_past() -> None:
    made = rule("odd", own_past={"signal": "hvac_w", "half_life_s": 600, "above": 5})
    usual = [100.0 + at % 7 for at in range(60)]
    assert series(made, [*usual, 108, 160], "hvac_w") == [("level 0", 61)]


def test_deviation_from_the_fleet() -> None:
    def baseline(vehicles: Any, ts: Any, signal: str) -> Any:
        assert signal == "soh_pct"
        return [90.0] * len(vehicles), [1.0] * len(vehicles)

    one = engine(rule("aged", fleet={"signal": "soh_pct", "below": -5}), baseline=baseline)
    assert told(one.telemetry(telemetry([{"seq": 0, "ts": 0, "soh_pct": 86}, {"seq": 1, "ts": 1, "soh_pct": 84}]))) == [("level 0", 1)]


@pytest.mark.parametrize(
    "area", [{"lat": 59.0, "lon": 18.0, "radius_m": 2000}, {"polygon": [[58.9, 17.9], [59.1, 17.9], [59.1, 18.1], [58.9, 18.1]]}]
)
def test_a_geofence_is_entered_and_left(area: dict[str, Any]) -> None:
    way = [{"seq": at, "ts": at, "lat": lat, "lon": 18.0} for at, lat in enumerate([58.8, 59.0, 59.01, 59.2])]
    enters, leaves = engine(rule("in", geofence={"crossing": "enter", **area})), engine(rule("out", geofence={"crossing": "leave", **area}, flap_s=0))
    assert told(enters.telemetry(telemetry(way))) == [("level 0", 1), ("cleared", 3)]
    assert told(leaves.telemetry(telemetry(way))) == [("level 0", 0), ("cleared", 1), ("level 0", 3)]


def test_several_conditions_over_signals_of_different_frames() -> None:
    made = engine(rule("both", all=["speed_kmh > 5", "cable_connected == 1"]))
    frames = [{"seq": 0, "ts": 0, "cable_connected": 1}, {"seq": 1, "ts": 10, "speed_kmh": 9}, {"seq": 2, "ts": 300, "speed_kmh": 9}]
    assert told(made.telemetry(telemetry(frames))) == [("level 0", 1)], "what is older than three minutes is unknown, not false"


def test_a_fault_code_clears_by_its_event_or_by_time() -> None:
    made = rule("code", event={"name": "fault_code", "where": {"code": ["P0A80"]}, "clears": "gone", "clear_after_s": 60}, flap_s=0)
    one = engine(made)
    assert told(one.events(events([{"seq": 0, "ts": 0, "event": "fault_code", "attributes": '{"code":"P0001"}'}]))) == []
    assert told(one.events(events([{"seq": 1, "ts": 1, "event": "fault_code", "attributes": '{"code":"P0A80"}'}]))) == [("level 0", 1)]
    assert told(one.events(events([{"seq": 2, "ts": 2, "event": "gone", "attributes": None}]))) == [("cleared", 2)]
    one.events(events([{"seq": 3, "ts": 3, "event": "fault_code", "attributes": '{"code":"P0A80"}'}]))
    assert told(one.telemetry(telemetry([{"seq": 7, "ts": 62, "soc_pct": 5}]))) == []
    assert told(one.telemetry(telemetry([{"seq": 8, "ts": 63, "soc_pct": 5}]))) == [("cleared", 8)]


def test_one_cell_apart_from_the_pack() -> None:
    one = engine(rule("apart", expression={"when": "cells_low_mv > 20 and cells_low_mv > 3 * cells_second_mv", "value": "cells_low_mv"}))
    level = [3.70, 3.70, 3.71, 3.69, 3.70]
    assert told(one.cells(cells([{"seq": 0, "ts": 0, "cell_v": level, "probe_c": [20.0]}]))) == []
    one.cells(cells([{"seq": 1, "ts": 10, "cell_v": [3.6, *level], "probe_c": [20.0]}]))
    assert [round(life.value) for _, life in one.lives().values()] == [100]


def test_a_rule_is_only_for_some() -> None:
    only = {"regions": ["eu-north"], "models": ["i3"], "tags": ["depot"]}
    made = rule("some", threshold={"signal": "lv_v", "below": 11}, only=only)
    facts = {"V-1": ("i3", frozenset({"depot"})), "V-2": ("i3", frozenset({"taxi"})), "V-3": ("leaf", frozenset({"depot"}))}
    frames = [{"vehicle": vehicle, "seq": 0, "ts": 0, "lv_v": 9, "region": region} for vehicle, region in
              (("V-1", "eu-north"), ("V-2", "eu-north"), ("V-3", "eu-north"), ("V-4", "eu-north"))]  # fmt: skip
    one = engine(made, facts=facts)
    one.telemetry(telemetry(frames))
    assert [vehicle for vehicle, _ in one.lives().values()] == ["V-1"]
    elsewhere = engine(made, facts=facts)
    elsewhere.telemetry(telemetry([{**frames[0], "region": "us-east"}]))
    assert elsewhere.lives() == {}


def test_no_data_ticks_by_kafkas_time_and_late_data_take_it_back() -> None:
    one = engine(rule("gone", no_data={"after_s": 60}))
    now = 1_790_000_000_000
    one.telemetry(telemetry([{"seq": 0, "ts": 0, "lv_v": 12}]))
    assert one.tick(now + 60_000) == []
    (raised,) = one.tick(now + 61_000)
    assert one.tick(now + 62_000) == []
    (cleared,) = one.telemetry(telemetry([{"seq": 2, "ts": 90, "lv_v": 12}]))
    assert (cleared.before, cleared.after.id, cleared.after.cleared_ts) == (raised.after, raised.after.id, now + 90_000)
    (gone,) = one.telemetry(telemetry([{"seq": 1, "ts": 45, "known": 95, "lv_v": 12}]))
    assert (gone.before, gone.after) == (cleared.after, None), "no data were missing: they were late"
