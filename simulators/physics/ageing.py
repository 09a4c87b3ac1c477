"""Loss of capacity and growth of resistance, by calendar and by use, as shares of the new cell.

Form after Schmalstieg et al. 2014 (NMC): calendar loss with the square root of time, use with charge throughput, hotter and
fuller is worse. Level: Tesla Model 3 SR lose 4.5, 6.3 and 7.6 % (median) by the end of years 1, 2 and 3 (fleet figures published with
the project's data set), which is 4.5 % times the square root of years, of which a quarter is use. LFP ages half as fast by use.
"""

import numpy as np

from simulators.physics.road import Array

YEAR_S = 365.25 * 86400
CALENDAR = 0.034
"""Share of capacity lost to time alone in the first year at 25 Celsius, half full."""
CYCLE = 0.007
"""Share of capacity lost per 100 full equivalent cycles, half of it early."""
ACTIVATION_K = 4000.0
RESISTANCE_PER_LOSS = 1.5


def calendar_stress(temp_c: Array, soc: Array) -> Array:
    """How much faster time ages a cell than at 25 Celsius, half full."""
    return np.exp(ACTIVATION_K * (1 / 298.15 - 1 / (temp_c + 273.15))) * (0.6 + 0.8 * soc)


def calendar_loss(loss: Array, stress: Array, dt_s: Array | float) -> Array:
    """Calendar loss after `dt_s` more seconds; exact for constant stress (the square of the loss grows evenly)."""
    pace = CALENDAR * CALENDAR / YEAR_S
    return np.sqrt(loss * loss + stress * stress * pace * dt_s)


def cycle_loss(full_cycles: Array, chemistry_factor: Array | float = 1.0) -> Array:
    """Loss by use after so many full equivalent cycles (throughput over twice the capacity)."""
    return chemistry_factor * CYCLE * np.power(np.maximum(full_cycles, 0) * 0.01, 0.75)


def resistance_growth(loss: Array) -> Array:
    """Resistance against new at a capacity loss."""
    return 1 + RESISTANCE_PER_LOSS * loss
