"""What begins and ends between two steps: departures, arrivals, the end of a charge, and a stop at a fast charger on the way."""

from typing import NamedTuple

import numpy as np

from simulators.physics import charging, plans, weather
from simulators.physics.plans import Here
from simulators.physics.road import Array
from simulators.physics.state import AWAY, CHARGING, DRIVING, PARKED, PLUGGED, ROADSIDE, Motion, State, Trip, with_rows
from simulators.physics.traits import Traits

WAIT_MORE_S = 1800.0
LEAST_SOC = 0.2
STILL_MPS = 0.3
LONG_STEP_S = 5.0


class Occurrence(NamedTuple):
    """Something that happened to the vehicle of that row: the event's name and its attributes."""

    vehicle: int
    event: str
    attributes: dict[str, float | str]


def changed(traits: Traits, state: State, soc: Array, dt_s: float) -> tuple[State, list[Occurrence]]:
    """The state after all that is due at its instant, and what happened."""
    mode = state.trip.mode
    happened: list[Occurrence] = []
    due = (mode != DRIVING) & (state.trip.next_s <= state.now_s) & (state.trip.site != ROADSIDE)
    full = (mode == CHARGING) & (soc >= state.plug.stop_soc - 1e-4)
    slow = (state.motion.speed_mps < STILL_MPS) | (dt_s > LONG_STEP_S)
    driving = mode == DRIVING
    there = driving & (state.motion.gone_m >= state.trip.length_m - 3) & slow
    empty = driving & ~there & (soc < charging.LOW_SOC)
    if full.any():
        state, happened = _finished(state, np.flatnonzero(full), soc, happened)
    if due.any():
        state, happened = _departed(state, np.flatnonzero(due), soc, happened)
    if there.any():
        state, happened = _arrived(traits, state, np.flatnonzero(there), soc, happened)
    if empty.any():
        state, happened = _low(traits, state, np.flatnonzero(empty), slow, (soc, happened))
    return state, happened


def _told(rows: np.ndarray, event: str, soc: Array) -> list[Occurrence]:
    return [Occurrence(row, event, {"soc_pct": round(float(soc[row]) * 100, 2)}) for row in rows.tolist()]


def _set(column: np.ndarray, rows: np.ndarray, value: object) -> np.ndarray:
    new = column.copy()
    new[rows] = value
    return new


def _finished(state: State, rows: np.ndarray, soc: Array, happened: list[Occurrence]) -> tuple[State, list[Occurrence]]:
    """Charged: plugged in still, or on the road again from a fast charger on the way."""
    onward = rows[state.trip.site[rows] == ROADSIDE]
    mode = _set(_set(state.trip.mode, rows, PLUGGED), onward, DRIVING)
    trip = state.trip._replace(mode=mode, site=_set(state.trip.site, onward, AWAY))
    plug = state.plug._replace(supply_w=_set(state.plug.supply_w, rows, 0))
    events = _told(rows, "charging_stopped", soc) + _told(onward, "unplugged", soc) + _told(onward, "drive_started", soc)
    return state._replace(trip=trip, plug=plug), happened + events


def _departed(state: State, rows: np.ndarray, soc: Array, happened: list[Occurrence]) -> tuple[State, list[Occurrence]]:
    """Leave; who is charging and has little waits for more."""
    waits = (state.trip.mode[rows] == CHARGING) & (soc[rows] < LEAST_SOC + 0.15)
    later, leave = rows[waits], rows[~waits]
    plugged_in = leave[state.trip.mode[leave] != PARKED]
    stopped = leave[state.trip.mode[leave] == CHARGING]
    trip = state.trip._replace(
        mode=_set(state.trip.mode, leave, DRIVING),
        next_s=_set(state.trip.next_s, later, state.now_s + WAIT_MORE_S),
        from_lat=_set(state.trip.from_lat, leave, state.trip.lat[leave]),
        from_lon=_set(state.trip.from_lon, leave, state.trip.lon[leave]),
    )
    zero = np.zeros(len(leave), np.float32)
    fresh = Motion(zero, zero, zero, zero.astype(np.int32), zero, zero, zero, zero, zero)
    plug = state.plug._replace(supply_w=_set(state.plug.supply_w, leave, 0))
    events = _told(stopped, "charging_stopped", soc) + _told(plugged_in, "unplugged", soc) + _told(leave, "drive_started", soc)
    return state._replace(trip=trip, motion=with_rows(state.motion, leave, fresh), plug=plug), happened + events


def _arrived(traits: Traits, state: State, rows: np.ndarray, soc: Array, happened: list[Occurrence]) -> tuple[State, list[Occurrence]]:
    """Park, plan what comes next, and plug in or not."""
    old = state.trip
    site, count = old.goal[rows], old.arrivals[rows] + 1
    lead = weather.UTC_S[traits.place[rows]]
    lat = np.where(old.loop[rows], old.from_lat[rows], old.to_lat[rows])
    lon = np.where(old.loop[rows], old.from_lon[rows], old.to_lon[rows])
    plan = plans.after_arrival(traits, Here(rows, site, lat, lon, count, state.now_s + lead, lead))
    mode, plug = charging.plugged(traits, charging.Parked(rows, site, soc[rows], count))
    part = Trip(*(column[rows] for column in old))._replace(
        mode=mode,
        site=site,
        goal=plan.goal.astype(np.int8),
        arrivals=count,
        next_s=plan.next_s,
        length_m=plan.length_m.astype(np.float32),
        to_lat=plan.to_lat,
        to_lon=plan.to_lon,
        loop=plan.loop,
        lat=lat,
        lon=lon,
        grade=np.zeros(len(rows), np.float32),
    )
    motion = with_rows(state.motion, rows, Motion(*(np.zeros(len(rows), column.dtype) for column in state.motion)))
    plugs = rows[mode == CHARGING]
    events = _told(rows, "drive_ended", soc) + _told(plugs, "plugged_in", soc) + _told(plugs, "charging_started", soc)
    new = state._replace(trip=with_rows(old, rows, part), motion=motion, plug=with_rows(state.plug, rows, plug))
    return new, happened + events


def _low(traits: Traits, state: State, rows: np.ndarray, slow: np.ndarray, known: tuple[Array, list[Occurrence]]) -> tuple[State, list[Occurrence]]:
    """Nearly empty on the way: stop at the end of this stretch; who stands is at a fast charger."""
    soc, happened = known
    stops = rows[slow[rows]]
    end = _set(state.motion.end_mps, rows, 0)
    speed = _set(state.motion.speed_mps, stops, 0)
    motion = state.motion._replace(end_mps=end, speed_mps=speed, accel_ms2=_set(state.motion.accel_ms2, stops, 0))
    trip = state.trip._replace(mode=_set(state.trip.mode, stops, CHARGING), site=_set(state.trip.site, stops, ROADSIDE))
    plug = with_rows(state.plug, stops, charging.roadside(traits, stops, state.trip.arrivals[stops]))
    events = _told(stops, "drive_ended", soc) + _told(stops, "plugged_in", soc) + _told(stops, "charging_started", soc)
    return state._replace(motion=motion, trip=trip, plug=plug), happened + events
