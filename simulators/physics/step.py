"""One step of the fleet: what is due, driving, charging and rest, temperatures, and now and then weather and ageing."""

from typing import NamedTuple

import numpy as np

from simulators.physics import ageing, cabin, charging, drive, electrics, heat, pack, route, weather
from simulators.physics.drive import Conditions, Driven, Vehicles
from simulators.physics.driver import Driver
from simulators.physics.drivetrain import Losses
from simulators.physics.effects import Effects
from simulators.physics.pack import Pack
from simulators.physics.road import Array, air_density_ratio, rolling_factor
from simulators.physics.state import CHARGING, DRIVING, State, taken, with_rows
from simulators.physics.traits import DELIVERY, Make, Traits
from simulators.physics.transitions import Occurrence, changed

SLOW_S = 300.0
"""How often weather and ageing are looked at."""


class World(NamedTuple):
    """A fleet that does not change: seed, models and traits."""

    seed: int
    make: Make
    traits: Traits


class Condition(NamedTuple):
    """Capacity (Ah), share of it lost, and state of charge (0 to 1), one a vehicle."""

    capacity_ah: Array
    loss: Array
    soc: Array


def condition(world: World, state: State) -> Condition:
    """What is left of the packs, and how full they are."""
    capacity, loss = electrics.capacity_ah(world.traits.pack, world.traits.capacity_ah, state.charge, state.loss)
    return Condition(capacity, loss, np.clip(state.charge.ah / capacity, 0, 1).astype(np.float32))


def stepped(world: World, state: State, dt_s: float, effects: Effects | None = None) -> tuple[State, list[Occurrence]]:
    """The state `dt_s` later (0.1 to 60 s), and what happened at its start. Pure: the given state stays as it is."""
    traits = world.traits
    if state.now_s // SLOW_S != (state.now_s - dt_s) // SLOW_S:
        state = _slow(world, state)
    cells = condition(world, state)
    state, happened = changed(traits, state, cells.soc, dt_s)
    moving = state.trip.mode == DRIVING
    state = _conditioned(world, state, moving, effects)
    before = state
    pack_heat: Array = np.zeros(len(moving), np.float32)
    motor_heat: Array = np.zeros(len(moving), np.float32)
    rows = np.flatnonzero(moving)
    if len(rows):
        state, result = _driving(world, state, rows, cells, (dt_s, effects))
        pack_heat[rows], motor_heat[rows] = result.pack_heat_w, result.motor_heat_w
    rest = np.flatnonzero(~moving)
    if len(rest):
        state, pack_heat[rest] = _resting(world, state, rest, cells, (dt_s, effects))
    cabin_w = _cabin_w(world, before, moving)
    more: Array = effects.short_heat_w if effects else np.zeros(len(moving), np.float32)
    temperatures = heat.stepped(traits.pack, state.heat, (state.ambient_c, cabin_w), (pack_heat, motor_heat, more), moving, dt_s)
    if effects:
        state = state._replace(drained_ah=state.drained_ah + effects.drain_a * np.float32(dt_s / 3600))
    return state._replace(now_s=state.now_s + dt_s, heat=temperatures), happened


def growth(traits: Traits, loss: Array, effects: Effects | None) -> Array:
    """Resistance of the packs against new: by age, and by a cell that a fault makes worse."""
    aged = ageing.resistance_growth(loss)
    return aged if effects is None else aged * (1 + (effects.cell_ohm_x - 1) / traits.pack.series)


def _slow(world: World, state: State) -> State:
    """Weather of this hour and calendar ageing since the last look."""
    air = weather.air(world.seed, state.now_s)
    place = world.traits.place
    soc = condition(world, state).soc
    loss = ageing.calendar_loss(state.loss, ageing.calendar_stress(state.heat.pack_c, soc), SLOW_S)
    return state._replace(ambient_c=air.ambient_c[place], sun_w_m2=air.sun_w_m2[place], loss=loss.astype(np.float32))


