"""The models that the live flow asks, a row each. How champions are loaded, swapped, refused and shadowed is the same for all of them."""

from typing import NamedTuple

from features import cells, stays
from features.transforms import SCORABLE


class Served(NamedTuple):
    """A model by its name in the registry, the unit of what it says, and the columns of the rows that it is asked about.

    asked: when, and about what. A version that needs a column that is not among `inputs` is refused.
    """

    name: str
    unit: str
    inputs: tuple[str, ...]
    asked: str


ENERGY_PER_KM = Served("energy_per_km", "Wh/km", SCORABLE, "each newest frame of a vehicle: its next minute")
BATTERY_FAULT = Served("battery_fault_v1", "score", cells.FEATURES, "each closed hour of a pack: all its cells")
CHARGING = Served(
    "charging_v1", "kWh", stays.FEATURES, "each session as the car plugs in and each half hour while it charges: the energy it still needs"
)
SERVED = (ENERGY_PER_KM, BATTERY_FAULT, CHARGING)
