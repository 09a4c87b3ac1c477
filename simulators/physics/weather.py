"""Air and sun by place, season, hour and day: the climate normal, the course of a day, and weather that changes from day to day."""

from typing import NamedTuple

import numpy as np

from simulators.physics import draws
from simulators.physics.places import EVERYWHERE
from simulators.physics.road import Array

DAY_S = 86_400.0
YEAR_D = 365.25
WARMEST_DAY = 200
WARMEST_HOUR = 15.0
SPELL_K = 3.5
"""Standard deviation of a day's temperature about its normal (E-OBS, Europe)."""
_STREAM_SPELL, _STREAM_CLOUD = 901, 902


class Air(NamedTuple):
    """Temperature (Celsius) and sun on the level (W/m2), one value a place of `EVERYWHERE`."""

    ambient_c: Array
    sun_w_m2: Array


_MEAN = np.array([city.mean_c for city in EVERYWHERE])
_SWING = np.array([city.swing_c for city in EVERYWHERE])
_LAT = np.radians([city.lat for city in EVERYWHERE])
UTC_S = np.array([city.utc_h for city in EVERYWHERE]) * 3600.0
"""Seconds to add to UTC for local time, by place."""


def air(seed: int, now_s: float) -> Air:
    """The weather everywhere at an instant (epoch seconds). The same for the same seed and instant, whatever the fleet."""
    places = draws.keys(seed, np.arange(len(EVERYWHERE)))
    local_s = now_s + UTC_S
    day = np.floor(local_s / DAY_S).astype(np.int64)
    hour = local_s / 3600 % 24
    season = np.cos((local_s / DAY_S % YEAR_D - WARMEST_DAY) * (2 * np.pi / YEAR_D))
    cloud = 0.25 + 0.75 * draws.uniform(places, _STREAM_CLOUD, day)
    part = local_s / DAY_S - day
    spell = (1 - part) * draws.normal(places, _STREAM_SPELL, day) + part * draws.normal(places, _STREAM_SPELL, day + 1)
    daily = (2.0 + 4.0 * cloud) * np.cos((hour - WARMEST_HOUR) * (np.pi / 12))
    ambient = _MEAN + _SWING * season + SPELL_K * spell + daily
    tilt = np.radians(23.44) * season
    height = np.sin(_LAT) * np.sin(tilt) + np.cos(_LAT) * np.cos(tilt) * np.cos((hour - 12) * (np.pi / 12))
    return Air(ambient.astype(np.float32), (1000 * cloud * np.maximum(height, 0)).astype(np.float32))
