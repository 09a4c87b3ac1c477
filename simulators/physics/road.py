"""What the road asks of the wheels: rolling, drag, grade and inertia.

The road load is `F = f0 + f1 v + f2 v^2` in SI units, as the EPA certifies it at 20 Celsius and sea level. Rolling falls and
drag falls with warmer air, by the temperature correction of the WLTP (UN GTR 15, annex 4, 4.5): `K0 = 8.6e-3` a kelvin for the
rolling terms, density for the drag. A cold tyre rolls harder at the start of a trip.
"""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]

GRAVITY_MS2 = 9.80665
ROLLING_PER_K = 8.6e-3  # UN GTR 15, annex 4, paragraph 4.5.2
REFERENCE_K = 293.15  # the 20 Celsius of a certified road load
STILL_MPS = 0.01


def air_density_ratio(ambient_c: Array, altitude_m: Array | float) -> Array:
    """Density of the air against that of a certified road load (20 Celsius, sea level); barometric formula of the ICAO atmosphere."""
    pressure = np.exp(-np.asarray(altitude_m) * np.float32(1 / 8434.5))
    return REFERENCE_K / (ambient_c + 273.15) * pressure


def rolling_factor(ambient_c: Array, tyre_cold: Array | float) -> Array:
    """Rolling resistance against the certified one. `tyre_cold` is what a tyre that is still cold adds (0 = warm)."""
    return 1 + ROLLING_PER_K * (20 - ambient_c) + tyre_cold


def resistance(load: tuple[Array, Array, Array], speed_mps: Array, rolling: Array | float, density: Array | float) -> Array:
    """Rolling and drag force in N of a moving vehicle, 0 where it stands. `load` = (f0, f1, f2) in SI."""
    f0, f1, f2 = load
    force = (f0 + f1 * speed_mps) * rolling + f2 * density * speed_mps * speed_mps
    return np.where(speed_mps > STILL_MPS, force, 0)


def wheel_force(resist_n: Array, mass_kg: Array, rotating: Array | float, accel_ms2: Array, grade: Array | float) -> Array:
    """Force in N at the tyres: resistance, inertia with the rotating masses (`rotating` = 1.03 to 1.05) and slope (rise over run)."""
    return resist_n + mass_kg * (rotating * accel_ms2 + GRAVITY_MS2 * grade)
