"""How the plain fleet moves: a driver who follows changing target speeds around home, and what that asks of the wheels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.draws import Floats, Keys, uniform
from simulators.places import M_PER_DEGREE

G = 9.81
ROLLING = 0.010
AIR_KG_M3 = 1.2
ROAM_M = 15_000.0
"""Beyond this distance a driver turns towards home."""

_SPEEDS_MS = np.array([0.0, 0.0, 8.3, 13.9, 13.9, 13.9, 19.4, 22.2, 27.8, 33.3])
"""Target speeds, equally likely: two stops in ten, town, road, motorway."""


class Course(NamedTuple):
    """Where the driver is heading for: target speed (m/s), seconds until the next choice, target heading (degrees)."""

    target_ms: Floats
    left_s: Floats
    aim_deg: Floats


class Motion(NamedTuple):
    """One step of movement: speed (m/s), acceleration (m/s²), heading and its rate (degrees, degrees/s), position (degrees), way (m)."""

    speed_ms: Floats
    accel_ms2: Floats
    heading_deg: Floats
    yaw_degs: Floats
    lat: Floats
    lon: Floats
    way_m: Floats


def steer(keys: Keys, step: int, course: Course, place: tuple[Floats, Floats], home: tuple[Floats, Floats], dt_s: float) -> Course:
    """The course after a step: where its time is over, a new speed and a turn, towards home where that is far."""
    left = course.left_s - dt_s
    over = left <= 0
    if not over.any():
        return course._replace(left_s=left)
    at = np.flatnonzero(over)
    some = keys[at]
    speed = _SPEEDS_MS[(uniform(some, step, 10) * len(_SPEEDS_MS)).astype(np.int64)]
    hold = np.where(speed > 0, 15.0 + 45.0 * uniform(some, step, 11), 4.0 + 16.0 * uniform(some, step, 12))
    north = (home[0][at] - place[0][at]) * M_PER_DEGREE
    east = (home[1][at] - place[1][at]) * M_PER_DEGREE * np.cos(np.radians(place[0][at]))
    back = np.degrees(np.arctan2(east, north))
    free = course.aim_deg[at] + 180.0 * (uniform(some, step, 13) - 0.5)
    target, aim = course.target_ms.copy(), course.aim_deg.copy()
    target[at] = speed
    aim[at] = np.where(north**2 + east**2 > ROAM_M**2, back, free)
    left[at] = hold
    return Course(target, left, aim)


def move(speed_ms: Floats, heading_deg: Floats, place: tuple[Floats, Floats], course: Course, halt: NDArray[np.bool_], dt_s: float) -> Motion:
    """Follow the course for one step; where `halt`, brake to a stop and stay."""
    wanted = np.where(halt, 0.0, course.target_ms)
    accel = np.clip((wanted - speed_ms) / 3.0, -2.5, 1.6)
    after = np.maximum(speed_ms + accel * dt_s, 0.0)
    after = np.where((wanted == 0.0) & (after < 0.3), 0.0, after)
    accel = (after - speed_ms) / dt_s
    turn = (course.aim_deg - heading_deg + 180.0) % 360.0 - 180.0
    yaw = np.where(after > 0.5, np.clip(turn / 4.0, -12.0, 12.0), 0.0)
    heading = (heading_deg + yaw * dt_s) % 360.0
    way = 0.5 * (speed_ms + after) * dt_s
    rad = np.radians(heading)
    lat = place[0] + way * np.cos(rad) / M_PER_DEGREE
    lon = place[1] + way * np.sin(rad) / (M_PER_DEGREE * np.cos(np.radians(place[0])))
    return Motion(after, accel, heading, yaw, lat, lon, way)


def wheel_force_n(motion: Motion, rise_m: Floats, mass_kg: Floats, area_m2: Floats) -> Floats:
    """Force at the wheels (N) from inertia, slope, rolling and air."""
    moving = motion.speed_ms > 0
    grade = np.clip(rise_m / np.maximum(motion.way_m, 0.1), -0.1, 0.1)
    force = mass_kg * (motion.accel_ms2 + G * (ROLLING + grade)) + 0.5 * AIR_KG_M3 * area_m2 * motion.speed_ms**2
    return np.where(moving, force, 0.0)


def electric_w(force_n: Floats, speed_ms: Floats) -> Floats:
    """Electric power of the drive (W): 88 % efficient when driving, 70 % and at most 60 kW when recovering."""
    wheel = force_n * speed_ms
    return np.where(wheel > 0, wheel / 0.88, np.maximum(wheel * 0.70, -60_000.0))
