"""The quality rules refuse, repair and mark, and say the same whatever batches and restarts there were."""

import itertools
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_stream.steps.checkpoint import dump, load
from cloud_stream.steps.live import LiveState
from contracts.codec import encode
from contracts.events import Cells
from contracts.quality import RULES
from contracts.signals import BY_NAME
from lakehouse import quarantine, reader, writer
from lakehouse.positions import Position, Source, reached_by
from lakehouse.quality.report import days, rules
from lakehouse.seen import HORIZON_MS
from lakehouse.snapshots import read_seen, write_seen
from tests.lakehouse.made import NOW_MS, bronze, envelope, refined, telemetry

SOURCE = Source("cluster", "topic-id", 0)


def marks(*frames: dict[str, float], step_ms: int = 1000) -> list[list[str] | None]:
    values = [telemetry("V-1", seq, ts=NOW_MS - 400_000 + seq * step_ms, **frame) for seq, frame in enumerate(frames)]
    return refined(bronze(values, kafka_ms=[NOW_MS + seq * step_ms for seq in range(len(frames))]), "telemetry", {}).rows["marks"].to_pylist()


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ({"pack_v": 400.0, "pack_a": -50.0, "pack_w": -20100}, None),
        ({"pack_v": 400.0, "pack_a": -50.0, "pack_w": 20000}, ["power_product"]),
        ({"cell_v_min": 3.7, "cell_v_max": 3.6}, ["cell_order"]),
        ({"pack_temp_min_c": 20, "pack_temp_c": 25, "pack_temp_max_c": 24}, ["temp_order"]),
        ({"soc_pct": 95, "cell_v_max": 2.9}, ["soc_high_voltage_low"]),
        ({"soc_pct": 3, "cell_v_min": 4.1}, ["soc_low_voltage_high"]),
        ({"speed_kmh": 80, "motor_rpm": 0}, ["moving_motor_still"]),
        ({"speed_kmh": 0, "motor_rpm": -9000}, ["still_motor_moving"]),
        ({"speed_kmh": 50, "motor_rpm": 5000, "is_charging": 1}, ["charging_moving"]),
        ({"speed_kmh": 80, "motor_rpm": 0, "soc_pct": 95, "cell_v_max": 2.9}, ["soc_high_voltage_low", "moving_motor_still"]),
    ],
)
def test_a_row_says_which_rules_marked_it(frame: dict[str, float], expected: list[str] | None) -> None:
    assert marks(frame, {"ambient_c": 20.0}) == [expected, None]


def test_a_repair_puts_the_value_right_and_marks_the_row() -> None:
    values = [
        telemetry("V-1", 0, lat=0, lon=0.0, altitude_m=3, soc_pct=5),
        telemetry("V-1", 1, accelerator_pct=101),
        telemetry("V-1", 2, brake_pct=103),
    ]
    outcome = refined(bronze(values), "telemetry", {})
    rows = outcome.rows.select(["lat", "lon", "altitude_m", "soc_pct", "accelerator_pct", "marks"]).to_pylist()
    assert rows[0] == {"lat": None, "lon": None, "altitude_m": None, "soc_pct": 5, "accelerator_pct": None, "marks": ["gps_zero"]}
    assert (rows[1]["accelerator_pct"], rows[1]["marks"]) == (100, ["pedal_overshoot"])
    assert outcome.quarantine["reason"].to_pylist() == ["range"], "further off than a sensor's slack"


def test_a_cell_out_of_range_refuses_its_message() -> None:
    lists = [([3.7, 3.71], [20.0]), ([3.7, 37.0], [20.0]), ([3.7], [20.0, -273.0]), ([], [])]
    values = [envelope("V-1", "cells", seq, encode(Cells(NOW_MS, *one))) for seq, one in enumerate(lists)]
    values.append(envelope("V-1", "cells", 4, b'{"ts":1790000000000,"cell_v":[null,3.7],"probe_c":[20]}'))
    outcome = refined(bronze(values), "cells", {})
    assert outcome.rows["seq"].to_pylist() == [0, 3, 4]
    assert [(row["seq"], row["reason"]) for row in outcome.quarantine.to_pylist()] == [(1, "range"), (2, "range")]


def test_values_are_whole_multiples_of_their_resolution() -> None:
    [row] = refined(bronze([telemetry("V-1", 0, soc_pct=51.5000001, speed_kmh=-0.001, lat=59.329324999)]), "telemetry", {}).rows.to_pylist()
    assert (row["soc_pct"], str(row["speed_kmh"]), row["lat"]) == (51.5, "0.0", 59.329325)


