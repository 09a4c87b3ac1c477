"""Where a vehicle is on its way: a bent line between two real places, over made-up hills around the city's real height."""

import numpy as np

from simulators.physics.places import EVERYWHERE
from simulators.physics.road import Array
from simulators.physics.state import Trip

DETOUR = 1.2
"""Length of a way over the straight line (Boscoe et al. 2012: 1.2 to 1.4 by road)."""
_HEIGHT = np.array([city.height_m for city in EVERYWHERE], np.float64)
_RELIEF = np.array([city.relief_m for city in EVERYWHERE], np.float64)
_M_PER_DEGREE = 111_320.0


def ground_m(place: np.ndarray, lat: Array, lon: Array) -> Array:
    """Height in m at a position: hills of some 7 and 2 km about the height of the city; grades stay below 8 %."""
    wide = np.sin(lat * 95.0) * np.cos(lon * 70.0 + lat * 20)
    narrow = np.sin(lat * 310.0 + lon * 190.0)
    return _HEIGHT[place] + _RELIEF[place] * (0.75 * wide + 0.25 * narrow)


def travelled(trip: Trip, place: np.ndarray, share: Array, way_m: Array) -> Trip:
    """The trip's position, height and grade where `share` of its way is done, `way_m` after the last one."""
    there = np.where(trip.loop, 1 - np.abs(1 - 2 * share), share).astype(np.float64)
    north, east = trip.to_lat - trip.from_lat, trip.to_lon - trip.from_lon
    bend = 0.10 * np.sin(2 * np.pi * there) + 0.03 * np.sin(7 * np.pi * there)
    narrow = np.cos(np.radians(trip.from_lat))
    lat = trip.from_lat + north * there - east * narrow * bend
    lon = trip.from_lon + east * there + north * bend / narrow
    height = ground_m(place, lat, lon)
    moving = way_m > 0.5
    up = (height - trip.height_m) / np.maximum(way_m, 0.5)
    heading = np.degrees(np.arctan2((lon - trip.lon) * narrow, lat - trip.lat)) % 360
    return trip._replace(
        lat=lat,
        lon=lon,
        height_m=height,
        grade=np.where(moving, np.clip(up, -0.09, 0.09), trip.grade).astype(np.float32),
        heading_deg=np.where(moving, heading, trip.heading_deg).astype(np.float32),
    )


def straight_m(lat: Array, lon: Array, to_lat: Array, to_lon: Array) -> Array:
    """Metres of the straight line between positions in degrees."""
    east = (to_lon - lon) * np.cos(np.radians((lat + to_lat) / 2))
    return np.hypot(to_lat - lat, east) * _M_PER_DEGREE
