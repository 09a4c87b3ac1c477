"""The cabin: one lump of air and trim, heated and cooled by the climate control, and the other electric loads.

Lump and leak after Valentina et al. 2014 ("HVAC energy of electric cars": 100 to 150 kJ/K, 40 to 60 W/K with fresh air); coefficient of
performance of a heat pump falls in the cold (Higuchi et al. 2017); a resistive heater has 1.
"""

from typing import NamedTuple

import numpy as np

from simulators.physics.road import Array

HEAT_J_PER_K = 100e3
LEAK_W_PER_K = 55.0
LEAK_PARKED_W_PER_K = 12.0
SUN_AREA_M2 = 1.3
"""Glass area times transmission: W of sun in the cabin a W/m2 outside."""
COOLING_COP = 2.4
COMFORT_BAND_K = 1.5
GAIN_W_PER_K = 600.0


class Climate(NamedTuple):
    """Climate control of a vehicle: set point (Celsius), greatest electric power (W), and whether it has a heat pump (0 or 1)."""

    target_c: Array
    most_w: Array
    heat_pump: Array


def heating_cop(ambient_c: Array, heat_pump: Array) -> Array:
    """Heat per electricity: 1 for a heater; for a heat pump 1.2 at -15 Celsius to 3 at +10."""
    return 1 + heat_pump * np.clip(0.2 + (ambient_c + 15) * 0.072, 0, 2)


def hvac_w(climate: Climate, cabin_c: Array, ambient_c: Array, sun_w: Array, on: Array) -> tuple[Array, Array]:
    """Electric power in W (never negative) and heat in W into the cabin (negative while cooling) of the climate control."""
    off_target = cabin_c - climate.target_c
    steady = LEAK_W_PER_K * (climate.target_c - ambient_c) - sun_w
    beyond = off_target - np.clip(off_target, -COMFORT_BAND_K, COMFORT_BAND_K)
    wanted = steady - GAIN_W_PER_K * beyond
    cop = np.where(wanted > 0, heating_cop(ambient_c, climate.heat_pump), COOLING_COP)
    power = np.minimum(np.abs(wanted) / cop, climate.most_w) * on
    return power, np.sign(wanted) * power * cop


def tempered(cabin_c: Array, ambient_c: Array, heat_w: Array, leak_w_per_k: Array, dt_s: float) -> Array:
    """Cabin temperature in Celsius after a step (exact solution for constant heat)."""
    settled = ambient_c + heat_w / leak_w_per_k
    return settled + (cabin_c - settled) * np.exp(-dt_s * leak_w_per_k * (1 / HEAT_J_PER_K))
