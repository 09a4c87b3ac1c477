"""Random numbers that depend on nothing but (seed, vehicle number, step, purpose).

A counter-based generator: there is no stream to run dry or to share, so a vehicle's series is the same in a fleet of one
and of a million, and whichever process simulates it. The mixing function is SplitMix64's finaliser (Steele, Lea and
Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def _mix(words: Keys) -> Keys:
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def mix(word: int) -> int:
    """One scrambled 64-bit word of another."""
    word &= _MASK
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
    return word ^ (word >> 31)


def keys(seed: int, numbers: NDArray[np.int64]) -> Keys:
    """One key a vehicle, of the run's seed and the vehicle's number."""
    return _mix(np.uint64(mix(seed + _GOLDEN)) + numbers.astype(np.uint64) * np.uint64(_GOLDEN))


def uniform(of: Keys, step: int, purpose: int) -> Floats:
    """Uniform in [0, 1), one a key. `purpose` (below 256) keeps draws of the same step apart."""
    counter = np.uint64(mix((step << 8 | purpose) * _GOLDEN))
    return (_mix(of ^ counter) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def between(of: Keys, step: int, purpose: int, limits: tuple[float, float]) -> Floats:
    """Uniform between two limits, one a key."""
    low, high = limits
    return low + (high - low) * uniform(of, step, purpose)


def spread(of: Keys, purpose: int, width: int) -> Floats:
    """A table of uniform draws in [0, 1), shape (keys, width): what differs between the cells of a pack."""
    lanes = _mix(np.arange(1, width + 1, dtype=np.uint64) * np.uint64(_GOLDEN) + np.uint64(purpose << 40))
    return (_mix(of[:, None] ^ lanes[None, :]) >> np.uint64(11)).astype(np.float64) * 2.0**-53
