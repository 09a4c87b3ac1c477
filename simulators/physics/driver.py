"""The driver: stretches of urban, rural and motorway road with stops, accelerations as people choose them.

A trip is a chain of stretches, each drawn from (vehicle, trip, stretch) only: urban near both ends, rural or motorway between. Speeds
and stops a km are set so that synthetic trips match the cycles' mean speed and stop rate (UDDS 31 km/h, WLTC 46, HWFET 78).
"""

from typing import NamedTuple

import numpy as np

from simulators.physics import draws
from simulators.physics.road import Array
from simulators.physics.state import Motion

_STREAM = 301
URBAN_M = 2500.0
MOTORWAY_M = 18_000.0
COMFORT_BRAKE_MS2 = 1.4
BEGIN = 0.8
"""A driver brakes for a stop when this share of comfortable braking is needed."""
HARD_BRAKE_MS2 = 4.0
JERK_MS3 = 2.0
CLOSE_M = 2.0
REACTION_S = 1.5
# By class (urban, rural, motorway): least and further speed (m/s), mean length (m), chance of a stop at the end, speed there otherwise.
_LEAST = np.array([9.0, 17.0, 26.0], np.float32)
_MORE = np.array([6.0, 9.0, 10.0], np.float32)
_LENGTH = np.array([330.0, 1500.0, 5000.0], np.float32)
_STOP = np.array([0.45, 0.2, 0.02], np.float32)
_TURN = np.array([0.5, 0.6, 0.85], np.float32)


class Driver(NamedTuple):
    """Keys and limits: eager acceleration (m/s2), top speed (m/s), power (W), mass (kg), and whether each stretch ends at a door."""

    keys: draws.Words
    eager_ms2: Array
    top_mps: Array
    peak_w: Array
    mass_kg: Array
    doors: np.ndarray


def stretched(driver: Driver, motion: Motion, count: np.ndarray, length_m: Array) -> Motion:
    """The next stretch of each of these vehicles, drawn; waits at its start where the last one ended with a stop."""
    bits = draws.words(driver.keys, _STREAM, count.astype(np.int64) * 65_536 + motion.stretch)
    pick, wish, way, stop = (((bits >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.float32) * np.float32(2**-16) for shift in (0, 16, 32, 48))
    left = np.maximum(length_m - motion.gone_m, 0)
    near = np.minimum(motion.gone_m, left)
    far = (near > URBAN_M) & ~driver.doors
    kind = np.where(far, np.where((length_m > MOTORWAY_M) & (near > 2 * URBAN_M) & (pick < 0.85), 2, 1), 0)
    needed = 60 + motion.speed_mps * motion.speed_mps * np.float32(0.5 / COMFORT_BRAKE_MS2)  # so that it can end with a stop
    drawn = np.maximum(-np.log(way + np.float32(2**-17)) * _LENGTH[kind], needed)
    last = left - drawn < 60
    length = np.where(last, left, drawn)
    speed = np.minimum(_LEAST[kind] + _MORE[kind] * wish, driver.top_mps)
    stops = last | (stop < np.where(driver.doors, 0.8, _STOP[kind]).astype(np.float32))
    waited = np.where(motion.end_mps > 0, 0, np.where(driver.doors, 40 + 110 * wish, -16 * np.log(pick + np.float32(2**-17))))
    return motion._replace(
        stretch=motion.stretch + 1,
        stretch_mps=speed.astype(np.float32),
        left_m=length.astype(np.float32),
        end_mps=np.where(stops, 0, speed * _TURN[kind]).astype(np.float32),
        wait_s=np.where(motion.stretch == 0, 0, waited).astype(np.float32),
    )


def advanced(driver: Driver, motion: Motion, dt_s: float) -> tuple[Motion, Array, np.ndarray]:
    """One step: the motion after it, metres driven, and which vehicles reached the end of their stretch."""
    speed = motion.speed_mps
    wave = np.float32(1) + np.float32(0.05) * np.sin(motion.gone_m * np.float32(0.011) + motion.stretch_mps)
    room = np.maximum(motion.left_m - speed * np.float32(0.5 * dt_s), 1)
    needed = np.maximum(speed * speed - motion.end_mps * motion.end_mps, 0) / (2 * room)
    slower = speed - np.float32(COMFORT_BRAKE_MS2 * max(dt_s, REACTION_S))  # nobody brakes hard for a speed limit
    wished = np.maximum(motion.stretch_mps * wave, slower)
    strong = np.minimum(
        driver.eager_ms2 * (1 - speed * np.float32(1 / 70)), driver.peak_w * np.float32(0.8) / (driver.mass_kg * np.maximum(speed, 12))
    )
    cruise = np.minimum((wished - speed) * np.float32(1 / max(dt_s, REACTION_S)), strong)
    asked = np.where(needed > COMFORT_BRAKE_MS2 * BEGIN, -np.minimum(needed, HARD_BRAKE_MS2), cruise)
    asked = np.where(motion.wait_s > 0, -speed * np.float32(1 / dt_s), asked)
    accel = np.clip(asked, motion.accel_ms2 - JERK_MS3 * 2 * dt_s, motion.accel_ms2 + np.float32(JERK_MS3 * dt_s))
    after = np.maximum(speed + accel * np.float32(dt_s), 0)
    way = (speed + after) * np.float32(0.5 * dt_s)
    left = motion.left_m - way
    done = (left <= CLOSE_M) & (motion.wait_s <= 0)
    after = np.where(done, np.minimum(after, np.maximum(motion.end_mps, 0)), after)
    moved = motion._replace(
        speed_mps=after,
        accel_ms2=(after - speed) * np.float32(1 / dt_s),
        gone_m=motion.gone_m + way,
        left_m=left,
        wait_s=np.maximum(motion.wait_s - np.float32(dt_s), 0),
    )
    return moved, way, done
