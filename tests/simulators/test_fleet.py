import re
from decimal import Decimal

import numpy as np
import pytest

from contracts.codec import decode_payload
from contracts.identity import KINDS
from contracts.signals import BY_NAME
from simulators import fleet
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
        assert len(frame.cell_v) == 96
        assert len(frame.probe_c) == 8
        signals = telemetry[vehicle, frame.ts]
        assert min(frame.cell_v) == signals["cell_v_min"]
        assert max(frame.cell_v) == signals["cell_v_max"]
        assert max(frame.probe_c) == signals["pack_temp_max_c"]


def test_a_vehicle_boots_first_and_some_plug_in_charge_and_unplug_within_a_minute():
    plan = Plan(vehicles=100, regions=REGIONS, seconds=60)
    first = {}
    for message in play(plan):
        first.setdefault(message.vehicle, KINDS[message.kind])
    assert set(first.values()) == {"event"}
    events = [(vehicle, event.event) for vehicle, event in frames(plan, "event")]
    assert sum(name == "boot" for _, name in events) == 100
    assert {"plugged_in", "charging_started", "charging_stopped", "unplugged", "drive_started"} <= {name for _, name in events}


def test_charging_fills_the_pack_and_the_charging_signals_agree_with_the_events():
    plan = Plan(vehicles=60, regions=REGIONS, seconds=60)
    charging = [(vehicle, frame.signals) for vehicle, frame in frames(plan) if frame.signals["is_charging"]]
    assert charging
    assert all(signals["cable_connected"] == 1 and signals["pack_a"] > 0 and signals["speed_kmh"] == 0 for _, signals in charging)


def test_counters_only_grow_and_are_the_integral_of_the_power():
    numbers = range(1, 41)
    traits = fleet.traits(3, list(numbers), ["eu-north"] * 40, [False] * 40)
    state = fleet.start(traits)
    first, net_wh, way_m = state, np.zeros(40), np.zeros(40)
    for _ in range(600):
        before = state
        state, _ = fleet.step(traits, state, 1.0)
        for name in ("in_wh", "out_wh", "regen_wh", "way_m", "in_ah", "out_ah"):
            assert (getattr(state, name) >= getattr(before, name)).all()
        net_wh += state.flow.pack_w / 3600
        way_m += state.motion.way_m
    moved = (state.in_wh - first.in_wh) - (state.out_wh - first.out_wh)
    assert np.allclose(moved, net_wh, atol=1e-6)
    assert np.allclose(state.way_m - first.way_m, way_m, atol=1e-3)
    used = (first.soc - state.soc) * traits.capacity_ah
    assert np.allclose(used, (state.out_ah - first.out_ah) - (state.in_ah - first.in_ah), atol=1e-6)
    assert way_m.max() > 3000


def test_vehicles_stay_around_their_city():
    traits = fleet.traits(5, list(range(1, 31)), ["us-east"] * 30, [False] * 30)
    state = fleet.start(traits)
    for _ in range(1800):
        state, _ = fleet.step(traits, state, 2.0)
    north = (state.motion.lat - traits.home.lat) * 111.32
    east = (state.motion.lon - traits.home.lon) * 111.32 * np.cos(np.radians(traits.home.lat))
    assert np.hypot(north, east).max() < 40


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
