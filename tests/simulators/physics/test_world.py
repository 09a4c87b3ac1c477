import numpy as np
import pytest

from contracts.errors import Terminal
from contracts.signals import BY_NAME
from simulators.physics import draws, weather
from simulators.physics.places import CITIES, EVERYWHERE
from simulators.physics.state import CHARGING, DRIVING, State
from simulators.physics.traits import COMMUTER, PATTERNS
from simulators.physics.world import Columns, Fleet, World, build, condition, everything, seen, started, stepped

MORNING_S = 1_781_071_200.0
"""Wednesday 10 June 2026, 06:00 UTC."""


def run(fleet: Fleet, steps: int, dt_s: float, busy: float = 0.9) -> tuple[World, State, list[str]]:
    world = build(fleet)[0]
    state, events = started(world, MORNING_S, busy), []
    for _ in range(steps):
        state, happened = stepped(world, state, dt_s)
        events += [one.event for one in happened]
    return world, state, events


def report(fleet: Fleet, steps: int, dt_s: float) -> Columns:
    world, state, _ = run(fleet, steps, dt_s)
    return everything(seen(world, state))


@pytest.fixture(scope="module")
def thirty_hours() -> tuple[World, list[State], list[str]]:
    world = build(Fleet(vehicles=120, seed=4, regions=("eu-central", "us-east", "eu-north"), shares=(0.5, 0.2, 0.2, 0.1)))[0]
    states, events = [started(world, MORNING_S)], []
    for _ in range(30 * 60):
        state, happened = stepped(world, states[-1], 60.0)
        states.append(state)
        events += [one.event for one in happened]
    return world, states, events


def test_a_vehicle_does_not_depend_on_the_size_of_the_fleet() -> None:
    large, small = report(Fleet(vehicles=700, seed=9), 150, 7.0), report(Fleet(vehicles=3, first=400, seed=9), 150, 7.0)
    assert {name for name in large if not np.array_equal(large[name][400:403], small[name])} == set()


def test_blocks_are_the_same_fleet() -> None:
    whole, parts = build(Fleet(vehicles=10))[0], build(Fleet(vehicles=10), block=4)
    assert [len(part.traits.number) for part in parts] == [4, 4, 2]
    assert np.array_equal(whole.traits.mass_kg, np.concatenate([part.traits.mass_kg for part in parts]))


def test_the_same_seed_gives_the_same_and_another_gives_another() -> None:
    one, same, other = (report(Fleet(vehicles=40, seed=seed), 60, 5.0) for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["lat"], other["lat"])


def test_a_step_leaves_the_given_state_as_it_was() -> None:
    world, state, _ = run(Fleet(vehicles=50), 80, 5.0)
    before = [column.copy() for group in state if isinstance(group, tuple) for column in group]
    stepped(world, state, 5.0)
    after = [column for group in state if isinstance(group, tuple) for column in group]
    assert all(np.array_equal(one, two, equal_nan=True) for one, two in zip(before, after, strict=True))


def test_all_signals_stand_in_the_catalogue_and_stay_inside_its_ranges(thirty_hours: tuple[World, list[State], list[str]]) -> None:
    world, states, _ = thirty_hours
    for state in states[::97]:
        columns = everything(seen(world, state))
        assert len(columns) >= 25
        for name, values in columns.items():
            signal = BY_NAME[name]
            assert np.isfinite(values).all(), name
            assert values.min() >= signal.low, name
            assert values.max() <= signal.high, name


def test_charge_is_conserved_and_counters_only_grow(thirty_hours: tuple[World, list[State], list[str]]) -> None:
    _, states, _ = thirty_hours
    first, last = states[0].charge, states[-1].charge
    net = (last.in_ah - last.out_ah) - (first.in_ah - first.out_ah)
    assert net == pytest.approx(last.ah - first.ah, abs=1e-6)
    for name in ("in_wh", "out_wh", "in_ah", "out_ah", "regen_wh"):
        series = np.stack([getattr(state.charge, name) for state in states[::30]])
        assert np.all(np.diff(series, axis=0) >= 0), name
    assert np.all(np.diff(np.stack([state.odometer_m for state in states[::30]]), axis=0) >= 0)


def test_a_day_has_drives_and_charges_and_each_vehicle_stays_charged(thirty_hours: tuple[World, list[State], list[str]]) -> None:
    world, states, events = thirty_hours
    for event in ("drive_started", "drive_ended", "plugged_in", "charging_started", "charging_stopped", "unplugged"):
        assert events.count(event) > 20, event
    soc = np.stack([condition(world, state).soc for state in states[::10]])
    assert soc.min() > 0.01
    assert soc.max() <= 1
    assert {int(mode) for state in states for mode in np.unique(state.trip.mode)} >= {DRIVING, CHARGING}


