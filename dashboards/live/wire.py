"""Vehicles as the page's script reads them: one block of little-endian columns. Pure.

    8 bytes   time of the block, ms since the epoch (float64)
    4 bytes   number n of vehicles (uint32)
    4 bytes   revision of the fleet (uint32)
    then n of each:  place (uint32), age in ms (uint32, at most 2^32 - 1), latitude and longitude in 1e-6 degrees (int32),
                     speed in 0.1 km/h, power into the pack in 0.1 kW, temperature in 0.1 °C (int16), charge in 0.01 % (int16), state, flags (uint8)

What is unknown is the lowest number of its column. Flag 1: the position is synthetic. 26 bytes a vehicle.
"""

import struct

import numpy as np

from dashboards.live.fleet import Fleet

_UNKNOWN_32, _UNKNOWN_16 = np.iinfo(np.int32).min, np.iinfo(np.int16).min
_OLDEST = 2**32 - 1


def block(fleet: Fleet, places: np.ndarray, now_ms: int) -> bytes:
    """The vehicles at these places."""
    age_ms = np.clip(now_ms - fleet.event_ms[places], 0, _OLDEST).astype("<u4")
    columns = fleet.columns
    parts = [
        struct.pack("<dII", now_ms, len(places), fleet.revision & 0xFFFFFFFF),
        places.astype("<u4").tobytes(),
        age_ms.tobytes(),
        _whole(columns["lat"][places], 1e6, _UNKNOWN_32, "<i4"),
        _whole(columns["lon"][places], 1e6, _UNKNOWN_32, "<i4"),
        _whole(columns["speed_kmh"][places], 10, _UNKNOWN_16, "<i2"),
        _whole(columns["pack_w"][places], 0.01, _UNKNOWN_16, "<i2"),
        _whole(columns["pack_temp_c"][places], 10, _UNKNOWN_16, "<i2"),
        _whole(columns["soc_pct"][places], 100, _UNKNOWN_16, "<i2"),
        fleet.state[places].tobytes(),
        (np.nan_to_num(columns["position_synthetic"][places]) >= 0.5).astype(np.uint8).tobytes(),
    ]
    return b"".join(parts)


def _whole(values: np.ndarray, factor: float, unknown: int, kind: str) -> bytes:
    limit = -unknown - 1
    scaled = np.clip(np.round(values * factor), -limit, limit)
    return np.where(np.isnan(scaled), unknown, scaled).astype(kind).tobytes()
