"""What faults do to the physics: factors and loads, one row a vehicle. `NONE` of a fleet changes nothing."""

from typing import NamedTuple

import numpy as np

from simulators.physics.road import Array


class Effects(NamedTuple):
    """`cell` is the number of the faulty cell (-1 none); its factors are against what it would be.

    `drain_a`: current that leaves the faulty cell outside the terminals; `short_heat_w`: what it heats; `cooling_x`: share of the
    cooling that works; `isolation_x`: share of the isolation that is left; `contactor_open`: no power flows; `spread_x`: how
    much further apart the cells are.
    """

    cell: np.ndarray
    cell_capacity_x: Array
    cell_ohm_x: Array
    drain_a: Array
    short_heat_w: Array
    cooling_x: Array
    isolation_x: Array
    contactor_open: np.ndarray
    spread_x: Array


def none(count: int) -> Effects:
    """No fault anywhere."""
    one = np.ones(count, np.float32)
    zero = np.zeros(count, np.float32)
    return Effects(np.full(count, -1, np.int32), one, one, zero, zero, one, one, np.zeros(count, bool), one)
