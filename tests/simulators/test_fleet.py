import re
from decimal import Decimal

import numpy as np
import pytest

from contracts.codec import decode_payload
from contracts.identity import KINDS
from contracts.signals import BY_NAME
from simulators.fleet_source import FleetSource, Plan

REGIONS = ("eu-north", "us-east")
START_MS = 1_760_000_000_000


def play(plan):
    """All messages of a plan as (vehicle, kind, payload)."""
    source = FleetSource(plan)
    out = []
    while source.due_s() is not None:
        out += source.take(START_MS)
    return out


def frames(plan, kind="telemetry"):
    return [(one.vehicle, decode_payload(kind, one.payload)) for one in play(plan) if KINDS[one.kind] == kind]


def test_the_same_seed_gives_the_same_bytes():
    plan = Plan(vehicles=30, regions=REGIONS, seconds=12, rate_hz=2)
    assert play(plan) == play(plan)
    assert play(plan) != play(Plan(vehicles=30, regions=REGIONS, seconds=12, rate_hz=2, seed=2))


def test_a_vehicle_is_the_same_in_a_fleet_of_any_size():
    alone = play(Plan(vehicles=1, regions=REGIONS, seconds=25))
    small, large = (play(Plan(vehicles=size, regions=REGIONS, seconds=25)) for size in (7, 100))
    assert [one for one in large if one.vehicle == 0] == alone
    assert [one for one in large if one.vehicle < 7] == small


def test_every_value_is_in_range_and_at_its_resolution_and_written_as_a_plain_decimal():
    names = set()
    for message in play(Plan(vehicles=100, regions=REGIONS, seconds=15, every_signal=True)):
        if KINDS[message.kind] != "telemetry":
            continue
        assert not re.search(rb"[0-9][eE]|-0\.?0*[,}]|NaN|null", message.payload)
        for name, value in decode_payload("telemetry", message.payload).signals.items():
            signal = BY_NAME[name]
            assert signal.low <= value <= signal.high, (name, value)
            assert Decimal(repr(value)) * signal.scale == int(Decimal(repr(value)) * signal.scale), (name, value)
            names.add(name)
    assert len(names) >= 50


def test_a_frame_has_at_least_25_signals_and_its_time_is_when_it_is_due():
    source = FleetSource(Plan(vehicles=50, regions=REGIONS, seconds=12, rate_hz=1))
    while (due_s := source.due_s()) is not None:
        for message in source.take(START_MS):
            if KINDS[message.kind] == "telemetry":
                frame = decode_payload("telemetry", message.payload)
                assert len(frame.signals) >= 25
                assert frame.ts == START_MS + round(due_s * 1000)


@pytest.mark.parametrize("rate_hz", [0.5, 1, 10, 30])
def test_every_vehicle_sends_rate_times_seconds_frames(rate_hz):
    counts = np.bincount([vehicle for vehicle, _ in frames(Plan(vehicles=25, regions=REGIONS, seconds=8, rate_hz=rate_hz))], minlength=25)
    assert set(counts.tolist()) == {8 * rate_hz}


def test_cells_come_every_ten_seconds_and_agree_with_the_telemetry_of_their_instant():
    plan = Plan(vehicles=20, regions=REGIONS, seconds=40)
    telemetry = {(vehicle, frame.ts): frame.signals for vehicle, frame in frames(plan)}
    cells = frames(plan, "cells")
    assert len(cells) == 20 * 4
    for vehicle, frame in cells:
        signals = telemetry[vehicle, frame.ts]
        assert len(frame.probe_c) == 8
        assert sum(frame.cell_v) == pytest.approx(signals["pack_v"], rel=0.01)
        assert min(frame.cell_v) == pytest.approx(signals["cell_v_min"], abs=1e-9)
        assert max(frame.cell_v) == pytest.approx(signals["cell_v_max"], abs=1e-9)
        assert max(frame.probe_c) == signals["pack_temp_max_c"]


def test_a_vehicle_boots_first_and_some_drive_depart_arrive_plug_in_and_charge_within_minutes():
    plan = Plan(vehicles=100, regions=REGIONS, seconds=600, rate_hz=0.05)
    first, messages = {}, play(plan)
    for message in messages:
        first.setdefault(message.vehicle, KINDS[message.kind])
    assert set(first.values()) == {"event"}
    events = [(one.vehicle, decode_payload("event", one.payload).event) for one in messages if KINDS[one.kind] == "event"]
    assert sum(name == "boot" for _, name in events) == 100
    assert {"plugged_in", "charging_started", "drive_started", "drive_ended"} <= {name for _, name in events}
    start = [frame.signals for _, frame in frames(Plan(vehicles=100, regions=REGIONS, seconds=1))]
    assert 30 < sum(signals["speed_kmh"] > 5 for signals in start) < 90, "some drive from the first frame on"


def test_charging_fills_the_pack_and_the_charging_signals_agree():
    charging = [frame.signals for _, frame in frames(Plan(vehicles=60, regions=REGIONS, seconds=100, rate_hz=0.1)) if frame.signals["is_charging"]]
    assert charging
    assert all(signals["cable_connected"] == 1 and signals["pack_a"] > 0 and signals["speed_kmh"] == 0 for signals in charging)


def test_hot_vehicles_pass_60_degrees_within_20_seconds_and_cool_below_50_in_turn():
    plan = Plan(vehicles=101, regions=REGIONS, seconds=80)
    hottest: dict[int, list[float]] = {}
    for vehicle, frame in frames(plan):
        hottest.setdefault(vehicle, []).append(frame.signals["pack_temp_max_c"])
    hot = {vehicle for vehicle, values in hottest.items() if max(values) > 60}
    assert hot == {0, 50, 100}
    for vehicle in hot:
        values = np.array(hottest[vehicle])
        above = (values > 60).astype(int)
        assert np.count_nonzero(np.diff(above) == 1) + above[0] >= 2, "it passes 60 about every 40 s"
        assert min(values[:40]) < 50
        assert min(values[40:]) < 50


def test_the_number_of_hot_vehicles_can_be_chosen_and_is_at_least_one_by_default():
    def hot(**options):
        found = FleetSource(Plan(regions=REGIONS, **options)).vehicles
        return [one.vehicle_id for one in found if "runs-hot" in one.tags]

    assert hot(vehicles=10, hot=3) == ["SIM-00001", "SIM-00002", "SIM-00003"]
    assert hot(vehicles=10, hot=0) == []
    assert hot(vehicles=10) == ["SIM-00001"]


def test_regions_share_the_vehicles_evenly():
    regions = [one.region for one in FleetSource(Plan(vehicles=100, regions=REGIONS)).vehicles]
    assert regions.count("eu-north") == regions.count("us-east") == 50
