"""What a cell's chemistry decides: open-circuit voltage by state of charge, resistance by temperature and charge.

Sources: NMC: rest voltages of the in-service car 3 of Nie, Deng et al. 2025 (MIT), extended below 35 % by the C/20 curve of Chen et
al. 2020 (LG M50). NCA: Molicel P42A pseudo-OCV at C/32 (Sunil 2023). LFP: A123 M1B pseudo-OCV at C/32 (Sunil 2023; plateaus at
3.29 and 3.33 V). NMC-LMO blend of the Samsung SDI 60 Ah cell: fitted on the BMW i3 drives (Steinstraeter et al. 2020), shape
below 45 % after Goldin et al. 2016. Temperature: Arrhenius; the i3's published pack resistances (206 mOhm at 0-5 to 76 at 25-35
Celsius) give 3130 K, LFP is steeper (Forgez et al. 2010).
"""

import numpy as np

from simulators.physics.road import Array

GRID = 200
"""Steps of the state of charge in the tables: one every 0.5 %."""

_SOC = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
_OCV: dict[str, tuple[float, ...]] = {
    "nmc": (2.95, 3.18, 3.36, 3.47, 3.52, 3.56, 3.605, 3.635, 3.68, 3.76, 3.86, 3.955, 4.05, 4.10, 4.135, 4.16),
    "nca": (2.70, 3.02, 3.17, 3.33, 3.42, 3.48, 3.58, 3.66, 3.74, 3.84, 3.93, 4.01, 4.07, 4.09, 4.13, 4.18),
    "lfp": (2.60, 2.95, 3.10, 3.19, 3.22, 3.24, 3.275, 3.29, 3.295, 3.305, 3.325, 3.330, 3.335, 3.34, 3.36, 3.45),
    "nmc-lmo": (2.90, 3.20, 3.39, 3.50, 3.57, 3.63, 3.72, 3.80, 3.868, 3.937, 4.008, 4.057, 4.099, 4.12, 4.135, 4.15),
}
CHEMISTRIES = tuple(_OCV)
ACTIVATION_K: dict[str, float] = {"nmc": 3130.0, "nca": 3000.0, "lfp": 3800.0, "nmc-lmo": 3130.0}
MAX_CELL_V: dict[str, float] = {"nmc": 4.2, "nca": 4.2, "lfp": 3.65, "nmc-lmo": 4.15}

_GRID_SOC = np.linspace(0, 1, GRID + 1)
TABLE: Array = np.stack([np.interp(_GRID_SOC, _SOC, _OCV[name]) for name in CHEMISTRIES]).astype(np.float32)
"""Cell voltage by (chemistry, grid point)."""
_FLAT = TABLE.ravel()
_STEP = np.diff(TABLE, append=TABLE[:, -1:], axis=1).astype(np.float32).ravel()


def number(name: str) -> int:
    """Row of a chemistry in the tables. Raises KeyError for an unknown one."""
    if name not in _OCV:
        raise KeyError(f"unknown chemistry {name!r}; known are {', '.join(CHEMISTRIES)}")
    return CHEMISTRIES.index(name)


def ocv(chemistry: np.ndarray, soc: Array) -> tuple[Array, Array]:
    """Open-circuit voltage of a cell in V and its slope in V per unit of charge, by row number and state of charge (0 to 1)."""
    place = np.clip(soc, 0, 1) * np.float32(GRID)
    below = place.astype(np.int32)
    at = below + chemistry * (GRID + 1)
    slope = _STEP[at]
    return _FLAT[at] + slope * (place - below), slope * np.float32(GRID)


def temperature_factor(activation_k: Array | float, temp_c: Array) -> Array:
    """Resistance against that at 25 Celsius (Arrhenius), with the cold side bounded at -30 Celsius."""
    return np.exp(activation_k * (1 / (np.maximum(temp_c, -30) + 273.15) - 1 / 298.15))


def charge_factor(soc: Array) -> Array:
    """Resistance against that at a half-full cell: it doubles towards empty (Waag et al. 2013)."""
    empty = np.maximum(0.2 - soc, 0) * 5
    return 1 + empty * empty
