"""A plain battery pack, vectorised: open-circuit voltage behind one resistance, one thermal mass. All arrays are one a vehicle."""

from typing import NamedTuple

import numpy as np

from simulators.draws import Floats

HEAT_J_PER_K = 250_000.0
"""Heat capacity of some 300 kg of cells and frame at 0.85 kJ/(kg K)."""
LOSS_W_PER_K = 45.0
"""Heat given off to the surroundings for each degree."""


class Flow(NamedTuple):
    """What the pack does under a load: V, A and W, positive into the pack."""

    pack_v: Floats
    pack_a: Floats
    pack_w: Floats


def open_circuit_v(soc: Floats) -> Floats:
    """Open-circuit voltage of one NMC cell (V) by state of charge (0 to 1): 3.3 V empty, 3.7 V half full, 4.18 V full."""
    return 3.30 + 0.62 * soc + 0.26 * soc**4 - 0.05 * np.sin(np.pi * soc)


def load(soc: Floats, ohm: Floats, power_w: Floats, cells: int) -> Flow:
    """The current at which the terminals give (negative) or take (positive) that power; what the pack cannot give is cut off."""
    rest_v = cells * open_circuit_v(soc)
    power_w = np.maximum(power_w, -0.2 * rest_v**2 / ohm)
    current = (-rest_v + np.sqrt(rest_v**2 + 4 * ohm * power_w)) / (2 * ohm)
    volts = rest_v + current * ohm
    return Flow(volts, current, volts * current)


def warm(pack_c: Floats, air_c: Floats, flow: Flow, ohm: Floats, dt_s: float) -> Floats:
    """Temperature of the pack (Celsius) after a step: Joule heat in, losses to the air out."""
    return pack_c + dt_s * (flow.pack_a**2 * ohm - LOSS_W_PER_K * (pack_c - air_c)) / HEAT_J_PER_K


def charger_w(soc: Floats, limit: Floats, peak_w: Floats) -> Floats:
    """Power of a DC charger (W): full to 55 %, then falling; a trickle just below the limit, so that it is reached."""
    taper = np.clip((1.05 - soc) / 0.5, 0.04, 1.0)
    return np.where(soc < limit, peak_w * taper, 0.0)
