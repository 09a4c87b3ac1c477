"""A simulated fleet as a source of messages: telemetry at a rate, cells more slowly, events as they happen.

A vehicle has a place (slot) in the period, from its own key, so that a fleet does not send everything at once: within the
period slot s is due at s/slots. The vehicles of one slot are one group and one numpy step.

A fleet may be cut into parts (processes, machines): vehicle n is in part n modulo parts, and its series does not depend on that.
"""

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from contracts.identity import KINDS
from simulators.draws import keys, uniform
from simulators.frames import Layout, encode_cells, encode_event
from simulators.group import Group, Happening, Rows
from simulators.physical import PhysicalGroup
from simulators.physics.traits import Make, makes
from simulators.plain import PlainGroup
from simulators.source import Message, Vehicle

TELEMETRY, CELLS, EVENT = (KINDS.index(kind) for kind in ("telemetry", "cells", "event"))
_SLOT_S = 0.05
_STEADY_S, _SLOW_S = 10.0, 60.0
_FIRMWARE = "sim-1"


class Plan(msgspec.Struct, frozen=True):
    """Which fleet: vehicle numbers 1 to `vehicles`, spread over the regions; `seconds` 0 is without end.

    `hot` vehicles run hot; less than 0 is one in fifty, at least one. `every_signal` puts all signals in every frame. Only the
    vehicles of `part` (0 to `parts` - 1) are simulated. `models` are those of the physical fleet; all where empty.
    """

    vehicles: int
    regions: tuple[str, ...]
    rate_hz: float = 1.0
    seconds: float = 0.0
    seed: int = 1
    cells_s: float = 10.0
    hot: int = -1
    every_signal: bool = False
    prefix: str = "SIM"
    fidelity: Literal["plain", "physics"] = "plain"
    models: tuple[str, ...] = ()
    part: int = 0
    parts: int = 1


class _Slot:
    """The vehicles of one place in the period; `members` are their places in the source."""

    def __init__(self, members: Rows, group: Group, cells_at: Rows) -> None:
        self.members: list[int] = members.tolist()
        self.group = group
        self.cells_at = cells_at


class FleetSource:
    """See `simulators.source.Source`. The same plan gives the same bytes for the same start."""

    paced = True

    def __init__(self, plan: Plan) -> None:
        """Vehicles and their first state. Raises Terminal for an unknown model."""
        self._plan = plan
        self._period_s = 1 / plan.rate_hz
        self._slots_count = max(1, min(20, round(self._period_s / _SLOT_S)))
        self._turns = math.inf if not plan.seconds else max(1, round(plan.seconds * plan.rate_hz)) * self._slots_count
        self._turn = 0
        self._cells_every = self._frames(plan.cells_s)
        self._steady_every, self._slow_every = self._frames(_STEADY_S), self._frames(_SLOW_S)
        self._numbers = np.arange(plan.part + 1, plan.vehicles + 1, plan.parts, dtype=np.int64)
        self._make = makes(plan.models) if plan.fidelity == "physics" else None
        places = (uniform(keys(plan.seed, self._numbers), 0, 51) * self._slots_count).astype(np.int64)
        self._slots = [self._slot(np.flatnonzero(places == place)) for place in range(self._slots_count)]
        self._layouts: dict[tuple[bool, bool], Layout] = {}
        self.vehicles: Sequence[Vehicle] = self._vehicles()

    def due_s(self) -> float | None:
        """Seconds after the start at which the next slot is due; None after the last."""
        return self._turn * self._period_s / self._slots_count if self._turn < self._turns else None

    def take(self, start_ms: int) -> list[Message]:
        """The next slot's messages; `ts` is the instant at which they are due."""
        due_s = self.due_s()
        if due_s is None:
            return []
        at, step = self._turn % self._slots_count, self._turn // self._slots_count
        self._turn += 1
        slot, ts = self._slots[at], start_ms + round(due_s * 1000)
        if slot is None:
            return []
        if step == 0:
            slot.group.begin((start_ms + round(due_s * 1000)) / 1000 - self._period_s)
        happened = slot.group.step(self._period_s)
        out = self._boots(slot, ts) if step == 0 else []
        out += self._events(slot, happened, ts)
        steady = step == 0 or self._plan.every_signal or (step + at) % self._steady_every == 0
        slow = step == 0 or self._plan.every_signal or (step + at) % self._slow_every == 0
        frames = self._encode(slot, ts, steady=steady, slow=slow)
        out += [Message(index, TELEMETRY, frame) for index, frame in zip(slot.members, frames, strict=True)]
        return out + self._cells(slot, ts, step)

    def _encode(self, slot: _Slot, ts: int, *, steady: bool, slow: bool) -> list[bytes]:
        columns = slot.group.columns(steady=steady, slow=slow)
        layout = self._layouts.get((steady, slow))
        if layout is None:
            layout = self._layouts[steady, slow] = Layout(tuple(columns))
        return layout.encode(ts, columns)

    def _cells(self, slot: _Slot, ts: int, step: int) -> list[Message]:
        due = np.flatnonzero(slot.cells_at == step % self._cells_every)
        if not len(due):
            return []
        volts, probes = slot.group.cells(due)
        return [Message(slot.members[at], CELLS, raw) for at, raw in zip(due.tolist(), encode_cells(ts, volts, probes), strict=True)]

    def _boots(self, slot: _Slot, ts: int) -> list[Message]:
        names = [self.vehicles[index].model for index in slot.members]
        return [
            Message(index, EVENT, encode_event(ts, "boot", {"firmware": _FIRMWARE, "model": name}))
            for index, name in zip(slot.members, names, strict=True)
        ]

    def _events(self, slot: _Slot, happened: Sequence[Happening], ts: int) -> list[Message]:
        return [Message(slot.members[one.vehicle], EVENT, encode_event(ts, one.event, one.attributes)) for one in happened]

    def _frames(self, seconds: float) -> int:
        return max(1, round(seconds * self._plan.rate_hz))

    def _slot(self, members: Rows) -> _Slot | None:
        plan, numbers = self._plan, self._numbers[members]
        if not len(members):
            return None
        cells_at = (uniform(keys(plan.seed, numbers), 0, 50) * self._cells_every).astype(np.int64)
        return _Slot(members, _group(plan, numbers.tolist(), self._make), cells_at)

    def _vehicles(self) -> list[Vehicle]:
        found: dict[int, Vehicle] = {}
        for slot in self._slots:
            for place, home in zip(slot.members, slot.group.homes(), strict=True) if slot else ():
                number = int(self._numbers[place])
                identity, region = f"{self._plan.prefix}-{number:05d}", self._plan.regions[(number - 1) % len(self._plan.regions)]
                found[place] = Vehicle(identity, region, home.model, home.lat, home.lon, home.tags)
        return [found[place] for place in sorted(found)]


def _group(plan: Plan, numbers: Sequence[int], make: Make | None) -> Group:
    regions = [plan.regions[(number - 1) % len(plan.regions)] for number in numbers]
    if make is not None:
        return PhysicalGroup(plan.seed, numbers, regions, make)
    return PlainGroup(plan.seed, numbers, regions, [(number - 1) % 50 == 0 if plan.hot < 0 else number <= plan.hot for number in numbers])