def test_patterns_drive_as_far_as_they_should_and_use_what_such_cars_use(thirty_hours: tuple[World, list[State], list[str]]) -> None:
    world, states, _ = thirty_hours
    km = (states[-1].odometer_m - states[0].odometer_m) / 1e3 / 2
    expected = {"commuter": (8, 70), "taxi": (130, 400), "delivery": (25, 150)}
    for name, (low, high) in expected.items():
        assert low < km[world.traits.pattern == PATTERNS.index(name)].mean() < high, name
    used = states[-1].charge.out_wh - states[0].charge.out_wh - (states[-1].charge.regen_wh - states[0].charge.regen_wh)
    assert 120 < used.sum() / (km.sum() * 2) < 260


def test_commuters_are_at_work_when_people_at_work_are(thirty_hours: tuple[World, list[State], list[str]]) -> None:
    world, states, _ = thirty_hours
    commuters = (world.traits.pattern == COMMUTER) & (world.traits.home_lon > 0)
    noon, night = states[5 * 60], states[20 * 60]
    assert (noon.trip.site[commuters] == 1).mean() > 0.5
    assert (night.trip.site[commuters] == 0).mean() > 0.8


def test_vehicles_move_as_fast_as_they_say(thirty_hours: tuple[World, list[State], list[str]]) -> None:
    world, _, _ = thirty_hours
    state = thirty_hours[1][120]
    for _ in range(30):
        before = state
        state, _happened = stepped(world, state, 1.0)
        rows = np.flatnonzero((before.trip.mode == DRIVING) & (state.trip.mode == DRIVING))
        north = (state.trip.lat[rows] - before.trip.lat[rows]) * 111_320
        east = (state.trip.lon[rows] - before.trip.lon[rows]) * 111_320 * np.cos(np.radians(state.trip.lat[rows]))
        way = state.odometer_m[rows] - before.odometer_m[rows]
        assert np.all(np.hypot(north, east) <= 1.6 * way + 1e-3)
        assert np.all(state.motion.speed_mps[rows] < 62)
        assert np.all(np.abs(state.motion.accel_ms2[rows]) < 8)


def test_cells_lie_around_the_pack_voltage(thirty_hours: tuple[World, list[State], list[str]]) -> None:
    world, states, _ = thirty_hours
    look = seen(world, states[700])
    series = world.traits.series
    inside = np.arange(look.volts.shape[1])[None, :] < series[:, None]
    assert np.where(inside, look.volts, 0).sum(axis=1) == pytest.approx(states[700].charge.volts, rel=0.01)
    assert np.all(look.lowest < series)
    assert np.all(look.cell_v(look.highest) >= look.cell_v(look.lowest))


def test_winter_costs_more_than_summer() -> None:
    def wh_per_km(now_s: float) -> float:
        world = build(Fleet(vehicles=60, regions=("eu-north",), shares=(0, 1, 0, 0)))[0]
        state = first = started(world, now_s, busy=1.0)
        for _ in range(90):
            state, _ = stepped(world, state, 60.0)
        net = (state.charge.out_wh - first.charge.out_wh - state.charge.regen_wh + first.charge.regen_wh).sum()
        return float(net / (state.odometer_m - first.odometer_m).sum() * 1e3)

    assert wh_per_km(MORNING_S + 220 * 86_400) > 1.15 * wh_per_km(MORNING_S)


def test_weather_has_seasons_and_days_by_place() -> None:
    july, january = (np.mean([weather.air(1, MORNING_S + (day + k) * 86_400).ambient_c for k in range(20)], axis=0) for day in (30, 214))
    south = EVERYWHERE.index(CITIES["us-west"][1])
    assert np.all(july - january > 8)
    assert july[south] > 25
    noon, night = (weather.air(1, MORNING_S + hour * 3600) for hour in (6, 18))
    berlin = EVERYWHERE.index(CITIES["eu-central"][0])
    assert noon.sun_w_m2[berlin] > 200
    assert night.sun_w_m2[berlin] == 0


def test_draws_are_even_and_independent() -> None:
    key = draws.keys(3, np.arange(50_000))
    one, two = draws.uniform(key, 1), draws.uniform(key, 2)
    assert one.mean() == pytest.approx(0.5, abs=0.01)
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.02
    assert abs(np.corrcoef(draws.uniform(key, 1, 0), draws.uniform(key, 1, 1))[0, 1]) < 0.02
    assert draws.normal(key, 4).std() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("fleet", "said"),
    [
        (Fleet(vehicles=0), "at least 1"),
        (Fleet(models=("warp-drive",)), "unknown vehicle model 'warp-drive'"),
        (Fleet(shares=(1, 2)), "shares must be 4 numbers"),
        (Fleet(regions=()), "needs a region"),
    ],
)
def test_a_fleet_that_makes_no_sense_is_refused_with_a_sentence(fleet: Fleet, said: str) -> None:
    with pytest.raises(Terminal, match=said):
        build(fleet)
