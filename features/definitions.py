"""What each windowed feature is: its name, unit, meaning, signals and formula. One definition for live, offline and training. Pure.

A formula gets the windows of some questions (`features.windows.Span`) and gives figures of the shape (windows, questions).
A feature has one column a window: `speed_mean_kmh_5m` is that of the last five closed minutes.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from features.windows import DAYS, MINUTES, Floats, Grid, Span, ratio

LEAST_KM = 0.1
"""Over less than this, consumption per km says nothing of driving."""


class Windowed(NamedTuple):
    """One feature over several windows (all of the grid's where none are named); `signals` are short names of the catalogue."""

    name: str
    unit: str
    description: str
    signals: tuple[str, ...]
    formula: Callable[[Span], Floats]
    windows: tuple[int, ...] = ()

    def columns(self, grid: Grid) -> dict[str, int]:
        """Its columns, each with the number of its window in the grid."""
        wanted = self.windows or grid.windows
        return {f"{self.name}_{window}{grid.letter}": place for place, window in enumerate(grid.windows) if window in wanted}


def _km(span: Span) -> Floats:
    return span.growth("odometer_m") / 1000


def _wh_per_km(span: Span) -> Floats:
    km, charging = _km(span), span.total("is_charging_sum") > 0
    net_kwh = span.growth("energy_out_kwh") - np.where(charging, np.nan, span.growth("energy_in_kwh"))
    return np.where(km >= LEAST_KM, ratio(net_kwh * 1000, km), np.nan)


def _driving_wh_per_km(span: Span) -> Floats:
    """Over days that may hold charging: what braking gave back counts, what a charger gave does not."""
    km = _km(span)
    return np.where(km >= LEAST_KM, ratio((span.growth("energy_out_kwh") - span.growth("regen_kwh")) * 1000, km), np.nan)


def _regen_share(span: Span) -> Floats:
    return ratio(span.growth("regen_kwh"), span.growth("energy_out_kwh"))


def _standing(span: Span) -> np.ndarray:
    """Minutes in which the vehicle was never faster than walking, and not plugged in."""
    (speed, heard), (plugged, said) = span.gather("speed_kmh_max"), span.gather("cable_connected_max")
    return heard & (speed < 100) & ~(said & (plugged > 0))


def _spread_mv(span: Span) -> Floats:
    return (span.mean("cell_v_max") - span.mean("cell_v_min")) * 1000


_LONG = (5, 15, 60)

VEHICLE_WINDOWS: tuple[Windowed, ...] = (
    Windowed("minutes_heard", "min", "minutes with at least one frame", ("speed_kmh",), lambda span: span.heard),
    Windowed("distance_km", "km", "distance travelled", ("odometer_m",), _km),
    Windowed("energy_out_kwh", "kWh", "energy drawn from the pack", ("energy_out_kwh",), lambda span: span.growth("energy_out_kwh")),
    Windowed("energy_in_kwh", "kWh", "energy put into the pack", ("energy_in_kwh",), lambda span: span.growth("energy_in_kwh")),
    Windowed("regen_kwh", "kWh", "energy recovered by braking", ("regen_kwh",), lambda span: span.growth("regen_kwh")),
    Windowed("regen_share", "ratio", "energy recovered by braking to energy drawn", ("regen_kwh", "energy_out_kwh"), _regen_share),
    Windowed(
        "wh_per_km",
        "Wh/km",
        "net energy drawn to distance, from 100 m on, none where the vehicle charged",
        ("energy_out_kwh", "energy_in_kwh", "odometer_m", "is_charging"),
        _wh_per_km,
    ),
    Windowed("speed_mean_kmh", "km/h", "mean speed", ("speed_kmh",), lambda span: span.mean("speed_kmh")),
    Windowed("speed_max_kmh", "km/h", "greatest speed", ("speed_kmh",), lambda span: span.greatest("speed_kmh")),
    Windowed("power_mean_kw", "kW", "mean power into the pack", ("pack_w",), lambda span: span.mean("pack_w") / 1000),
    Windowed("power_draw_max_kw", "kW", "greatest power drawn from the pack", ("pack_w",), lambda span: -span.least("pack_w") / 1000),
    Windowed("power_in_max_kw", "kW", "greatest power into the pack", ("pack_w",), lambda span: span.greatest("pack_w") / 1000),
    Windowed("acceleration_max_ms2", "m/s^2", "strongest acceleration", ("acceleration_ms2",), lambda span: span.greatest("acceleration_ms2")),
    Windowed("deceleration_max_ms2", "m/s^2", "strongest deceleration", ("acceleration_ms2",), lambda span: -span.least("acceleration_ms2")),
    Windowed("pack_temp_mean_c", "Celsius", "mean temperature of the cells", ("pack_temp_c",), lambda span: span.mean("pack_temp_c")),
    Windowed("pack_temp_high_c", "Celsius", "hottest probe", ("pack_temp_max_c",), lambda span: span.greatest("pack_temp_max_c")),
    Windowed(
        "pack_temp_rise_c",
        "Celsius",
        "rise of the mean of the cells, last minute less first",
        ("pack_temp_c",),
        lambda s: s.rise("pack_temp_c"),
        _LONG,
    ),
    Windowed("motor_temp_high_c", "Celsius", "hottest motor", ("motor_temp_c",), lambda span: span.greatest("motor_temp_c")),
    Windowed("cell_spread_mean_mv", "mV", "mean of the highest cell less mean of the lowest", ("cell_v_min", "cell_v_max"), _spread_mv),
    Windowed("soc_change_pct", "percent", "change of the state of charge, last minute less first", ("soc_pct",), lambda s: s.rise("soc_pct"), _LONG),
    Windowed("climb_m", "m", "height gained, last minute less first", ("altitude_m",), lambda span: span.rise("altitude_m"), _LONG),
    Windowed(
        "idle_share", "ratio", "minutes standing still unplugged to minutes heard", ("speed_kmh", "cable_connected"), lambda s: s.share(_standing(s))
    ),
    Windowed("charging_share", "ratio", "frames while charging to all frames", ("is_charging",), lambda span: span.mean("is_charging")),
    Windowed("ambient_mean_c", "Celsius", "mean of the air outside", ("ambient_c",), lambda span: span.mean("ambient_c"), (60,)),
    Windowed("cabin_mean_c", "Celsius", "mean of the air inside", ("cabin_c",), lambda span: span.mean("cabin_c"), (5, 60)),
    Windowed("hvac_mean_w", "W", "mean power of heating and air conditioning", ("hvac_w",), lambda span: span.mean("hvac_w")),
    Windowed("accelerator_mean_pct", "percent", "mean accelerator pedal", ("accelerator_pct",), lambda s: s.mean("accelerator_pct"), (5, 60)),
    Windowed("coolant_mean_c", "Celsius", "mean coolant of the drive unit", ("coolant_temp_c",), lambda span: span.mean("coolant_temp_c"), (5,)),
    # Slow signals, reported every ten seconds or every minute: the newest minute that heard them, at most an hour old.
    *(
        Windowed(f"{name}_last", unit, f"{what}, the last that was heard", (name,), lambda span, name=name: span.last(name), (60,))  # type: ignore[misc]
        for name, unit, what in (
            ("soh_pct", "percent", "capacity left against new"),
            ("isolation_kohm", "kOhm", "isolation to the chassis"),
            ("dtc_count", "", "active fault codes"),
            ("tyre_fl_kpa", "kPa", "tyre front left"),
            ("tyre_fr_kpa", "kPa", "tyre front right"),
            ("tyre_rl_kpa", "kPa", "tyre rear left"),
            ("tyre_rr_kpa", "kPa", "tyre rear right"),
        )
    ),
)
"""Over `gold.vehicle_minutes`."""

VEHICLE_DAYS: tuple[Windowed, ...] = (
    Windowed("days_heard", "d", "days with at least one frame", ("speed_kmh",), lambda span: span.heard),
    Windowed("distance_km", "km", "distance travelled", ("odometer_m",), _km),
    Windowed("energy_out_kwh", "kWh", "energy drawn from the pack", ("energy_out_kwh",), lambda span: span.growth("energy_out_kwh")),
    Windowed("energy_in_kwh", "kWh", "energy put into the pack", ("energy_in_kwh",), lambda span: span.growth("energy_in_kwh")),
    Windowed("regen_share", "ratio", "energy recovered by braking to energy drawn", ("regen_kwh", "energy_out_kwh"), _regen_share),
    Windowed("wh_per_km", "Wh/km", "energy drawn less recovered to distance", ("energy_out_kwh", "regen_kwh", "odometer_m"), _driving_wh_per_km),
    Windowed("speed_max_kmh", "km/h", "greatest speed", ("speed_kmh",), lambda span: span.greatest("speed_kmh")),
    Windowed("power_draw_max_kw", "kW", "greatest power drawn from the pack", ("pack_w",), lambda span: -span.least("pack_w") / 1000),
    Windowed("ambient_mean_c", "Celsius", "mean of the air outside", ("ambient_c",), lambda span: span.mean("ambient_c")),
    Windowed("soc_low_pct", "percent", "lowest state of charge", ("soc_pct",), lambda span: span.least("soc_pct")),
    Windowed("charging_share", "ratio", "frames while charging to all frames", ("is_charging",), lambda span: span.mean("is_charging")),
    Windowed("pack_temp_high_c", "Celsius", "hottest probe", ("pack_temp_max_c",), lambda span: span.greatest("pack_temp_max_c")),
)
"""Over whole UTC days of `gold.vehicle_minutes`."""


def columns(definitions: tuple[Windowed, ...], grid: Grid) -> dict[str, Windowed]:
    """All columns with the feature behind each."""
    return {column: one for one in definitions for column in one.columns(grid)}


WINDOW_FEATURES = tuple(columns(VEHICLE_WINDOWS, MINUTES))
DAY_FEATURES = tuple(columns(VEHICLE_DAYS, DAYS))
