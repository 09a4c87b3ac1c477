"""The pack: cells in series behind a resistance and two RC pairs, coulomb counting and one lump of heat.

Current and power are positive into the pack, as on the wire. RC voltages follow their exact solution over a step, so that any
step length is stable.
"""

from typing import NamedTuple

import numpy as np

from simulators.physics import chemistry
from simulators.physics.road import Array

RC_FAST_S = 20.0
RC_SLOW_S = 200.0
"""Time constants of charge transfer and diffusion; fitted on the BMW i3 drives."""


class Pack(NamedTuple):
    """What does not change while driving, one element a vehicle. Resistances in ohm of the whole pack at 25 Celsius, when new."""

    chemistry: np.ndarray
    series: Array
    activation_k: Array
    r0_ohm: Array
    r1_ohm: Array
    r2_ohm: Array
    heat_j_per_k: Array
    leak_w_per_k: Array


class Load(NamedTuple):
    """What a step found: terminal current A (positive in), voltage V, heat W and the open-circuit voltage V."""

    amps: Array
    volts: Array
    heat_w: Array
    rest_v: Array


def resistance_factor(pack: Pack, soc: Array, temp_c: Array, growth: Array | float) -> Array:
    """Resistance against that of a new pack at 25 Celsius, half full. `growth` = by ageing (1 = new)."""
    return chemistry.temperature_factor(pack.activation_k, temp_c) * chemistry.charge_factor(soc) * growth


def rest_voltage(pack: Pack, soc: Array) -> Array:
    """Open-circuit voltage of the pack in V."""
    return chemistry.ocv(pack.chemistry, soc)[0] * pack.series


def amps_for_power(power_w: Array, behind_v: Array, ohm: Array) -> Array:
    """Current in A (positive in) at which the terminals take `power_w`; the least one of the two solutions.

    `behind_v` is the voltage behind the resistance. More power than a pack can give ends at its maximum.
    """
    inside = np.maximum(behind_v * behind_v + 4 * ohm * power_w, 0)
    return (np.sqrt(inside) - behind_v) / (2 * ohm)


def relaxed(volts: Array, amps: Array, ohm: Array, share: Array | float) -> Array:
    """The voltage of an RC pair after a step; `share` = 1 - exp(-dt / tau)."""
    return volts + (amps * ohm - volts) * share


def loaded(pack: Pack, factor: Array, rest_v: Array, rc: tuple[Array, Array], power_w: Array) -> Load:
    """The pack under a terminal power in W (positive in); `rc` are the two RC voltages in V (positive while charging)."""
    behind = rest_v + rc[0] + rc[1]
    ohm = pack.r0_ohm * factor
    amps = amps_for_power(power_w, behind, ohm)
    volts = behind + ohm * amps
    return Load(amps, volts, (volts - rest_v) * amps, rest_v)


def warmed(pack: Pack, temp_c: Array, around_c: Array, heat_w: Array, dt_s: float) -> Array:
    """Temperature in Celsius of the lump after a step: heat in, leak to the surroundings (exact solution)."""
    settled = around_c + heat_w / pack.leak_w_per_k
    return settled + (temp_c - settled) * np.exp(-dt_s * pack.leak_w_per_k / pack.heat_j_per_k)


def trace_voltage(pack: Pack, amps: Array, soc: Array, temp_c: Array, growth: float = 1.0) -> Array:
    """Terminal voltage in V over a recorded current at 1 Hz (time is the only axis), from rest at its start."""
    factor = resistance_factor(pack, soc, temp_c, growth)
    fast = slow = np.float64(0)
    shares = 1 - np.exp(-1 / np.array([RC_FAST_S, RC_SLOW_S]))
    rc = np.empty(len(amps))
    for at in range(len(amps)):
        fast = fast + (amps[at] * pack.r1_ohm * factor[at] - fast) * shares[0]
        slow = slow + (amps[at] * pack.r2_ohm * factor[at] - slow) * shares[1]
        rc[at] = fast + slow
    return rest_voltage(pack, soc) + amps * pack.r0_ohm * factor + rc
