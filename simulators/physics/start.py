"""The state of a fleet when its simulation begins: lives lived so far, charge, and what each vehicle is about to do."""

import numpy as np

from simulators.physics import ageing, charging, draws, pack, plans, route, weather
from simulators.physics.driver import Driver, stretched
from simulators.physics.plans import Here
from simulators.physics.road import Array
from simulators.physics.state import DRIVING, HOME, PARKED, Charge, Heat, Motion, Plug, State, Trip, taken, with_rows
from simulators.physics.step import World, condition
from simulators.physics.traits import DELIVERY

_SOC, _SINCE, _BUSY, _SOON, _YEARLY, _ROAD = range(601, 607)
KM_A_YEAR = np.array([14_000.0, 60_000.0, 28_000.0, 35_000.0])
"""By pattern: commuter, taxi, delivery, long distance."""
SOON_S = 600.0
ON_ROAD, AT_CHARGER = 0.55, 0.4


def started(world: World, now_s: float, busy: float = 0.0) -> State:
    """All vehicles parked at home at `now_s` (epoch seconds), after a life of their age.

    A share `busy` of them leaves within ten minutes; the others when their day says so.
    """
    traits, key = world.traits, world.traits.keys
    count = len(key)
    rows = np.arange(count)
    air = weather.air(world.seed, now_s)
    ambient = air.ambient_c[traits.place]
    lead = weather.UTC_S[traits.place]
    zero, none = np.zeros(count, np.float32), np.zeros(count, np.int32)
    arrived = now_s + lead - draws.uniform(key, _SINCE) * 3 * 3600
    plan = plans.after_arrival(traits, Here(rows, np.full(count, HOME), traits.home_lat, traits.home_lon, none, arrived, lead))
    soon = now_s + draws.uniform(key, _SOON) * SOON_S
    leaves = np.where(draws.uniform(key, _BUSY) < busy, soon, np.maximum(plan.next_s, soon))
    trip = Trip(
        np.full(count, PARKED, np.int8),
        np.full(count, HOME, np.int8),
        plan.goal.astype(np.int8),
        none,
        leaves,
        plan.length_m.astype(np.float32),
        traits.home_lat,
        traits.home_lon,
        plan.to_lat,
        plan.to_lon,
        plan.loop,
        traits.home_lat,
        traits.home_lon,
        (draws.uniform(key, _YEARLY) * 360).astype(np.float32),
        route.ground_m(traits.place, traits.home_lat, traits.home_lon),
        zero,
    )
    life = _life(world)
    plug = Plug(zero, np.zeros(count, bool), traits.limit_soc, (life[3] * 0 + 11e3).astype(np.float32))
    warm = ambient.astype(np.float32)
    heat = Heat(warm, warm, warm, warm, np.full(count, 0.25, np.float32), zero, zero)
    motion = Motion(zero, zero, zero, none, zero, zero, zero, zero, zero)
    charge, odometer, loss = life[0], life[1], life[2]
    return State(now_s, trip, motion, charge, plug, heat, ambient, air.sun_w_m2[traits.place], odometer, loss, zero)


def under_way(world: World, state: State) -> State:
    """A fresh state in the middle of life: half of the vehicles on their first trip already, some of the others at a charger."""
    traits, key = world.traits, world.traits.keys
    rows = np.flatnonzero(draws.uniform(key, _ROAD) < ON_ROAD)
    share = 0.05 + 0.75 * draws.uniform(key[rows], _ROAD, 1)
    trip = taken(state.trip, rows)
    gone = (share * trip.length_m).astype(np.float32)
    placed = route.travelled(trip, traits.place[rows], share, gone)._replace(mode=np.full(len(rows), DRIVING, np.int8))
    speed = (6 + 5 * draws.uniform(key[rows], _ROAD, 2)).astype(np.float32)
    moving = taken(state.motion, rows)._replace(gone_m=gone, speed_mps=speed, end_mps=speed)
    limits = (traits.eager_ms2[rows], traits.top_mps[rows], traits.peak_w[rows], traits.mass_kg[rows])
    man = Driver(key[rows], limits[0], limits[1], limits[2], limits[3], traits.pattern[rows] == DELIVERY)
    motion = stretched(man, moving, trip.arrivals, trip.length_m)
    state = state._replace(trip=with_rows(state.trip, rows, placed), motion=with_rows(state.motion, rows, motion))
    parked = np.flatnonzero((state.trip.mode == PARKED) & (draws.uniform(key, _ROAD, 3) < AT_CHARGER))
    soc = condition(world, state).soc[parked]
    mode, plug = charging.plugged(traits, charging.Parked(parked, state.trip.site[parked], soc, state.trip.arrivals[parked]))
    modes = state.trip.mode.copy()
    modes[parked] = mode
    return state._replace(trip=state.trip._replace(mode=modes), plug=with_rows(state.plug, parked, plug))


def _life(world: World) -> tuple[Charge, Array, Array, Array]:
    """Counters, odometer, calendar loss of a life so far."""
    traits = world.traits
    years = traits.start_age_y.astype(np.float64)
    yearly = KM_A_YEAR[traits.pattern] * (0.6 + 0.8 * draws.uniform(traits.keys, _YEARLY, 1))
    metres = years * yearly * 1e3
    volts = traits.series * 3.7
    out_wh = metres * 0.175
    stress = ageing.calendar_stress(np.full(len(years), 18.0), np.full(len(years), 0.6))
    loss = ageing.calendar_loss(np.zeros(len(years)), stress, years * ageing.YEAR_S).astype(np.float32)
    used = ageing.cycle_loss(out_wh / volts / traits.capacity_ah)
    limit = traits.limit_soc * (0.45 + 0.5 * draws.uniform(traits.keys, _SOC))
    amp_hours = traits.capacity_ah * (1 - loss - used) * limit
    soc = limit.astype(np.float32)
    rest = pack.rest_voltage(traits.pack, soc).astype(np.float32)
    zero = np.zeros(len(years), np.float32)
    inward = out_wh * 1.04
    charge = Charge(amp_hours, zero, zero, zero, rest, inward, out_wh, inward / volts, out_wh * 1.02 / volts, out_wh * 0.17)
    return charge, np.floor(metres), loss, years
