"""A car over a given speed trace: the battery power that its road load, drivetrain and other loads ask for.

Used for standard cycles and recorded drives. Arrays broadcast: cars on the first axis, time on the last.
"""

from typing import NamedTuple

import numpy as np

from simulators.physics import drivetrain, road
from simulators.physics.road import Array


class Car(NamedTuple):
    """What a trace needs of a car; scalars, or arrays of shape (cars, 1). SI units."""

    mass_kg: Array
    load: tuple[Array, Array, Array]
    peak_w: Array
    losses: drivetrain.Losses
    regen: drivetrain.Regen
    aux_w: Array
    rotating: float = 1.04
    tyre_cold: float = 0.0
    tyre_warm_s: float = 600.0
    regen_peak: float = 0.6
    """Greatest recovered power as a share of the motor's peak."""


class Trace(NamedTuple):
    """Speed (m/s) at samples of `dt_s`, and, at the same samples or as one number, height (m), ambient (Celsius), climate power (W)."""

    speed_mps: Array
    height_m: Array | float = 0.0
    ambient_c: Array | float = 20.0
    climate_w: Array | float = 0.0
    dt_s: float = 1.0


class Outcome(NamedTuple):
    """Per interval between samples: battery power (W, positive out of the pack), mean speed (m/s), power at the wheels (W)."""

    battery_w: Array
    speed_mps: Array
    wheel_w: Array


def _between(values: Array | float) -> Array:
    given = np.asarray(values, float)
    return given if given.ndim == 0 else (given[..., 1:] + given[..., :-1]) / 2


def battery_power(car: Car, trace: Trace) -> Outcome:
    """Battery power of each interval. Speed is taken as given: no limit of the motor slows the trace."""
    speed = _between(trace.speed_mps)
    accel = np.diff(trace.speed_mps) / trace.dt_s
    height = np.asarray(trace.height_m, float)
    climb = np.diff(height) if height.ndim else np.zeros(1)
    grade = np.where(speed > 0.3, climb / np.maximum(speed * trace.dt_s, 0.3), 0)
    ambient = _between(trace.ambient_c)
    cold = car.tyre_cold * np.exp(-np.arange(speed.shape[-1]) * trace.dt_s / car.tyre_warm_s)
    resist = road.resistance(car.load, speed, road.rolling_factor(ambient, cold), road.air_density_ratio(ambient, _between(height)))
    force = road.wheel_force(resist, car.mass_kg, car.rotating, accel, grade)
    unlimited = np.full_like(np.asarray(car.peak_w, float), 1e12)
    motor = drivetrain.motor_force(force, speed, car.regen, (car.mass_kg, unlimited, car.peak_w * car.regen_peak))
    drawn = drivetrain.battery_w(car.losses, car.peak_w, motor, speed)
    return Outcome(drawn + car.aux_w + _between(trace.climate_w), speed, force * speed)


def wh_per_km(outcome: Outcome) -> Array:
    """Battery energy over distance, on the last axis."""
    return outcome.battery_w.sum(-1) / 3.6 / outcome.speed_mps.sum(-1)
