"""Fault codes of the battery management: when a limit is passed a code is set, and an event says so; cleared likewise."""

from collections.abc import Mapping

import numpy as np

from simulators.physics.road import Array
from simulators.physics.transitions import Occurrence

WARN_ISOLATION_KOHM = 500.0
WARN_PROBE_C = 60.0
WARN_CELL_V = 2.6
"""Limits above or below which a battery management sets a fault code (ISO 6469-1: 100 to 500 ohm a volt for isolation)."""

Codes = Mapping[str, np.ndarray]
"""Which vehicles have a code set, by code."""


def codes(isolation_kohm: Array, hottest_c: Array, lowest_v: Array, contactor_open: np.ndarray) -> dict[str, np.ndarray]:
    """The codes that are set now, one row a vehicle."""
    return {
        "isolation_low": isolation_kohm < WARN_ISOLATION_KOHM,
        "pack_hot": hottest_c > WARN_PROBE_C,
        "cell_low": lowest_v < WARN_CELL_V,
        "contactor_open": contactor_open,
    }


def number(now: Codes) -> Array:
    """How many codes each vehicle has."""
    return np.sum(list(now.values()), axis=0).astype(np.float64)


def events(before: Codes | None, now: Codes) -> list[Occurrence]:
    """What a sensor unit tells: `fault_code_set` and `fault_code_cleared`, besides `contactor_opened` and `contactor_closed`."""
    found: list[Occurrence] = []
    for code, column in now.items():
        was = before[code] if before else np.zeros(len(column), bool)
        for row in np.flatnonzero(column != was).tolist():
            on = bool(column[row])
            if code == "contactor_open":
                found.append(Occurrence(row, "contactor_opened" if on else "contactor_closed", {}))
            found.append(Occurrence(row, "fault_code_set" if on else "fault_code_cleared", {"code": code}))
    return sorted(found, key=lambda one: one.vehicle)
