"""What a route ahead asks of a vehicle: the formulas of the on-demand features. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from contracts.signals import BY_NAME

ASKED: dict[str, tuple[str, str]] = {
    "route_km": ("km", "Length of the route ahead"),
    "route_climb_m": ("m", "Height at its end less height at its start"),
    "ambient_forecast_c": ("Celsius", "Forecast of the air outside"),
}
"""What the request brings: unit and meaning."""
LIVE = ("soc_pct", "ambient_c")
WINDOWS = ("wh_per_km_60m",)


def _vss(*signals: str) -> str:
    return ",".join(BY_NAME[signal].vss for signal in signals)


class Meant(NamedTuple):
    """What a feature is."""

    unit: str
    description: str
    vss: str


FEATURES: dict[str, Meant] = {
    "ahead_km": Meant("km", "Length of the route ahead", ""),
    "ahead_climb_m_per_km": Meant("m/km", "Mean slope of the route ahead", ""),
    "ahead_ambient_c": Meant("Celsius", "Forecast of the air outside", ""),
    "ahead_ambient_change_c": Meant("Celsius", "Forecast less the air outside now", _vss("ambient_c")),
    "ahead_kwh_as_lately": Meant("kWh", "Energy for the route at the last hour's consumption", _vss("energy_out_kwh", "energy_in_kwh", "odometer_m")),
    "ahead_soc_now_pct": Meant("percent", "State of charge before the route", _vss("soc_pct")),
}
Numbers = Sequence[float | None]


def columns(inputs: Mapping[str, Numbers]) -> dict[str, list[float | None]]:
    """The features of each row; None where something that they need is not known."""
    km, climb, forecast = (inputs[name] for name in ASKED)
    slope = [None if one is None or not other else one / other for one, other in zip(climb, km, strict=True)]
    change = [None if one is None or other is None else one - other for one, other in zip(forecast, inputs["ambient_c"], strict=True)]
    energy = [None if one is None or other is None else one * other / 1000 for one, other in zip(km, inputs["wh_per_km_60m"], strict=True)]
    return {
        "ahead_km": list(km),
        "ahead_climb_m_per_km": slope,
        "ahead_ambient_c": list(forecast),
        "ahead_ambient_change_c": change,
        "ahead_kwh_as_lately": energy,
        "ahead_soc_now_pct": list(inputs["soc_pct"]),
    }
