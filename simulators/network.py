"""Faults of the network and of units, as what becomes of connections and packets. Pure: time arrives as data; the publisher carries it out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from simulators.physics import draws
from simulators.scenarios.plan import Fault
from simulators.source import Afflicted

_EXTRA, _TWICE = 823, 833
_LATE = {"network.delay": "delay_s", "network.reorder": "window_s"}
AT_ONCE = (0.0,)


class Outage(NamedTuple):
    """A vehicle without a connection, from when to when (epoch seconds)."""

    start_s: float
    end_s: float
    vehicle: int


def outages(afflicted: Sequence[Afflicted]) -> list[Outage]:
    """All of them in order of time: outages of the network, and units that are off while they start anew."""
    found = []
    for one in afflicted:
        for fault in one.faults:
            if fault.kind == "network.outage":
                found.append(Outage(fault.start_s, fault.end_s, one.vehicle))
            elif fault.kind == "unit.reboot":
                found.append(Outage(fault.start_s, fault.start_s + fault.parameters["off_s"] * fault.severity, one.vehicle))
    return sorted(found)


class Passage:
    """What the network does to the packets of one vehicle."""

    def __init__(self, of: Afflicted) -> None:
        self._key = of.key
        self._late = [fault for fault in of.faults if fault.kind in _LATE]
        self._twice = [fault for fault in of.faults if fault.kind == "network.duplicate"]

    @property
    def harmless(self) -> bool:
        """Whether it does nothing, ever."""
        return not self._late and not self._twice

    def copies(self, due_ms: int, now_s: float) -> tuple[float, ...]:
        """For each copy of a packet that is sent now (epoch seconds) the seconds that it takes longer; `due_ms` tells packets apart."""
        late_s = sum(
            -float(np.log1p(-self._drawn(_EXTRA, due_ms))) * fault.parameters[_LATE[fault.kind]] * fault.severity for fault in _on(self._late, now_s)
        )
        if any(self._drawn(_TWICE, due_ms) < fault.severity for fault in _on(self._twice, now_s)):
            return (late_s, late_s)
        return (late_s,) if late_s else AT_ONCE

    def _drawn(self, stream: int, tick: int) -> float:
        return float(draws.uniform(self._key, stream, tick)[0])


def _on(faults: list[Fault], now_s: float) -> list[Fault]:
    return [fault for fault in faults if fault.start_s <= now_s < fault.end_s]
