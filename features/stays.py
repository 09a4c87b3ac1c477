"""What is known of a charging session at a moment of it: when, where, how others of late charged there, how long the car will stay. Pure.

Nothing here knows the future: sessions count as experience once they have ended. `stay_min` is what the driver says when plugging in.
"""

from typing import NamedTuple

import numpy as np

Floats = np.ndarray
FEATURES = (
    "hour",
    "weekday",
    "stay_min",
    "leaves_hour",
    "nights",
    "soc_plugged_pct",
    "elapsed_min",
    "delivered_kwh",
    "power_kw",
    "at_once",
    "since_last_min",
    *(f"{where}_{what}" for where in ("site", "station", "slot") for what in ("energy_kwh", "energy_mean_kwh", "charge_min", "power_kw")),
    "site_guess_kwh",
    "station_guess_kwh",
    "slot_guess_kwh",
)
"""`site`, `station` and `slot` (site, hour, weekend or not) are medians of the last 50, 10 and 20 sessions that had ended there;
`…_guess_kwh` is that power for as long as the stay; `at_once` counts cars at the site; `since_last_min` is since the station was left."""
STAY_FEATURES = ("stay_min", "leaves_hour", "nights", "site_guess_kwh", "station_guess_kwh", "slot_guess_kwh")
"""Those that nobody knows where the driver does not say how long the car stays."""
MOMENTS_MIN = (0.0, 30.0, 120.0)
_LAST = {"site": 50, "station": 10, "slot": 20}


class Sessions(NamedTuple):
    """Charging sessions, any order. Times in minutes since the epoch, local; `soc_start_pct` NaN and `station` empty where unknown."""

    site: np.ndarray
    station: np.ndarray
    start_min: Floats
    end_min: Floats
    charge_min: Floats
    energy_kwh: Floats
    soc_start_pct: Floats


def described(all_of: Sessions) -> dict[str, Floats]:
    """Features of each session as it begins; `delivered_kwh` is 0 and `power_kw` NaN, for the meter has said nothing yet."""
    start, stay = all_of.start_min, all_of.end_min - all_of.start_min
    hour, day = start / 60 % 24, start // 1440
    weekday = (day + 3) % 7
    slot = np.array([f"{site}/{int(at)}/{late}" for site, at, late in zip(all_of.site, hour, weekday > 4, strict=True)], object)
    found: dict[str, Floats] = {
        "hour": hour,
        "weekday": weekday,
        "stay_min": stay,
        "leaves_hour": all_of.end_min / 60 % 24,
        "nights": all_of.end_min // 1440 - day,
        "soc_plugged_pct": all_of.soc_start_pct,
        "elapsed_min": np.zeros(len(start)),
        "delivered_kwh": np.zeros(len(start)),
        "power_kw": np.full(len(start), np.nan),
        "at_once": _at_once(all_of),
        "since_last_min": _since_last(all_of),
    }
    for where, groups in (("site", all_of.site), ("station", all_of.station), ("slot", slot)):
        experience = _experience(all_of, groups, _LAST[where])
        names = [f"{where}_{what}" for what in ("energy_kwh", "energy_mean_kwh", "charge_min", "power_kw")]
        found |= dict(zip(names, experience.T, strict=True))
        found[f"{where}_guess_kwh"] = found[f"{where}_power_kw"] * stay / 60
    return {name: found[name] for name in FEATURES}


def later(features: dict[str, Floats], all_of: Sessions, moment_min: float) -> dict[str, Floats]:
    """The same so many minutes later, where it still charges. The meter is read at the session's mean power, for the records have no curve."""
    rate = all_of.energy_kwh / all_of.charge_min
    told = {"elapsed_min": np.full(len(rate), moment_min), "delivered_kwh": rate * np.minimum(moment_min, all_of.charge_min), "power_kw": rate * 60}
    return features | told if moment_min else features


def _groups(names: np.ndarray) -> list[np.ndarray]:
    """Places of each group with more than one member; the empty name is no group."""
    _, codes = np.unique(names.astype(str), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    return [part for part in parts if len(part) > 1 and names[part[0]] != ""]


def _experience(all_of: Sessions, groups: np.ndarray, most: int) -> Floats:
    """Of the last `most` sessions of the same group that had ended before each began: median and mean energy, charge time, power."""
    found = np.full((len(groups), 4), np.nan)
    power = all_of.energy_kwh / all_of.charge_min * 60
    for own in _groups(groups):
        by_end = own[np.argsort(all_of.end_min[own], kind="stable")]
        ended = np.searchsorted(all_of.end_min[by_end], all_of.start_min[own], side="right")
        energy, charge, rate = (_last(column[by_end], most) for column in (all_of.energy_kwh, all_of.charge_min, power))
        columns = (np.nanmedian(energy, axis=1), np.nanmean(energy, axis=1), np.nanmedian(charge, axis=1), np.nanmedian(rate, axis=1))
        some = ended > 0
        found[own[some]] = np.stack(columns, axis=1)[ended[some] - 1]
    return found


def _last(values: Floats, most: int) -> Floats:
    """The last `most` values up to each place, NaN before the first."""
    padded = np.concatenate([np.full(most - 1, np.nan), values])
    return np.lib.stride_tricks.sliding_window_view(padded, most)


def _at_once(all_of: Sessions) -> Floats:
    found = np.zeros(len(all_of.site))
    for own in _groups(all_of.site):
        starts, ends = np.sort(all_of.start_min[own]), np.sort(all_of.end_min[own])
        began, left = (np.searchsorted(edge, all_of.start_min[own], side="left") for edge in (starts, ends))
        found[own] = began - left
    return found


def _since_last(all_of: Sessions) -> Floats:
    found = np.full(len(all_of.site), np.nan)
    for own in _groups(all_of.station):
        ordered = own[np.argsort(all_of.start_min[own], kind="stable")]
        found[ordered[1:]] = all_of.start_min[ordered[1:]] - all_of.end_min[ordered[:-1]]
    return found
