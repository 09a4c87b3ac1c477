"""FASTSim's battery-side consumption on standard cycles, from mass, road load and motor power: a model against a model.

The losses are those fitted on the EPA tests, not on FASTSim; auxiliary power is FASTSim's own. FASTSim counts the loss inside the
pack, so ours is added (3 % of what flows each way: the square root of its round trip of 0.97, twice, rounded).
"""

from typing import NamedTuple

import numpy as np

from simulators.physics.cars import REGEN, losses
from simulators.physics.road import GRAVITY_MS2
from simulators.physics.trace import Car, Trace, battery_power
from simulators.validation.recordings import Rows

CYCLES = {"udds": "udds", "hwfet": "hwfet", "us06": "us06", "wltc_3b": "wltc_3b"}
AIR_KG_M3 = 1.2
PACK_ONE_WAY = 0.97**0.5


class Comparison(NamedTuple):
    """Battery-side Wh/km of one vehicle and cycle by FASTSim and by us."""

    vehicle: str
    cycle: str
    fastsim: float
    ours: float

    @property
    def error_pct(self) -> float:
        """Signed difference in percent."""
        return (self.ours / self.fastsim - 1) * 100


def _car(row: dict[str, object], values: dict[str, float]) -> Car:
    def figure(name: str) -> np.ndarray:
        return np.asarray(float(str(row[name])))

    mass = figure("mass_kg")
    load = (figure("crr") * mass * GRAVITY_MS2, np.asarray(0), 0.5 * AIR_KG_M3 * figure("cd") * figure("frontal_m2"))
    return Car(mass, load, figure("motor_kw") * 1e3, losses(values), REGEN, figure("aux_kw") * 1e3)


def compared(values: dict[str, float], rows: Rows, cycles: dict[str, np.ndarray]) -> list[Comparison]:
    """All vehicles and cycles of which both sides are known."""
    found = []
    for row in rows:
        for name, trace in CYCLES.items():
            theirs = row.get(f"{name}_wh_per_km_dc")
            if theirs is None or trace not in cycles:
                continue
            outcome = battery_power(_car(row, values), Trace(cycles[trace]))
            chemical = np.where(outcome.battery_w > 0, outcome.battery_w / PACK_ONE_WAY, outcome.battery_w * PACK_ONE_WAY)
            ours = float(chemical.sum() / 3.6 / outcome.speed_mps.sum())
            found.append(Comparison(str(row["vehicle"]), name, float(str(theirs)), ours))
    return found