def _conditioned(world: World, state: State, moving: np.ndarray, effects: Effects | None) -> State:
    """Powers of climate control and of pack cooling for this step."""
    on = moving.astype(np.float32)
    hvac, _ = cabin.hvac_w(world.traits.climate, state.heat.cabin_c, state.ambient_c, state.sun_w_m2 * np.float32(cabin.SUN_AREA_M2), on)
    live = (moving | (state.trip.mode == CHARGING)).astype(np.float32)
    works: Array = effects.cooling_x if effects else np.ones(len(moving), np.float32)
    cooling = heat.pack_conditioning_w(state.heat.pack_c, live, state.plug.dc & (state.trip.mode == CHARGING), works)
    return state._replace(heat=state.heat._replace(hvac_w=hvac.astype(np.float32), cooling_w=cooling))


def _cabin_w(world: World, state: State, moving: np.ndarray) -> Array:
    """Heat into the cabin: sun (a parked car is left in the shade half of the time) and climate control."""
    sun = state.sun_w_m2 * np.float32(cabin.SUN_AREA_M2)
    _, given = cabin.hvac_w(world.traits.climate, state.heat.cabin_c, state.ambient_c, sun, moving.astype(np.float32))
    return given + sun * np.where(moving, np.float32(1), np.float32(0.5))


def _driving(world: World, state: State, rows: np.ndarray, cells: Condition, how: tuple[float, Effects | None]) -> tuple[State, Driven]:
    dt_s, effects = how
    traits, own = world.traits, taken(state.heat, rows)
    man = Driver(
        traits.keys[rows],
        traits.eager_ms2[rows],
        traits.top_mps[rows],
        traits.peak_w[rows],
        traits.mass_kg[rows],
        traits.pattern[rows] == DELIVERY,
    )
    load, packs = tuple(column[rows] for column in traits.load), Pack(*(column[rows] for column in traits.pack))
    vehicles = Vehicles(man, (load[0], load[1], load[2]), Losses(*(np.asarray(column)[rows] for column in traits.losses)), packs)
    trip, ambient = taken(state.trip, rows), state.ambient_c[rows]
    given = Conditions(
        rolling_factor(ambient, own.tyre_cold),
        air_density_ratio(ambient, trip.height_m.astype(np.float32)).astype(np.float32),
        trip.grade,
        traits.aux_w[rows] + own.hvac_w + own.cooling_w,
        cells.capacity_ah[rows],
        growth(traits, cells.loss, effects)[rows],
        own.pack_c,
        trip.arrivals,
        trip.length_m,
    )
    result = drive.driven(vehicles, taken(state.motion, rows), taken(state.charge, rows), given, dt_s)
    share = np.clip(result.motion.gone_m / trip.length_m, 0, 1)
    placed = route.travelled(trip, traits.place[rows], share, result.way_m)
    odometer = state.odometer_m.copy()
    odometer[rows] += result.way_m
    state = state._replace(
        trip=with_rows(state.trip, rows, placed),
        motion=with_rows(state.motion, rows, result.motion),
        charge=with_rows(state.charge, rows, result.charge),
        odometer_m=odometer,
    )
    return state, result


def _resting(world: World, state: State, rows: np.ndarray, cells: Condition, how: tuple[float, Effects | None]) -> tuple[State, Array]:
    """Charging or at rest. A contactor that stays open lets no charge in."""
    dt_s, effects = how
    traits = world.traits
    plug, soc, pack_c = taken(state.plug, rows), cells.soc[rows], state.heat.pack_c[rows]
    curve = world.make.dc_kw[traits.model[rows], (soc * 100).astype(np.int32)]
    charges = state.trip.mode[rows] == CHARGING
    if effects:
        charges &= ~effects.contactor_open[rows]
    taken_w = charging.accepted_w(curve, traits.ac_w[rows], plug, soc, pack_c)
    power = np.where(charges, np.maximum(taken_w - state.heat.cooling_w[rows], 0), 0).astype(np.float32)
    packs = Pack(*(column[rows] for column in traits.pack))
    factor = pack.resistance_factor(packs, soc, pack_c, growth(traits, cells.loss, effects)[rows]).astype(np.float32)
    charge, warmth = electrics.stepped(packs, taken(state.charge, rows), power, (cells.capacity_ah[rows], factor, soc), dt_s)
    peak = np.where(charges, np.maximum(plug.peak_w, power), plug.peak_w)
    state = state._replace(charge=with_rows(state.charge, rows, charge), plug=with_rows(state.plug, rows, plug._replace(peak_w=peak)))
    return state, warmth
