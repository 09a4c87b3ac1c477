"""Where vehicles live: a few cities a region, with their weather on a mild day, and how high the ground is."""

from collections.abc import Sequence

import numpy as np

from simulators.draws import Floats, Keys, uniform

M_PER_DEGREE = 111_320.0
"""Metres in one degree of latitude (WGS 84, mean)."""

# name: latitude, longitude (degrees), height (m), air (Celsius)
CITIES: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "eu-north": ((59.3293, 18.0686, 28, 11), (59.9139, 10.7522, 60, 10), (55.6761, 12.5683, 40, 13), (60.1699, 24.9384, 26, 9)),
    "eu-central": ((52.52, 13.405, 40, 16), (48.1351, 11.582, 520, 15), (48.2082, 16.3738, 190, 17), (50.0755, 14.4378, 220, 15)),
    "eu-south": ((41.3874, 2.1686, 60, 22), (45.4642, 9.19, 120, 20), (38.7223, -9.1393, 70, 21), (43.2965, 5.3698, 60, 21)),
    "us-east": ((40.7128, -74.006, 40, 18), (42.3601, -71.0589, 45, 16), (39.9526, -75.1652, 40, 19), (38.9072, -77.0369, 50, 20)),
    "us-west": ((34.0522, -118.2437, 90, 23), (37.7749, -122.4194, 60, 16), (47.6062, -122.3321, 60, 14), (45.5152, -122.6784, 50, 16)),
    "asia-east": ((37.5665, 126.978, 50, 17), (35.6762, 139.6503, 45, 19), (25.033, 121.5654, 40, 26), (34.6937, 135.5023, 40, 20)),
}
_ANYWHERE = tuple(city for cities in CITIES.values() for city in cities)


class Homes:
    """Home positions (degrees), ground height (m) and air (Celsius), one a vehicle."""

    def __init__(self, keys: Keys, regions: Sequence[str]) -> None:
        """Vehicle i lives in a city of `regions[i]`, within some 8 km; a region that has no cities here gets any of them."""
        choices = [CITIES.get(region, _ANYWHERE) for region in regions]
        picks = uniform(keys, 0, 1)
        cities = np.array([choice[int(pick * len(choice))] for choice, pick in zip(choices, picks, strict=True)]).reshape(-1, 4)
        reach = 8000.0 * np.sqrt(uniform(keys, 0, 2)) / M_PER_DEGREE
        bearing = 2 * np.pi * uniform(keys, 0, 3)
        self.lat: Floats = cities[:, 0] + reach * np.cos(bearing)
        self.lon: Floats = cities[:, 1] + reach * np.sin(bearing) / np.cos(np.radians(cities[:, 0]))
        self.height_m: Floats = cities[:, 2]
        self.air_c: Floats = cities[:, 3] + 6 * (uniform(keys, 0, 4) - 0.5)


def ground_m(height_m: Floats, lat: Floats, lon: Floats) -> Floats:
    """Height of the ground (m) at a position (degrees): gentle hills of some 3 km around the city's height, grade below 6 %."""
    return height_m + 14 * np.sin(230 * lat) * np.cos(150 * lon) + 5 * np.sin(610 * lat + 410 * lon)
