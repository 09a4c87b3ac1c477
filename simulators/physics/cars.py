"""From figures to a `Car` for traces: known models, and cars of which only mass and road load are known."""

import numpy as np

from simulators.physics.drivetrain import Losses, Regen
from simulators.physics.models import Model, fits
from simulators.physics.road import Array
from simulators.physics.trace import Car

REGEN = Regen(none_mps=1.4, full_mps=4.2, max_ms2=2.5)
"""Recovery fades out between 15 and 5 km/h, as the i3 drives show, and stays below what one pedal may brake (UN R13-H: 2.5 m/s2)."""


MOST_PEAK_W = 750e3
"""No heavier vehicle gets a stronger motor than this (GMC Hummer EV, 4.1 t: 745 kW)."""


def losses(values: dict[str, float]) -> Losses:
    """The loss map of a fitted group."""
    return Losses(values["idle"], values["spin"], values["copper"], values["gear"])


def peak_from_mass(values: dict[str, float], mass_kg: Array) -> Array:
    """Motor power in W that goes with a mass where it is not known: heavy cars have strong, hence hungry motors."""
    peak = values["peak_kw_at_2t"] * 1e3 * (np.asarray(mass_kg, float) / 2000) ** values["peak_exponent"]
    return np.minimum(peak, MOST_PEAK_W)


def unknown_car(values: dict[str, float], mass_kg: Array, load: tuple[Array, Array, Array]) -> Car:
    """A car known by mass and road load alone. On a dynamometer the mass holds the rotating parts already."""
    peak = peak_from_mass(values, mass_kg)
    return Car(mass_kg, load, peak, losses(values), REGEN, np.asarray(values["aux_w"]), rotating=1.0)


def model_car(model: Model) -> Car:
    """A shipped model; the BMW i3 has a fit of its own."""
    group = fits()["i3" if model.name.startswith("bmw-i3") else "drivetrain"].values
    if "mass_kg" in group:
        return i3_car(group, model)
    load = (np.asarray(model.f0_n[0]), np.asarray(model.f1_n_per_mps[0]), np.asarray(model.f2_n_per_mps2[0]))
    return Car(np.asarray(model.mass_kg[0]), load, np.asarray(model.peak_kw[0] * 1e3), losses(group), REGEN, np.asarray(group["aux_w"]))


def i3_car(values: dict[str, float], model: Model) -> Car:
    """The BMW i3 with the mass, road load and losses of a fit."""
    load = (np.asarray(values["f0_n"]), np.asarray(0), np.asarray(values["f2_n_per_mps2"]))
    return Car(
        np.asarray(values["mass_kg"]),
        load,
        np.asarray(model.peak_kw[0] * 1e3),
        losses(values),
        REGEN,
        np.asarray(values["aux_w"]),
        tyre_cold=values["tyre_cold"],
        tyre_warm_s=values["tyre_warm_s"],
    )
