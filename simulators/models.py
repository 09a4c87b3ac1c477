"""The kinds of vehicle of the plain fleet: round figures of three sizes of car, not measurements of a make."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators.draws import Floats, Keys, uniform

CELLS = 96
PROBES = 8


class Model(msgspec.Struct, frozen=True):
    """One kind of vehicle with 96 cells in series.

    `energy_kwh` is the net capacity, `area_m2` drag coefficient times frontal area, `charge_kw` the highest power at a DC charger.
    """

    name: str
    energy_kwh: float
    mass_kg: float
    area_m2: float
    charge_kw: float
    pack_ohm: float


MODELS = (
    Model("compact-50", 50.0, 1600.0, 0.62, 90.0, 0.110),
    Model("saloon-75", 75.0, 1900.0, 0.56, 170.0, 0.075),
    Model("van-64", 64.0, 2300.0, 1.05, 110.0, 0.090),
)


def pick(keys: Keys) -> NDArray[np.int64]:
    """Which of MODELS each vehicle is."""
    return (uniform(keys, 0, 5) * len(MODELS)).astype(np.int64)


def trait(chosen: NDArray[np.int64], name: str) -> Floats:
    """One figure of the chosen models, one a vehicle."""
    return np.array([getattr(model, name) for model in MODELS], dtype=np.float64)[chosen]
