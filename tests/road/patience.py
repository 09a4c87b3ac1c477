"""Waiting for what a real stack does in its own time."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from contracts.errors import Transient

T = TypeVar("T")


def until(asked: Callable[[], T], what: str, seconds: float = 90) -> T:
    """The first answer that is true; what does not answer is asked again. Fails with `what` after that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := asked():
                return found
        except Transient:
            pass
        time.sleep(0.5)
    pytest.fail(f"{what}: not within {seconds:g} s")
