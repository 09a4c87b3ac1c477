"""What a publisher publishes: messages with the instants at which they are due."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec


class Vehicle(msgspec.Struct, frozen=True):
    """A vehicle of a source and its master data; home in degrees."""

    vehicle_id: str
    region: str
    model: str
    home_lat: float
    home_lon: float
    tags: tuple[str, ...] = ()


class Message(NamedTuple):
    """A message of the vehicle at that place of `Source.vehicles`; `kind` is a place of `contracts.identity.KINDS`."""

    vehicle: int
    kind: int
    payload: bytes


class Source(Protocol):
    """Messages of several vehicles, in the order in which they are due."""

    vehicles: Sequence[Vehicle]
    paced: bool
    """False where messages are not due at instants of their own, but as fast as they are safe."""

    def due_s(self) -> float | None:
        """Seconds after the start at which the next messages are due; None when there are no more."""

    def take(self, start_ms: int) -> list[Message]:
        """The messages that are due next, in a run that started at that instant (epoch milliseconds)."""
