"""Each fault shows in the signals of its vehicle, and in no other vehicle's."""

import numpy as np
import pytest

from simulators.physics.world import Columns, Fleet, build, everything, seen, started, stepped
from simulators.scenarios import physical, scenario, sensor
from simulators.scenarios.plan import planned

START_S = 1_781_071_200.0
COUNT, SICK = 6, 2


def text(kind: str, severity: float = 1.0, more: str = "") -> str:
    return f"name: t\nfaults:\n  - kind: {kind}\n    vehicles: {{ids: [SIM-{SICK + 1:05d}]}}\n    severity: {severity}\n{more}"


def driven(kind: str | None, hours: float = 2.0, more: str = "") -> Columns:
    """The columns after so many hours on the road, with one vehicle sick."""
    world = build(Fleet(vehicles=COUNT, seed=8, shares=(0, 1, 0, 0), models=("bmw-i3-60",)))[0]
    faults = planned(scenario.parsed(text(kind, more=more)), 8, range(COUNT), START_S) if kind else []
    ready = physical.prepared(faults, world.traits)
    state = started(world, START_S, busy=1.0)
    effects = None
    for _ in range(round(hours * 120)):
        effects = physical.at(ready, state.now_s, COUNT) if ready else None
        state, _happened = stepped(world, state, 30.0, effects)
    return everything(seen(world, state, effects))


@pytest.fixture(scope="module")
def healthy() -> Columns:
    return driven(None)


def others(columns: Columns, name: str) -> np.ndarray:
    return np.delete(columns[name], SICK)


@pytest.mark.parametrize(
    ("kind", "signal", "sign"),
    [
        ("cell.weak_capacity", "cell_v_min", -1),
        ("cell.self_discharge", "cell_v_min", -1),
        ("cell.internal_short", "cell_v_min", -1),
        ("cell.thermal_runaway", "pack_temp_max_c", 1),
        ("pack.isolation_loss", "isolation_kohm", -1),
        ("pack.imbalance", "cell_v_max", 1),
    ],
)
def test_a_cell_or_pack_fault_shows_in_its_vehicle_only(healthy: Columns, kind: str, signal: str, sign: int) -> None:
    found = driven(kind, more="    duration_s: 7200.1\n")
    assert (found[signal][SICK] - healthy[signal][SICK]) * sign > 0.002
    for name in healthy:
        assert np.array_equal(others(found, name), others(healthy, name)), name


def test_the_faulty_cell_is_the_one_that_was_named() -> None:
    assert driven("cell.weak_capacity", more="    parameters: {cell: 41}\n")["cell_id_min"][SICK] == 42


def test_a_resistive_cell_sinks_under_load_only() -> None:
    world = build(Fleet(vehicles=COUNT, seed=8, shares=(0, 1, 0, 0)))[0]
    faults = planned(scenario.parsed(text("cell.high_resistance", more="    duration_s: 1\n    parameters: {cell: 5}\n")), 8, range(COUNT), START_S)
    ready = physical.prepared(faults, world.traits)
    assert ready
    effects = physical.at(ready, START_S + 0.999, COUNT)
    state = started(world, START_S)
    rest = seen(world, state, effects).volts[SICK, 5]
    loaded = state._replace(charge=state.charge._replace(amps=np.full(COUNT, -150, np.float32)))
    sunk, healthy_sunk = seen(world, loaded, effects).volts[SICK, 5], seen(world, loaded).volts[SICK, 5]
    assert rest == pytest.approx(seen(world, state).volts[SICK, 5], abs=0.02)
    assert healthy_sunk - sunk > 0.05


def test_without_cooling_a_pack_that_charges_fast_gets_hotter() -> None:
    world = build(Fleet(vehicles=COUNT, seed=8, models=("hyundai-ioniq-5",)))[0]
    faults = planned(scenario.parsed(text("pack.cooling_failure")), 8, range(COUNT), START_S)
    ready = physical.prepared(faults, world.traits)
    assert ready
    hottest = []
    for effects in (None, physical.at(ready, START_S + 1, COUNT)):
        state = started(world, START_S)
        warm = state.heat._replace(pack_c=np.full(COUNT, 40, np.float32))
        plug = state.plug._replace(supply_w=np.full(COUNT, 3e5, np.float32), dc=np.ones(COUNT, bool), stop_soc=np.full(COUNT, 0.8, np.float32))
        trip = state.trip._replace(mode=np.full(COUNT, 3, np.int8), next_s=np.full(COUNT, 9e12))
        charge = state.charge._replace(ah=world.traits.capacity_ah * 0.1)
        state = state._replace(heat=warm, plug=plug, trip=trip, charge=charge)
        for _ in range(60):
            state, _happened = stepped(world, state, 10.0, effects)
        hottest.append(state.heat.pack_c)
    assert hottest[1][SICK] > hottest[0][SICK] + 1
    assert np.array_equal(np.delete(hottest[0], SICK), np.delete(hottest[1], SICK))


