"""The driving vehicles over a step, in sub-steps of at most two seconds: driver, road, drivetrain, pack."""

from typing import NamedTuple

import numpy as np

from simulators.physics import driver, drivetrain, electrics, road
from simulators.physics.cars import REGEN
from simulators.physics.driver import Driver
from simulators.physics.pack import Pack, resistance_factor
from simulators.physics.road import Array
from simulators.physics.state import Charge, Motion

LONGEST_S = 2.0
ROTATING = 1.04
REGEN_PEAK = np.float32(0.6)


class Vehicles(NamedTuple):
    """The driving vehicles' traits: rows of `Traits`, cut to them."""

    driver: Driver
    load: tuple[Array, Array, Array]
    losses: drivetrain.Losses
    pack: Pack


class Conditions(NamedTuple):
    """What stays over the step: rolling and density factors, grade, other loads (W), capacity (Ah), ageing and pack temperature."""

    rolling: Array
    density: Array
    grade: Array
    other_w: Array
    capacity_ah: Array
    growth: Array
    pack_c: Array
    trips: np.ndarray
    length_m: Array


class Driven(NamedTuple):
    """After the step: motion and charge, metres driven, and mean heat in W of the pack and of the drive."""

    motion: Motion
    charge: Charge
    way_m: Array
    pack_heat_w: Array
    motor_heat_w: Array


def driven(vehicles: Vehicles, motion: Motion, charge: Charge, given: Conditions, dt_s: float) -> Driven:
    """Drive for `dt_s`."""
    steps = max(1, int(np.ceil(dt_s / LONGEST_S - 1e-9)))
    small_s = dt_s / steps
    way: Array = np.zeros(len(given.rolling), np.float32)
    pack_heat: Array = way
    motor_heat: Array = way
    factor = _resistance(vehicles, charge, given)
    for _ in range(steps):
        speed = motion.speed_mps
        motion, metres, done = driver.advanced(vehicles.driver, motion, small_s)
        motion, charge, heats = _powered(vehicles, (speed, motion), charge, (given, factor), small_s)
        if done.any():
            motion = _turned(vehicles.driver, motion, np.flatnonzero(done), given)
        way, pack_heat, motor_heat = way + metres, pack_heat + heats[0], motor_heat + heats[1]
    return Driven(motion, charge, way, pack_heat * np.float32(1 / steps), motor_heat * np.float32(1 / steps))


def _resistance(vehicles: Vehicles, charge: Charge, given: Conditions) -> Array:
    soc = (charge.ah / given.capacity_ah).astype(np.float32)
    return resistance_factor(vehicles.pack, soc, given.pack_c, given.growth).astype(np.float32)


def _powered(
    vehicles: Vehicles, moved: tuple[Array, Motion], charge: Charge, known: tuple[Conditions, Array], dt_s: float
) -> tuple[Motion, Charge, tuple[Array, Array]]:
    before, motion = moved
    given, factor = known
    man = vehicles.driver
    speed = (before + motion.speed_mps) * np.float32(0.5)
    soc = (charge.ah / given.capacity_ah).astype(np.float32)
    resist = road.resistance(vehicles.load, speed, given.rolling, given.density)
    force = road.wheel_force(resist, man.mass_kg, ROTATING, motion.accel_ms2, np.where(speed > 0.1, given.grade, 0))
    room = np.clip((np.float32(0.99) - soc) * 25, 0, 1) * np.clip((given.pack_c + 15) * np.float32(0.04), np.float32(0.05), 1)
    motor = drivetrain.motor_force(force, speed, REGEN, (man.mass_kg, man.peak_w, man.peak_w * REGEN_PEAK * room))
    lost = drivetrain.loss_w(vehicles.losses, man.peak_w, motor, speed)
    drawn = motor * speed + lost
    after, heat = electrics.stepped(vehicles.pack, charge, -(drawn + given.other_w), (given.capacity_ah, factor, soc), dt_s)
    recovered = np.maximum(-drawn, 0) * np.float32(dt_s / 3600)
    after = after._replace(regen_wh=after.regen_wh + recovered)
    return motion._replace(force_n=motor), after, (heat, lost)


def _turned(man: Driver, motion: Motion, rows: np.ndarray, given: Conditions) -> Motion:
    """New stretches for those who reached the end of theirs; those who reached the end of the trip stand."""
    own = Driver(*(column[rows] for column in man))
    part = driver.stretched(own, Motion(*(column[rows] for column in motion)), given.trips[rows], given.length_m[rows])
    columns = []
    for old, new in zip(motion, part, strict=True):
        column = old.copy()
        column[rows] = new
        columns.append(column)
    return Motion(*columns)
