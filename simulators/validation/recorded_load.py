"""The recorded heating and cooling of a drive, made fit for use: spikes and stuck offsets removed.

The i3's heating record shows single-sample spikes to 5 kW every minute or so, and in some trips an offset that stays for
most of the trip (TripA05 1.6 kW, TripA06 5.3 kW at 30 Celsius) while the battery gives less than that in all. A real heater
starts high and falls, so its most usual value is not also its least.
"""

import numpy as np

SPIKE_S = 5
OFFSET_SHARE = 0.5


def without_spikes(power: np.ndarray) -> np.ndarray:
    """Running median over `SPIKE_S` samples; same length."""
    half = SPIKE_S // 2
    padded = np.pad(power, half, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, SPIKE_S), axis=-1)


def offset(power: np.ndarray) -> float:
    """A stuck offset: the most usual value, where it fills half of the record and hardly anything is below it; else 0."""
    rounded = np.round(power, 1)
    values, counts = np.unique(rounded, return_counts=True)
    usual = float(values[counts.argmax()])
    stuck = counts.max() >= OFFSET_SHARE * len(power) and np.mean(rounded < usual - 0.05) < 0.05
    return float(np.median(power[rounded == usual])) if stuck else 0.0


def climate_w(columns: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    """Heating and cooling power in W of a drive; None where the recording has neither."""
    if "heating_power_can_kw" not in columns and "aircon_power_kw" not in columns:
        return None
    length = len(columns["speed_kmh"])
    heat = without_spikes(np.nan_to_num(columns.get("heating_power_can_kw", np.zeros(length))))
    cool = np.nan_to_num(columns.get("aircon_power_kw", np.zeros(length)))
    return np.maximum(heat - offset(heat), 0) * 1000, np.maximum(cool, 0) * 1000
