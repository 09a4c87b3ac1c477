"""What faults of the unit and of the network do to a vehicle's messages before they are sent: clocks, time off, reboots, broken payloads."""

from typing import NamedTuple

import numpy as np

from simulators.history.transport import travelled
from simulators.physics import draws
from simulators.scenarios.plan import Fault, of_group
from simulators.source import Afflicted

_BROKEN, _CUT = 831, 832


class Told(NamedTuple):
    """What a unit makes of an instant: the time stamp that it writes (epoch ms), its boot's number, and whether it is on at all."""

    ts: int
    boot: int
    on: bool


class FaultyUnit:
    """One vehicle's unit with faults. Pure but for the faults that it was made of."""

    def __init__(self, of: Afflicted) -> None:
        self._key, self._faults = of.key, of_group(of.faults, "unit")
        self._broken: list[Fault] = [fault for fault in of.faults if fault.kind == "network.corrupt"]

    def told(self, ts: int) -> Told:
        """As it is at an instant (epoch ms), by the same rules as history."""
        if not self._faults:
            return Told(ts, 0, on=True)
        journey = travelled(self._key, np.array([ts], np.int64), self._faults)
        return Told(int(journey.ts[0]), int(journey.boot[0]), bool(journey.sent[0]))

    def payload(self, ts: int, kind: int, payload: bytes) -> bytes:
        """The payload as it arrives: where it is broken, its end is missing."""
        for fault in self._broken:
            if not fault.start_s * 1000 <= ts < fault.end_s * 1000:
                continue
            if float(draws.uniform(self._key, _BROKEN, ts * 4 + kind)[0]) < fault.severity:
                return payload[: 1 + int(float(draws.uniform(self._key, _CUT, ts * 4 + kind)[0]) * (len(payload) - 1))]
        return payload
