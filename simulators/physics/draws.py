"""Random numbers that depend on what they are for, not on what was drawn before: a hash of (seed, vehicle, stream, tick).

So a vehicle's series does not change with the size of the fleet, with the shard it runs in, or with the order of calls. The
hash is splitmix64 (Steele, Lea, Flood 2014), which passes BigCrush as a counter-based generator.
"""

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_STREAM = np.uint64(0xD1342543DE82EF95)
_TO_UNIT = 2.0**-53


def _mixed(words: Words) -> Words:
    words = (words ^ (words >> np.uint64(30))) * _MIX_A
    words = (words ^ (words >> np.uint64(27))) * _MIX_B
    return words ^ (words >> np.uint64(31))


def keys(seed: int, vehicles: npt.NDArray[np.integer]) -> Words:
    """One word a vehicle (its index in the whole fleet, from 0): the root of all that it draws."""
    root = _mixed(np.array([seed & 0xFFFFFFFFFFFFFFFF], np.uint64) + _GAMMA)
    return _mixed(root + (vehicles.astype(np.uint64) + np.uint64(1)) * _GAMMA)


def words(key: Words, stream: int, tick: npt.NDArray[np.integer] | int) -> Words:
    """64 random bits each. `stream` tells what for, `tick` how often before."""
    place = np.array([stream], np.uint64) * _STREAM + np.asarray(tick).astype(np.uint64) * _GAMMA
    return _mixed(_mixed(key ^ _mixed(place)) + _GAMMA)


def uniform(key: Words, stream: int, tick: npt.NDArray[np.integer] | int = 0) -> npt.NDArray[np.float64]:
    """Numbers in [0, 1)."""
    return (words(key, stream, tick) >> np.uint64(11)).astype(np.float64) * _TO_UNIT


def normal(key: Words, stream: int, tick: npt.NDArray[np.integer] | int = 0) -> npt.NDArray[np.float64]:
    """Standard normal numbers (Box and Muller)."""
    bits = words(key, stream, tick)
    radius = ((bits >> np.uint64(32)).astype(np.float64) + 0.5) * 2.0**-32
    angle = (bits & np.uint64(0xFFFFFFFF)).astype(np.float64) * (2.0**-32 * 2 * np.pi)
    return np.sqrt(-2 * np.log(radius)) * np.cos(angle)
