"""The day of a vehicle: after each arrival, when it leaves again, where to and how far. Drawn from (vehicle, number of arrivals) only.

Commuters arrive at work as people at JPL do (`sessions`), stay some eight hours, run errands; taxis work a shift of short trips;
deliveries tour from a depot; long-distance drivers go far every few days. Hours are local.
"""

from typing import NamedTuple

import numpy as np

from simulators.physics import draws, sessions
from simulators.physics.road import Array
from simulators.physics.route import DETOUR
from simulators.physics.state import AWAY, HOME, WORK
from simulators.physics.traits import COMMUTER, DELIVERY, LONG, TAXI, Traits, moved

DAY_S = 86_400.0
_WHEN, _HOW_FAR, _WHERE, _IF, _STAY, _DAY = range(401, 407)
TRIP_MPS = 11.0
"""Speed that people reckon with when they leave in time (40 km/h)."""


class Plan(NamedTuple):
    """When it leaves (epoch seconds), which kind of site it goes to, where, how far (m), and whether it is a loop back here."""

    next_s: Array
    goal: np.ndarray
    to_lat: Array
    to_lon: Array
    length_m: Array
    loop: np.ndarray


class Here(NamedTuple):
    """Some vehicles that arrived: their rows in the traits, site, position in degrees, number of arrivals so far, local time in s, UTC lead in s."""

    rows: np.ndarray
    site: np.ndarray
    lat: Array
    lon: Array
    arrivals: np.ndarray
    local_s: Array
    utc_s: Array


def _days_on(local_s: Array, hour: Array, wait_days: Array) -> Array:
    """The first local instant at that hour of a day which is still to come, and so many days on."""
    today = np.floor(local_s / DAY_S) * DAY_S + hour * 3600
    return np.where(today > local_s, today, today + DAY_S) + wait_days * DAY_S


def _skip_days(instant: Array, last: int) -> Array:
    """The instant, put off to Monday where its weekday is beyond `last` (0 = Monday)."""
    day = (np.floor(instant / DAY_S) + 3) % 7
    return np.where(day > last, instant + (7 - day) * DAY_S, instant)


def after_arrival(traits: Traits, here: Here) -> Plan:
    """What each of these vehicles does next."""
    key = traits.keys[here.rows]
    pattern = traits.pattern[here.rows]

    def even(stream: int) -> Array:
        return draws.uniform(key, stream, here.arrivals)

    when, turn, whether = even(_WHEN), even(_WHERE), even(_IF)
    spread = draws.normal(key, _HOW_FAR, here.arrivals)
    hour = here.local_s % DAY_S / 3600
    home = here.site == HOME
    to_work = home & (pattern == COMMUTER) & ~((hour > 15) & (hour < 19) & (whether < 0.3))
    leave = here.local_s + 1200 + 6000 * when  # an errand
    length = np.exp(np.log(5000) + 0.6 * spread).clip(800, 40_000)
    goal = np.where(to_work, WORK, np.where(home, AWAY, HOME))
    leave = np.where(to_work, _skip_days(_to_work(traits, here, when), 4), leave)
    weekend = to_work & (leave - here.local_s > 1.1 * DAY_S) & (whether > 0.4)
    goal = np.where(weekend, AWAY, goal)
    leave = np.where(weekend, _days_on(here.local_s, 9.5 + 8 * when, 0 * when), leave)
    stay_h = np.exp(np.log(8.1) + 0.16 * draws.normal(key, _STAY, here.arrivals))
    leave = np.where(here.site == WORK, here.local_s + stay_h * 3600, leave)
    taxi, long, delivery = pattern == TAXI, pattern == LONG, pattern == DELIVERY
    shift = 5 + 12 * draws.uniform(key, _DAY, 0)
    on_shift = taxi & ((hour - shift) % 24 < 9.5 + 2 * draws.uniform(key, _DAY, 1))
    goal = np.where(on_shift, AWAY, goal)
    leave = np.where(on_shift, here.local_s + 150 + 1500 * when * when, np.where(taxi & home, _days_on(here.local_s, shift, 0 * when), leave))
    length = np.where(taxi, np.exp(np.log(6500) + 0.7 * spread).clip(1200, 60_000), length)
    morning = 6.8 + 2.2 * when
    tour = _skip_days(np.where((hour > 10.5) & (hour < 14), here.local_s + 2400 + 2400 * when, _days_on(here.local_s, morning, 0 * when)), 5)
    leave, goal = np.where(delivery, tour, leave), np.where(delivery, HOME, goal)
    length = np.where(delivery, 28_000 + 30_000 * whether, length)
    far = long & home & (whether < 0.6)
    leave = np.where(long & home, _days_on(here.local_s, 7 + 4 * when, np.floor(2.5 * turn)), leave)
    leave = np.where(long & ~home, here.local_s + (2 + 26 * when) * 3600, leave)
    length = np.where(far, 110_000 + 260_000 * turn * turn, length)
    return _routed(traits, here, Plan(leave - here.utc_s, goal, here.lat, here.lon, length, delivery), turn)


def _to_work(traits: Traits, here: Here, when: Array) -> Array:
    """When to leave for work, so as to arrive when people do."""
    arrive = sessions.start_hours(sessions.workplace(), when)
    return _days_on(here.local_s, (arrive - traits.work_m[here.rows] / TRIP_MPS / 3600) % 24, 0 * when)


def _routed(traits: Traits, here: Here, plan: Plan, turn: Array) -> Plan:
    """The plan with its goal's position: home and work stand fixed, elsewhere is drawn; the way home is as far as it is."""
    from simulators.physics.route import straight_m

    rows = here.rows
    reach = np.where(plan.loop, plan.length_m / 2.6, plan.length_m / DETOUR)
    lat, lon = moved(here.lat, here.lon, reach, turn * 2 * np.pi)
    known = (plan.goal != AWAY) & ~plan.loop
    lat = np.where(known, np.where(plan.goal == HOME, traits.home_lat[rows], traits.work_lat[rows]), lat)
    lon = np.where(known, np.where(plan.goal == HOME, traits.home_lon[rows], traits.work_lon[rows]), lon)
    length = np.where(known, straight_m(here.lat, here.lon, lat, lon) * DETOUR, plan.length_m)
    return plan._replace(to_lat=lat, to_lon=lon, length_m=np.maximum(length, 400))
