"""Simulated fleets that drive on the stack of a test."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from voltlake.demo import traffic
from voltlake.settings import surroundings
from voltlake.stack.handle import Handle


@contextmanager
def driving(stack: Handle, name: str, vehicles: int, rate_hz: float) -> Iterator[traffic.Simulator]:
    """A fleet whose vehicles are called after `name`, for as long as the block runs."""
    fleet = traffic.fleet(stack.plan, surroundings(os.environ), stack.ledger / name, vehicles, rate_hz, prefix=name.upper())
    try:
        yield fleet
    finally:
        fleet.kill()
