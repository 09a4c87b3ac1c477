"""Wheel power to battery power and back: losses of motor, inverter and gear, and the limits of regeneration.

The loss map is the usual quadratic one of permanent-magnet drives (Roshandel et al. 2021, "Efficiency maps of electrical machines:
a tutorial review"): a part that is always there, a part with speed (iron, windage, bearings), a part with torque squared
(copper) and a part with power (gear, switching). Each is scaled by the peak power, so that one map serves all sizes.
"""

from typing import NamedTuple

import numpy as np

from simulators.physics.road import Array

BASE_MPS = 14.0
"""Speed at which a drive leaves constant torque: its peak force is its peak power over this speed (about 50 km/h)."""
SPIN_MPS = 30.0


class Losses(NamedTuple):
    """Loss coefficients, each a share of the peak power but `gear`, a share of the power that flows."""

    idle: Array | float
    spin: Array | float
    copper: Array | float
    gear: Array | float


class Regen(NamedTuple):
    """Limits of regeneration: full above `full_mps`, none below `none_mps`; at most this deceleration; rest by the friction brake."""

    none_mps: float
    full_mps: float
    max_ms2: float


def loss_w(losses: Losses, peak_w: Array, force_n: Array, speed_mps: Array) -> Array:
    """Heat in W of a drive that puts `force_n` to the road (either sign), between battery terminals and tyres."""
    force_rel = force_n * (BASE_MPS / peak_w)
    fixed = losses.idle + losses.spin * (1 / SPIN_MPS) * speed_mps + losses.copper * force_rel * force_rel
    return fixed * peak_w + losses.gear * np.abs(force_n * speed_mps)


def regen_share(regen: Regen, speed_mps: Array) -> Array:
    """Share of a braking force that the motor may take at that speed: 0 when nearly standing, 1 when rolling."""
    return np.clip((speed_mps - regen.none_mps) * (1 / (regen.full_mps - regen.none_mps)), 0, 1)


def motor_force(force_n: Array, speed_mps: Array, regen: Regen, limits: tuple[Array, Array, Array]) -> Array:
    """The part in N of a wanted wheel force that the motor gives. What is missing while braking is the friction brakes' part.

    `limits` = (mass_kg, peak_w, regen_w): mass for the deceleration limit, motor power, and the power that the pack takes back.
    """
    mass_kg, peak_w, regen_w = limits
    moving = np.maximum(speed_mps, 0.5)
    drive = np.minimum(force_n, peak_w / np.maximum(moving, BASE_MPS))
    back = np.minimum(np.minimum(regen_w / moving, mass_kg * regen.max_ms2), -force_n)
    return np.where(force_n >= 0, drive, -back * regen_share(regen, speed_mps))


def battery_w(losses: Losses, peak_w: Array, force_n: Array, speed_mps: Array) -> Array:
    """Power in W drawn from the battery for a motor force; negative while it recovers."""
    return force_n * speed_mps + loss_w(losses, peak_w, force_n, speed_mps)
