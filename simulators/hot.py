"""Vehicles that run hot, so that a demo and a bench have alerts to show: no physics, and said so in the vehicle's tags (`runs-hot`)."""

import numpy as np
from numpy.typing import NDArray

from simulators.physics import draws
from simulators.physics.road import Array

PERIOD_S = 40.0
LOW_C, SWING_C = 40.0, 30.0
"""The last probe climbs from 40 to 70 Celsius for half of the period, past every limit of the alert, and cools for the other half."""
_PHASE = 901


def probes(true_c: Array, keys: draws.Words, rows: NDArray[np.integer], elapsed_s: float) -> Array:
    """Probe temperatures (vehicles, probes) in which the last probe of these rows swings."""
    swing = 2.0 * ((elapsed_s / PERIOD_S + draws.uniform(keys[rows], _PHASE)) % 1.0)
    found = true_c.copy()
    found[rows, -1] = LOW_C + SWING_C * np.minimum(swing, 2.0 - swing)
    return found
