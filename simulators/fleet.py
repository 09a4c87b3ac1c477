"""The plain fleet: one numpy step moves all vehicles. A vehicle depends on its number and the seed only, not on the fleet's size.

`Traits` stay, `State` changes: `step(traits, state, dt_s)` gives the next state and what happened. Energies are counted
positive in both directions: into the pack and out of it.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators import habits, models, motion, pack
from simulators.draws import Floats, Keys, between, keys, spread, uniform
from simulators.habits import Battery, Habit, Mask, Occurrence
from simulators.motion import Course, Motion
from simulators.pack import Flow
from simulators.places import Homes, ground_m

AUX_W = 320.0
"""Lights, computers and pumps."""
HOT_PERIOD_S = 40.0
"""A vehicle that runs hot climbs for half of this time and cools for the other half."""


class Traits(msgspec.Struct, frozen=True):
    """What does not change about the vehicles, one row a vehicle."""

    keys: Keys
    numbers: NDArray[np.int64]
    home: Homes
    model: NDArray[np.int64]
    energy_wh: Floats
    capacity_ah: Floats
    mass_kg: Floats
    area_m2: Floats
    charge_w: Floats
    ohm: Floats
    soc_low: Floats
    soc_limit: Floats
    soh_pct: Floats
    cabin_wish_c: Floats
    cell_offset_v: Floats
    probe_offset_c: Floats
    hot: Mask
    hot_phase: Floats


class State(msgspec.Struct, frozen=True):
    """What changes, one row a vehicle. `soc` is 0 to 1; `charge_peak_w` is the highest power of this or the last charge."""

    step: int
    elapsed_s: float
    habit: Habit
    course: Course
    motion: Motion
    height_m: Floats
    force_n: Floats
    flow: Flow
    hvac_w: Floats
    soc: Floats
    pack_c: Floats
    cabin_c: Floats
    motor_c: Floats
    way_m: Floats
    in_wh: Floats
    out_wh: Floats
    in_ah: Floats
    out_ah: Floats
    regen_wh: Floats
    charge_peak_w: Floats


def traits(seed: int, numbers: Sequence[int], regions: Sequence[str], hot: Sequence[bool]) -> Traits:
    """The vehicles of these numbers; `regions[i]` and `hot[i]` are those of `numbers[i]`."""
    count = np.asarray(numbers, dtype=np.int64)
    of = keys(seed, count)
    model = models.pick(of)
    energy = models.trait(model, "energy_kwh") * 1000
    return Traits(
        keys=of,
        numbers=count,
        home=Homes(of, regions),
        model=model,
        energy_wh=energy,
        capacity_ah=energy / (models.CELLS * 3.68),
        mass_kg=models.trait(model, "mass_kg"),
        area_m2=models.trait(model, "area_m2"),
        charge_w=models.trait(model, "charge_kw") * between(of, 0, 6, (600.0, 1000.0)),
        ohm=models.trait(model, "pack_ohm"),
        soc_low=between(of, 0, 7, (0.12, 0.30)),
        soc_limit=np.where(uniform(of, 0, 8) < 0.7, 0.8, 0.9),
        soh_pct=between(of, 0, 9, (86.0, 100.0)),
        cabin_wish_c=between(of, 0, 30, (20.0, 23.0)),
        cell_offset_v=0.008 * (spread(of, 1, models.CELLS) - 0.5),
        probe_offset_c=2.4 * (spread(of, 2, models.PROBES) - 0.5),
        hot=np.asarray(hot, dtype=np.bool_),
        hot_phase=uniform(of, 0, 31),
    )


def start(fleet: Traits) -> State:
    """The vehicles when their sensor units boot."""
    of, home = fleet.keys, fleet.home
    none = np.zeros(len(of))
    habit = habits.first(of)
    bearing = 360.0 * uniform(of, 0, 32)
    aside = 0.02 * (uniform(of, 0, 33) - 0.5)
    lat, lon = home.lat + aside, home.lon - aside
    speed = np.where(habit.mode == habits.DRIVING, 20.0 * uniform(of, 0, 34), 0.0)
    soc = habits.first_soc(of, habit, fleet.soc_low, fleet.soc_limit)
    ever_wh = fleet.energy_wh * between(of, 0, 35, (20.0, 400.0))
    ever_ah = ever_wh / (models.CELLS * 3.68)
    return State(
        step=0,
        elapsed_s=0.0,
        habit=habit,
        course=Course(speed, 20.0 * uniform(of, 0, 36), bearing),
        motion=Motion(speed, none, bearing, none, lat, lon, none),
        height_m=ground_m(home.height_m, lat, lon),
        force_n=none,
        flow=pack.load(soc, fleet.ohm, np.full(len(of), -AUX_W), models.CELLS),
        hvac_w=none,
        soc=soc,
        pack_c=home.air_c + 8 * uniform(of, 0, 37),
        cabin_c=home.air_c + 4 * uniform(of, 0, 38),
        motor_c=home.air_c + 25 * uniform(of, 0, 39),
        way_m=np.floor(ever_wh * 6.0),
        in_wh=ever_wh * 1.16,
        out_wh=ever_wh * 1.12,
        in_ah=ever_ah * 1.16,
        out_ah=ever_ah * 1.15,
        regen_wh=ever_wh * 0.16,
        charge_peak_w=0.6 * fleet.charge_w,
    )


def step(fleet: Traits, state: State, dt_s: float) -> tuple[State, list[Occurrence]]:
    """The state `dt_s` seconds later, and what happened on the way."""
    number, place, home = state.step + 1, (state.motion.lat, state.motion.lon), (fleet.home.lat, fleet.home.lon)
    battery = Battery(state.soc, fleet.soc_low, fleet.soc_limit)
    habit, happened = habits.change(fleet.keys, number, state.habit, battery, state.motion.speed_ms == 0, dt_s)
    course = motion.steer(fleet.keys, number, state.course, place, home, dt_s)
    halt = (habit.mode != habits.DRIVING) | (state.soc <= fleet.soc_low)
    moved = motion.move(state.motion.speed_ms, state.motion.heading_deg, place, course, halt, dt_s)
    height = ground_m(fleet.home.height_m, moved.lat, moved.lon)
    force = motion.wheel_force_n(moved, height - state.height_m, fleet.mass_kg, fleet.area_m2)
    drive_w = motion.electric_w(force, moved.speed_ms)
    driving, charging = habit.mode == habits.DRIVING, habit.mode == habits.CHARGING
    hvac = np.where(driving, np.clip(400.0 * np.abs(state.cabin_c - fleet.cabin_wish_c), 60.0, 3500.0), 0.0)
    supply_w = np.where(charging, pack.charger_w(state.soc, fleet.soc_limit, fleet.charge_w), 0.0)
    flow = pack.load(state.soc, fleet.ohm, supply_w - drive_w - hvac - np.where(driving, AUX_W, 40.0), models.CELLS)
    new = msgspec.structs.replace(
        state,
        step=number,
        elapsed_s=number * dt_s,
        habit=habit,
        course=course,
        motion=moved,
        height_m=height,
        force_n=force,
        flow=flow,
        hvac_w=hvac,
    )
    return _count(fleet, new, drive_w, dt_s), happened


def _count(fleet: Traits, state: State, drive_w: Floats, dt_s: float) -> State:
    """Move the counters, the charge and the temperatures by what flowed in one step."""
    flow, air, hours = state.flow, fleet.home.air_c, dt_s / 3600
    inward, outward = np.maximum(flow.pack_w, 0.0), np.maximum(-flow.pack_w, 0.0)
    driving, charging = state.habit.mode == habits.DRIVING, state.habit.mode == habits.CHARGING
    wish = np.where(driving, fleet.cabin_wish_c, air + 3.0)
    peak = np.where(charging, np.maximum(state.charge_peak_w, inward), state.charge_peak_w)
    return msgspec.structs.replace(
        state,
        soc=np.clip(state.soc + flow.pack_a * hours / fleet.capacity_ah, 0.0, 1.0),
        pack_c=pack.warm(state.pack_c, air, flow, fleet.ohm, dt_s),
        cabin_c=state.cabin_c + (wish - state.cabin_c) * min(dt_s / 240.0, 1.0),
        motor_c=state.motor_c + dt_s * (0.12 * np.abs(drive_w) - 55.0 * (state.motor_c - air)) / 45_000.0,
        way_m=state.way_m + state.motion.way_m,
        in_wh=state.in_wh + inward * hours,
        out_wh=state.out_wh + outward * hours,
        in_ah=state.in_ah + np.maximum(flow.pack_a, 0.0) * hours,
        out_ah=state.out_ah + np.maximum(-flow.pack_a, 0.0) * hours,
        regen_wh=state.regen_wh + np.where(charging, 0.0, inward) * hours,
        charge_peak_w=peak,
    )


def probes_c(fleet: Traits, state: State) -> Floats:
    """Probe temperatures (Celsius), shape (vehicles, 8): the last probe of a hot vehicle climbs past 60 and cools below 50 in turn."""
    probes = state.pack_c[:, None] + fleet.probe_offset_c
    if fleet.hot.any():
        swing = 2.0 * ((state.elapsed_s / HOT_PERIOD_S + fleet.hot_phase[fleet.hot]) % 1.0)
        probes[fleet.hot, -1] = 40.0 + 30.0 * np.minimum(swing, 2.0 - swing)
    return probes


def cells_v(fleet: Traits, state: State) -> Floats:
    """Cell voltages (V), shape (vehicles, 96): the pack's mean and each cell's own offset."""
    return state.flow.pack_v[:, None] / models.CELLS + fleet.cell_offset_v
