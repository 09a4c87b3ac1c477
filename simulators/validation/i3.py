"""The BMW i3's real drives: battery energy over measured speed, elevation and ambient, and pack voltage on measured current.

Heating and air conditioning are loads of their own: the recorded ones (cleaned, see `recorded_load`) where the recording has them,
as in winter, and beside that the modelled climate control, which knows ambient and the cabin at the start only.
"""

from typing import NamedTuple

import numpy as np

from simulators.physics import cabin, pack
from simulators.physics.cars import i3_car
from simulators.physics.chemistry import ACTIVATION_K, number
from simulators.physics.models import Model, find
from simulators.physics.trace import Trace, battery_power
from simulators.validation.recorded_load import climate_w
from simulators.validation.recordings import Drive

IMPOSSIBLE = "TripA06"
"""Its heating record of 4.7 kWh at 30 Celsius cannot be; it stands apart, as the issue says."""
AMPERE_HOURS = 61.75
"""Charge per 100 % of the recorded state of charge, measured over all drives."""


class Energies(NamedTuple):
    """Energy in kWh out of the battery over a drive."""

    measured: float
    predicted: float


def model() -> Model:
    """The i3 as shipped."""
    return find("bmw-i3-60")


def measured_w(drive: Drive) -> np.ndarray:
    """Recorded battery power, positive out of the pack, at the end of each interval."""
    return -(drive.columns["batt_voltage_v"] * drive.columns["batt_current_a"])[1:]


def modelled_climate_w(drive: Drive) -> np.ndarray:
    """What our climate control would draw, from ambient and the first cabin temperature (else ambient)."""
    ambient = drive.columns["ambient_temp_c"]
    inside = np.asarray(drive.columns.get("cabin_temp_c", ambient)[0])
    control = cabin.Climate(np.asarray(21.5), np.asarray(5500), np.asarray(0))
    power = np.zeros(len(ambient))
    for at, outside in enumerate(ambient):
        sun = np.asarray(150 * cabin.SUN_AREA_M2)
        power[at], heat = cabin.hvac_w(control, inside, outside, sun, np.asarray(1))
        inside = cabin.tempered(inside, outside, heat + sun, np.asarray(cabin.LEAK_W_PER_K), 1.0)
    return power


def trace(values: dict[str, float], drive: Drive, recorded: bool = True) -> Trace:
    """A drive as the physics takes it. `recorded` = with the recorded climate loads, where there are any."""
    loads = climate_w(drive.columns) if recorded else None
    climate = modelled_climate_w(drive) if loads is None else values["heat_gain"] * loads[0] + values["cool_gain"] * loads[1]
    return Trace(drive.columns["speed_kmh"] / 3.6, drive.columns["elevation_m"], drive.columns["ambient_temp_c"], climate)


def power_w(values: dict[str, float], given: Trace) -> np.ndarray:
    """Predicted battery power of each interval."""
    return battery_power(i3_car(values, model()), given).battery_w


def energies(values: dict[str, float], drive: Drive, recorded: bool = True) -> Energies:
    """Measured and predicted energy of a drive."""
    return Energies(measured_w(drive).sum() / 3.6e6, power_w(values, trace(values, drive, recorded)).sum() / 3.6e6)


def mape_pct(pairs: list[Energies]) -> float:
    """Mean absolute error of drives' energies in percent."""
    return float(np.mean([abs(pair.predicted / pair.measured - 1) for pair in pairs])) * 100


def electric(values: dict[str, float]) -> pack.Pack:
    """The i3's pack with fitted resistances."""
    one = np.asarray(0.0)
    return pack.Pack(
        np.array(number("nmc-lmo")),
        one + model().series[0],
        one + ACTIVATION_K["nmc-lmo"],
        one + values["r0_ohm"],
        one + values["r1_ohm"],
        one + values["r2_ohm"],
        one + 1,
        one + 1,
    )


def voltage(values: dict[str, float], drive: Drive) -> np.ndarray:
    """Pack voltage in V on the recorded current and temperature, from the first state of charge on by coulomb counting."""
    amps = drive.columns["batt_current_a"]
    soc = drive.columns["soc_pct"][0] / 100 + np.cumsum(amps) / 3600 / AMPERE_HOURS
    return pack.trace_voltage(electric(values), amps, soc, drive.columns["batt_temp_c"])
