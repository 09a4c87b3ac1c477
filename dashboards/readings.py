"""How values are written for a person: with their unit, and a dash where nothing is known. Pure."""

import math

from contracts.signals import BY_NAME

SYMBOLS = {"percent": "%", "Celsius": "°C", "degrees": "°", "m/s^2": "m/s²", "degrees/s": "°/s", "kOhm": "kΩ"}
NOTHING = "\N{EN DASH}"

HEADLINE = ("speed_kmh", "soc_pct", "pack_w", "pack_temp_c")
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Traction battery", ("pack_v", "pack_a", "pack_temp_max_c", "cell_v_min", "cell_v_max", "energy_left_kwh", "range_m")),
    ("Drive", ("motor_kw", "motor_temp_c", "odometer_m", "energy_out_kwh", "energy_in_kwh")),
    ("Cabin", ("ambient_c", "cabin_c", "hvac_w")),
)
TITLES = {
    "speed_kmh": "Speed",
    "soc_pct": "Charge",
    "pack_w": "Power",
    "pack_temp_c": "Pack",
    "pack_v": "Pack voltage",
    "pack_a": "Pack current",
    "pack_temp_max_c": "Hottest probe",
    "cell_v_min": "Lowest cell",
    "cell_v_max": "Highest cell",
    "energy_left_kwh": "Energy left",
    "range_m": "Range",
    "motor_kw": "Motor power",
    "motor_temp_c": "Motor",
    "odometer_m": "Odometer",
    "energy_out_kwh": "Energy out",
    "energy_in_kwh": "Energy in",
    "ambient_c": "Outside",
    "cabin_c": "Inside",
    "hvac_w": "Climate",
}
_LARGER = {"W": (1000.0, "kW"), "m": (1000.0, "km")}


def reading(name: str, value: float | None) -> str:
    """A signal's value with its unit: `("pack_w", -18400.0)` is "-18.4 kW"."""
    unit = BY_NAME[name].unit
    factor, shown = _LARGER.get(unit, (1.0, SYMBOLS.get(unit, unit)))
    return amount(None if value is None else value / factor, shown, digits(name, factor))


def digits(name: str, factor: float = 1.0) -> int:
    """Decimals worth reading: those of the resolution, at most one, but millivolts for cells."""
    most = 3 if name.startswith("cell_v") else 1
    return min(most, max(0, round(-math.log10(BY_NAME[name].resolution / factor))))


def amount(value: float | None, unit: str, decimals: int = 0) -> str:
    """A number with a unit: thousands apart, a true minus sign, no minus before zero."""
    if value is None:
        return f"{NOTHING} {unit}"
    text = f"{value:,.{decimals}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if text.startswith("-"):
        text = text[1:] if not text.strip("-0.\N{NARROW NO-BREAK SPACE}") else "\N{MINUS SIGN}" + text[1:]
    return f"{text} {unit}".rstrip()


def age(seconds: float | None) -> str:
    """An age in the unit that fits: "0.4 s", "12 s", "3 min", "5 h"."""
    if seconds is None:
        return NOTHING
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    for limit, size, unit in ((100, 1, "s"), (6000, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"
