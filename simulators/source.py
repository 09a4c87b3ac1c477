"""What a publisher publishes: messages with the instants at which they are due."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from simulators.physics.draws import Words
from simulators.scenarios.plan import Fault


class Vehicle(msgspec.Struct, frozen=True):
    """A vehicle of a source and its master data; home in degrees."""

    vehicle_id: str
    region: str
    model: str
    home_lat: float
    home_lon: float
    tags: tuple[str, ...] = ()


class Message(NamedTuple):
    """A message of the vehicle at that place of `Source.vehicles`; `kind` is a place of `contracts.identity.KINDS`.

    `boot` counts the reboots of its unit in this run.
    """

    vehicle: int
    kind: int
    payload: bytes
    boot: int = 0


class Afflicted(NamedTuple):
    """The vehicle at a place, the root of its draws (one word), and its faults of the unit and the network."""

    vehicle: int
    key: Words
    faults: tuple[Fault, ...]


class Source(Protocol):
    """Messages of several vehicles, in the order in which they are due."""

    vehicles: Sequence[Vehicle]
    paced: bool
    """False where messages are not due at instants of their own, but as fast as they are safe."""

    def begin(self, start_ms: int) -> Sequence[Afflicted]:
        """The run starts at that instant (epoch milliseconds): what its publisher has to do to the connections. Called once, before `take`."""

    def due_s(self) -> float | None:
        """Seconds after the start at which the next messages are due; None when there are no more."""

    def take(self, start_ms: int) -> list[Message]:
        """The messages that are due next, in a run that started at that instant."""
