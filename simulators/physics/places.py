"""Where vehicles live: cities by region, with coordinates, height, climate normals and hours to UTC.

Coordinates and heights: GeoNames. Mean temperature of the year and half the swing between July and January: climate normals
1991-2020 of the national weather services, rounded to 0.5 K. `relief_m` is the height of the hills around, rounded.
"""

from typing import NamedTuple


class City(NamedTuple):
    """A city: degrees, metres, Celsius, kelvin, hours."""

    name: str
    lat: float
    lon: float
    height_m: float
    mean_c: float
    swing_c: float
    relief_m: float
    utc_h: float


CITIES: dict[str, tuple[City, ...]] = {
    "eu-north": (
        City("Stockholm", 59.3293, 18.0686, 28, 7.0, 10.5, 25, 1),
        City("Oslo", 59.9139, 10.7522, 60, 6.5, 11.0, 60, 1),
        City("Copenhagen", 55.6761, 12.5683, 15, 9.0, 8.5, 15, 1),
        City("Tampere", 61.4978, 23.7610, 114, 4.5, 12.0, 30, 2),
    ),
    "eu-central": (
        City("Berlin", 52.5200, 13.4050, 40, 10.0, 9.5, 15, 1),
        City("Munich", 48.1351, 11.5820, 520, 9.5, 9.5, 30, 1),
        City("Vienna", 48.2082, 16.3738, 190, 11.0, 10.5, 50, 1),
        City("Prague", 50.0755, 14.4378, 220, 9.5, 10.0, 60, 1),
    ),
    "eu-south": (
        City("Madrid", 40.4168, -3.7038, 657, 15.5, 10.0, 40, 1),
        City("Milan", 45.4642, 9.1900, 120, 14.0, 11.0, 15, 1),
        City("Lyon", 45.7640, 4.8357, 173, 13.0, 9.5, 60, 1),
        City("Toulouse", 43.6047, 1.4442, 146, 14.0, 8.5, 40, 1),
    ),
    "us-east": (
        City("Albany", 42.6526, -73.7562, 45, 9.5, 13.0, 60, -5),
        City("Worcester", 42.2626, -71.8023, 146, 9.0, 12.5, 60, -5),
        City("Columbus", 39.9612, -82.9988, 275, 12.5, 13.0, 25, -5),
        City("Atlanta", 33.7490, -84.3880, 320, 17.5, 10.5, 50, -5),
    ),
    "us-west": (
        City("Sacramento", 38.5816, -121.4944, 9, 17.0, 8.0, 10, -8),
        City("Phoenix", 33.4484, -112.0740, 331, 24.5, 11.5, 25, -7),
        City("Denver", 39.7392, -104.9903, 1609, 10.5, 12.5, 40, -7),
        City("Boise", 43.6150, -116.2023, 824, 12.0, 13.0, 40, -7),
    ),
    "asia-east": (
        City("Beijing", 39.9042, 116.4074, 44, 13.0, 15.0, 15, 8),
        City("Chengdu", 30.5728, 104.0668, 500, 17.0, 10.0, 20, 8),
        City("Wuhan", 30.5928, 114.3055, 37, 17.5, 12.5, 15, 8),
        City("Daejeon", 36.3504, 127.3845, 77, 13.5, 13.5, 60, 9),
    ),
}
EVERYWHERE: tuple[City, ...] = tuple(city for cities in CITIES.values() for city in cities)


def numbers(region: str) -> list[int]:
    """Places in `EVERYWHERE` of a region's cities; of all cities where the region is unknown."""
    own = CITIES.get(region)
    return [EVERYWHERE.index(city) for city in own] if own else list(range(len(EVERYWHERE)))
