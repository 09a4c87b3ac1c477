"""Who a sensor unit is, how units behave, and what all of a process' units counted."""

from collections import Counter
from typing import Any, Protocol

import msgspec

from simulators.lags import Lags
from simulators.outbox import Limits


class Unit(msgspec.Struct, frozen=True):
    """Who a sensor unit is."""

    vehicle_id: str
    region: str
    boot_id: str


class Habits(msgspec.Struct, frozen=True):
    """How sensor units behave. `puback_is_safe`: no gateway is there (a bare broker is loaded), so its PUBACK counts as safe."""

    limits: Limits = Limits()
    state_s: float = 10.0
    late_s: float = 0.1
    puback_is_safe: bool = False


class Tally:
    """What all sensor units of a process counted."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self.refused = 0
        self.reasons: Counter[int] = Counter()
        """Refused messages by the broker's reason code."""
        self.resent = 0
        self.late = 0
        self.malformed_acks = 0
        self.connected = 0
        self.send_lag = Lags()
        """From the instant a message was due to its first send (s)."""
        self.puback = Lags()
        """From a send to its PUBACK (s)."""


class Watcher(Protocol):
    """Who looks after the connections."""

    def up(self, sensor: Any, now_s: float) -> None:
        """A sensor unit is connected."""

    def down(self, sensor: Any, why: str, now_s: float) -> None:
        """A sensor unit lost its connection, or did not get one."""
