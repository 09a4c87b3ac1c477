"""A made-up way for recordings that have none: the recorded distance, driven on a winding loop around a city."""

import numpy as np

from simulators.frames import Floats
from simulators.physics import draws, places

_LOOP_M = 24_000.0
_M_PER_DEGREE = 111_320.0
_CITY, _BENDS = 911, 912


def synthetic(number: int, region: str, way_m: Floats) -> dict[str, Floats]:
    """`lat`, `lon`, `heading_deg` and `position_synthetic` (1) at each of the distances driven (m, ascending)."""
    key = draws.keys(0x70B7, np.array([number], dtype=np.int64))
    cities = places.numbers(region)
    home = places.EVERYWHERE[cities[int(float(draws.uniform(key, _CITY)[0]) * len(cities))]]
    bend = (2 * np.pi * draws.uniform(key, _BENDS, np.arange(3))).tolist()
    heading = (2 * np.pi * way_m / _LOOP_M + bend[0] + 0.9 * np.sin(way_m / 410.0 + bend[1]) + 0.6 * np.sin(way_m / 1130.0 + bend[2])) % (2 * np.pi)
    step = np.diff(way_m, prepend=way_m[:1]) / _M_PER_DEGREE
    lat = home.lat + np.cumsum(step * np.cos(heading))
    lon = home.lon + np.cumsum(step * np.sin(heading)) / np.cos(np.radians(home.lat))
    return {"lat": lat, "lon": lon, "heading_deg": np.degrees(heading), "position_synthetic": np.ones(len(way_m))}


def headings(lat: Floats, lon: Floats) -> Floats:
    """Course over ground (degrees) between positions; NaN where the vehicle did not move or has no position."""
    north = np.diff(lat, prepend=np.nan)
    east = np.diff(lon, prepend=np.nan) * np.cos(np.radians(lat))
    moved = (np.abs(north) + np.abs(east)) > 2e-6
    return np.where(moved, np.degrees(np.arctan2(east, north)) % 360.0, np.nan)