def test_a_jump_is_told_from_a_change() -> None:
    assert marks({"soc_pct": 50}, {"soc_pct": 50.5}, {"soc_pct": 52.5}, {"soc_pct": 52.4}) == [None, None, ["soc_jump"], None]
    assert marks({"odometer_m": 1000}, {"odometer_m": 1030}, {"odometer_m": 1029}, {"odometer_m": 1027}) == [None, None, None, ["odometer_jump"]]
    assert marks({"soc_pct": 50}, {"soc_pct": 90}, step_ms=61_000) == [None, None], "too far apart to compare"
    assert marks({"soc_pct": 50}, {"speed_kmh": 1}, {"soc_pct": 90}) == [None] * 3, "the frame before lacks it"


def test_a_stuck_value_is_marked_until_it_moves() -> None:
    frames = [{"speed_kmh": 80.0, "motor_rpm": 6000.0}] * 33 + [{"speed_kmh": 80.01, "motor_rpm": 6000.0}]
    assert marks(*frames, step_ms=10_000) == [None] * 30 + [["speed_stuck"]] * 3 + [None]
    assert marks(*[{"speed_kmh": 0.0}] * 40, step_ms=10_000) == [None] * 40, "a parked car has every right to stand still"


def test_a_late_frame_is_not_judged_and_changes_no_judgement() -> None:
    frames = [(0, 50), (2, 50.2), (1, 90), (3, 50.3), (4, 90)]
    values = [telemetry("V-1", seq, ts=NOW_MS + seq * 1000, soc_pct=soc) for seq, soc in frames]
    rows = refined(bronze(values), "telemetry", {}).rows
    assert list(zip(rows["seq"].to_pylist(), rows["marks"].to_pylist(), strict=True)) == [
        (0, None),
        (2, None),
        (1, None),
        (3, None),
        (4, ["soc_jump"]),
    ]


