"""The front door of the physics: a fleet from a few words, in blocks that fit the processor's cache.

world = build(Fleet(seed=1, vehicles=1000))[0]
state = started(world, now_s)
state, happened = stepped(world, state, 1.0)
columns = everything(seen(world, state))
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from contracts.errors import Terminal
from simulators.physics import places
from simulators.physics.signals import Columns, Seen, everything, quick, seen, slow, steady
from simulators.physics.start import started, under_way
from simulators.physics.step import World, condition, stepped
from simulators.physics.traits import PATTERNS, Make, makes, traits
from simulators.physics.transitions import Occurrence

__all__ = [
    "BLOCK",
    "Columns",
    "Fleet",
    "Occurrence",
    "Seen",
    "World",
    "build",
    "condition",
    "everything",
    "quick",
    "seen",
    "slow",
    "started",
    "steady",
    "stepped",
    "under_way",
]

BLOCK = 4096
"""Vehicles of a block: its arrays stay in the second-level cache."""


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """Vehicles number `first` to `first + vehicles - 1`, vehicle n in `regions[n % len(regions)]`.

    `models` are names of the catalogue (none = all), drawn evenly; `shares` are those of `PATTERNS`.
    """

    seed: int = 1
    first: int = 0
    vehicles: int = 100
    regions: tuple[str, ...] = ("eu-north", "us-east")
    models: tuple[str, ...] = ()
    shares: tuple[float, ...] = (0.7, 0.1, 0.12, 0.08)


def build(fleet: Fleet, block: int = BLOCK) -> list[World]:
    """The fleet as worlds of at most `block` vehicles. Raises Terminal with one sentence where the fleet makes no sense."""
    if fleet.vehicles < 1 or block < 1:
        raise Terminal(f"a fleet of {fleet.vehicles} vehicles cannot be simulated; give at least 1")
    if len(fleet.shares) != len(PATTERNS) or min(fleet.shares) < 0 or sum(fleet.shares) <= 0:
        raise Terminal(f"shares must be {len(PATTERNS)} numbers from 0 on, of {', '.join(PATTERNS)}; not {fleet.shares}")
    if not fleet.regions:
        raise Terminal(f"a fleet needs a region; known are {', '.join(places.CITIES)}, and any other name lives in all of their cities")
    make = makes(fleet.models)
    last = fleet.first + fleet.vehicles
    return [_world(fleet, range(at, min(at + block, last)), make) for at in range(fleet.first, last, block)]


def _world(fleet: Fleet, numbers: Sequence[int], make: Make) -> World:
    regions = [fleet.regions[number % len(fleet.regions)] for number in numbers]
    return World(fleet.seed, make, traits(fleet.seed, numbers, regions, make, fleet.shares))


def concatenated(parts: Sequence[Columns]) -> Columns:
    """The columns of several blocks as one."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
