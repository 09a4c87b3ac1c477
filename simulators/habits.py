"""What the plain fleet's vehicles are doing, and when they change: drive, park, plug in, charge, unplug. Pure and vectorised."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.draws import Floats, Keys, uniform

DRIVING, PARKED, PLUGGED, CHARGING, FULL = range(5)
Modes = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Occurrence(NamedTuple):
    """Something that happened to one vehicle: its place in the arrays, the event's name and its attributes."""

    vehicle: int
    event: str
    attributes: dict[str, float | str]


class Habit(NamedTuple):
    """Mode and the seconds that are left of a timed one, one a vehicle."""

    mode: Modes
    left_s: Floats


class Battery(NamedTuple):
    """What habits look at: state of charge now, below which it is plugged in, and up to which it is charged (0 to 1)."""

    soc: Floats
    low: Floats
    limit: Floats


def first(keys: Keys) -> Habit:
    """What each vehicle is doing when its sensor unit boots: three in four drive."""
    pick = uniform(keys, 0, 20)
    mode = np.searchsorted(np.array([0.74, 0.80, 0.82, 0.92]), pick, side="right").astype(np.int64)
    return Habit(mode, 5.0 + 85.0 * uniform(keys, 0, 21))


def first_soc(keys: Keys, habit: Habit, low: Floats, limit: Floats) -> Floats:
    """State of charge at boot: anything above low; one in twelve is about to become low, half of the charging are about to be full."""
    soc = low + (limit - low) * (0.05 + 0.93 * uniform(keys, 0, 22))
    near = uniform(keys, 0, 23)
    soc = np.where((habit.mode == DRIVING) & (near < 1 / 12), low + 0.001, soc)
    soc = np.where((habit.mode == CHARGING) & (near < 0.5), limit - 0.006 * (near + 0.1), soc)
    return np.where(habit.mode == FULL, limit, np.where(habit.mode == PLUGGED, 0.6 * low + 0.1, soc))


def change(keys: Keys, step: int, habit: Habit, battery: Battery, still: Mask, dt_s: float) -> tuple[Habit, list[Occurrence]]:
    """The habits after a step, and what happened. `still` is true where the vehicle stands."""
    left = habit.left_s - dt_s
    over = left <= 0
    low = still & (habit.mode == DRIVING) & (battery.soc <= battery.low)
    full = (habit.mode == CHARGING) & (battery.soc >= battery.limit)
    timed = over & (habit.mode != DRIVING) & (habit.mode != CHARGING)
    parks = still & (habit.mode == DRIVING) & ~low & (uniform(keys, step, 24) < 0.002 * dt_s)
    changing = np.flatnonzero(low | full | timed | parks)
    if not len(changing):
        return Habit(habit.mode, left), []
    mode, happened = habit.mode.copy(), []
    waits = uniform(keys[changing], step, 25)
    for index, wait in zip(changing.tolist(), waits.tolist(), strict=True):
        was = int(mode[index])
        mode[index], left[index], event = _next(was, bool(low[index]), wait)
        happened.append(Occurrence(index, event, {"soc_pct": round(float(battery.soc[index]) * 100, 2)}))
    return Habit(mode, left), happened


def _next(mode: int, low: bool, wait: float) -> tuple[int, float, str]:
    """The mode that follows, how long it lasts where it is timed (s), and the event's name."""
    if mode == DRIVING:
        return (PLUGGED, 3.0, "plugged_in") if low else (PARKED, 60.0 + 600.0 * wait, "drive_ended")
    if mode == PARKED:
        return DRIVING, 0.0, "drive_started"
    if mode == PLUGGED:
        return CHARGING, 0.0, "charging_started"
    if mode == CHARGING:
        return FULL, 20.0 + 180.0 * wait, "charging_stopped"
    return DRIVING, 0.0, "unplugged"