FRAMES = st.lists(
    st.tuples(st.sampled_from(["V-1", "V-2"]), st.integers(0, 25), st.sampled_from([10.0, 50.0, 50.2, 900.0]), st.sampled_from([0.0, 80.0])),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(frames=FRAMES, cuts=st.sets(st.integers(1, 39)), restarts=st.sets(st.integers(0, 39)))
def test_the_marks_do_not_depend_on_batches_and_restarts(frames: list[tuple[str, int, float, float]], cuts: set[int], restarts: set[int]) -> None:
    values = [telemetry(vehicle, seq, ts=NOW_MS + seq * 20_000, soc_pct=soc, speed_kmh=speed) for vehicle, seq, soc, speed in frames]
    whole = refined(bronze(values), "telemetry", {}).rows
    seen: dict = {}
    parts = []
    for first, last in itertools.pairwise(sorted({0, len(values), *(cut for cut in cuts if cut < len(values))})):
        parts.append(refined(bronze(values[first:last], first_offset=first), "telemetry", seen, NOW_MS + first).rows)
        if last in restarts:
            seen = load(dump(LiveState(reached={SOURCE: Position(last, 0)}, seen=seen)), {SOURCE: Position(last, 0)}).seen
    assert pa.concat_tables(parts).equals(whole)


@pytest.fixture
def lake(tmp_path: Path) -> str:
    writer.ensure(str(tmp_path), ["bronze.telemetry", "silver.telemetry", "silver.quarantine", "silver.seen"])
    return str(tmp_path)


def put(lake: str, values: list[bytes], seen: dict, first: int = 0) -> pa.Table:
    """What the flows do with some records: bronze, quarantine, silver."""
    part = bronze(values, first_offset=first)
    outcome = refined(part, "telemetry", seen)
    reached = reached_by(part, "kafka_ts")
    for name, rows in (("bronze.telemetry", part), ("silver.quarantine", outcome.quarantine), ("silver.telemetry", outcome.rows)):
        writer.append(reader.open_table(lake, name), name, rows, reached)
    return outcome.rows


def test_a_restart_remembers_what_the_rules_compare_with(lake: str) -> None:
    seen: dict = {}
    put(lake, [telemetry("V-1", seq, ts=NOW_MS + seq * 1000, soc_pct=50) for seq in range(3)], seen)
    write_seen(reader.open_table(lake, "silver.seen"), "telemetry", seen, {SOURCE: Position(2, NOW_MS + 2)})
    put(lake, [telemetry("V-1", 3, ts=NOW_MS + 3000, soc_pct=50.1), telemetry("V-2", 0, soc_pct=7)], seen, first=3)
    again = read_seen(lake, "telemetry", {SOURCE: Position(4, NOW_MS + 4)})
    assert {sender: entry.accepted for sender, entry in again.items()} == {sender: entry.accepted for sender, entry in seen.items()}
    after = bronze([telemetry("V-1", 4, ts=NOW_MS + 4000, soc_pct=90)], first_offset=5)
    assert refined(after, "telemetry", again).rows["marks"].to_pylist() == [["soc_jump"]]


def test_a_snapshot_ahead_of_silver_is_passed_over(lake: str) -> None:
    seen: dict = {}
    put(lake, [telemetry("V-1", seq) for seq in range(3)], seen)
    write_seen(reader.open_table(lake, "silver.seen"), "telemetry", seen, {SOURCE: Position(2, NOW_MS + 2)})
    restored = read_seen(lake, "telemetry", {SOURCE: Position(1, NOW_MS + 1)})
    assert [entry.accepted.pairs() for entry in restored.values()] == [[(0, 1)]]


def test_a_sender_is_forgotten_after_the_horizon_wherever_the_batches_are_cut() -> None:
    later = NOW_MS + HORIZON_MS + 10_000
    values = [telemetry("V-1", 0), telemetry("V-1", 1), telemetry("V-1", 0), telemetry("V-1", 1)]
    stamps = [NOW_MS, NOW_MS + 5, NOW_MS + 9, later]
    whole = refined(bronze(values, kafka_ms=stamps), "telemetry", {})
    seen: dict = {}
    parts = [
        refined(bronze([value], first_offset=at, kafka_ms=[stamp]), "telemetry", seen)
        for at, (value, stamp) in enumerate(zip(values, stamps, strict=True))
    ]
    assert whole.rows["offset"].to_pylist() == [row for part in parts for row in part.rows["offset"].to_pylist()] == [0, 1, 3]


def test_a_days_report_adds_up(lake: str) -> None:
    values = [
        telemetry("V-1", 0),
        telemetry("V-1", 0),
        telemetry("V-1", 1, soc_pct=900),
        b"{",
        telemetry("V-1", 2, lat=0, lon=0),
        telemetry("V-1", 3, warp=1),
    ]
    put(lake, values, {})
    more = bronze([telemetry("V-1", 4)], first_offset=6)
    writer.append(reader.open_table(lake, "bronze.telemetry"), "bronze.telemetry", more, reached_by(more, "kafka_ts"))
    [day] = days(lake)
    assert (day.taken, day.rows, day.duplicates, day.waiting) == (7, 3, 1, 1)
    assert (day.refused, day.marked) == ({"not_json": 1, "range": 1}, {"gps_zero": 1, "unknown_signal": 1})
    assert days(lake, day.day) == [day]
    assert days(lake, "2001-01-01") == []
    assert {*day.refused, *day.marked} - {"not_json"} <= rules().keys()


def test_a_repaired_record_lands_once_and_the_others_stay(lake: str) -> None:
    seen: dict = {}
    good, bad = telemetry("V-1", 0), [telemetry("V-1", 1, soc_pct=900, speed_kmh=3), telemetry("V-2", 0, ts=NOW_MS + 10**9, soc_pct=900)]
    put(lake, [good, *bad], seen)
    outcome = quarantine.repaired(lake, "range")
    assert [(record.vehicle_id, record.kind) for record in outcome.records] == [("V-1", "telemetry")]
    [row] = put(lake, [record.value for record in outcome.records], seen, first=3).to_pylist()
    assert (row["seq"], row["soc_pct"], row["speed_kmh"], row["marks"]) == (1, None, 3, ["replayed"])
    assert not put(lake, [record.value for record in outcome.records], seen, first=4).num_rows, "sent twice, it still lands once"
    again = quarantine.repaired(lake, "range")
    assert (again.records, again.left) == ([], {"accepted before": 1})
    late = quarantine.repaired(lake, "future", vehicles=["V-2"])
    assert (late.records, late.left) == ([], {"range": 1}), "what can still not be believed stays"


def test_every_rule_speaks_of_signals_of_the_catalogue() -> None:
    named = {rule.name for rule in RULES}
    assert len(named) == len(RULES)
    for rule in RULES:
        spans = getattr(rule, "where", ()) or ((rule.during,) if hasattr(rule, "during") else ())
        names = {*getattr(rule, "signals", ()), *getattr(rule, "factors", ()), *(span.signal for span in spans)}
        names |= {getattr(rule, field) for field in ("of", "signal") if hasattr(rule, field)}
        assert names <= BY_NAME.keys(), rule.name