def test_an_open_contactor_lets_no_charge_in() -> None:
    world = build(Fleet(vehicles=COUNT, seed=8))[0]
    ready = physical.prepared(planned(scenario.parsed(text("pack.contactor")), 8, range(COUNT), START_S), world.traits)
    assert ready
    state = started(world, START_S)
    plug = state.plug._replace(supply_w=np.full(COUNT, 11e3, np.float32), stop_soc=np.ones(COUNT, np.float32))
    trip = state.trip._replace(mode=np.full(COUNT, 3, np.int8), next_s=np.full(COUNT, 9e12))
    state = state._replace(plug=plug, trip=trip)
    effects = physical.at(ready, START_S, COUNT)
    later, _ = stepped(world, state, 10.0, effects)
    assert later.charge.amps[SICK] == 0
    assert np.all(np.delete(later.charge.amps, SICK) > 0)
    columns = everything(seen(world, later, effects))
    assert columns["contactor_closed"][SICK] == 0
    assert columns["dtc_count"][SICK] >= 1


def test_a_fault_ends_when_it_ends_but_lost_charge_stays_lost() -> None:
    world = build(Fleet(vehicles=COUNT, seed=8))[0]
    faults = planned(scenario.parsed(text("cell.self_discharge", more="    duration_s: 600\n    parameters: {cell: 7}\n")), 8, range(COUNT), START_S)
    ready = physical.prepared(faults, world.traits)
    assert ready
    assert physical.at(ready, START_S + 599, COUNT).drain_a[SICK] > 0
    after = physical.at(ready, START_S + 601, COUNT)
    assert after.drain_a[SICK] == 0
    state = started(world, START_S)
    drained = state._replace(drained_ah=np.where(np.arange(COUNT) == SICK, 5, 0).astype(np.float32))
    assert seen(world, drained, after).volts[SICK, 7] < seen(world, state).volts[SICK, 7] - 0.005


def reported(kind: str, more: str = "", frames: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """True and reported pack voltages of all vehicles over frames of a second."""
    world = build(Fleet(vehicles=COUNT, seed=8))[0]
    faults = planned(scenario.parsed(text(kind, more=f"    signals: [pack_v]\n    duration_s: {frames}\n{more}")), 8, range(COUNT), START_S)
    held: sensor.Held = {}
    true, told = [], []
    for second in range(frames):
        columns = {"pack_v": 360 + np.sin(second / 9 + np.arange(COUNT)), "speed_kmh": np.zeros(COUNT)}
        seen_columns, held = sensor.sensed(columns, world.traits, faults, START_S + second, held)
        true.append(columns["pack_v"])
        told.append(seen_columns["pack_v"])
    return np.array(true), np.array(told)


@pytest.mark.parametrize("kind", ["stuck", "drift", "bias", "noise_burst", "spike", "missing"])
def test_a_sensor_fault_falsifies_its_signal_of_its_vehicle_only(kind: str) -> None:
    true, told = reported(f"sensor.{kind}", "" if kind in {"stuck", "missing"} else "    parameters: {amount: 20}\n")
    assert np.array_equal(np.delete(true, SICK, axis=1), np.delete(told, SICK, axis=1))
    wrong = told[:, SICK] - true[:, SICK]
    match kind:
        case "stuck":
            assert np.ptp(told[:, SICK]) == 0
            assert told[0, SICK] == true[0, SICK]
        case "drift":
            assert wrong[0] == pytest.approx(0)
            assert wrong[-1] == pytest.approx(20, rel=0.02)
        case "bias":
            assert wrong == pytest.approx(np.full(len(wrong), 20.0))
        case "noise_burst":
            assert wrong.std() == pytest.approx(20, rel=0.2)
        case "spike":
            assert 0 < np.count_nonzero(np.abs(wrong) > 1) < 15
        case "missing":
            assert np.isnan(told[:, SICK]).all()


def test_sensor_faults_are_the_same_twice() -> None:
    assert np.array_equal(reported("sensor.noise_burst")[1], reported("sensor.noise_burst")[1])
