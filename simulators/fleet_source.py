"""A simulated fleet as a source of messages: telemetry at a rate, cells more slowly, events as they happen.

A vehicle has a place (slot) in the period, from its own key, so that a fleet does not send everything at once: within the
period slot s is due at s/slots. The vehicles of one slot are one group and one numpy step.

Vehicles have numbers from 0 and names from 1, as in history. A fleet may be cut into parts (processes, machines): vehicle n is in part
n modulo parts, and its series does not depend on that.
"""

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from contracts.identity import KINDS
from simulators.faulty import FaultyUnit, Told
from simulators.frames import Layout, encode_cells, encode_event
from simulators.group import Group, Rows
from simulators.physics import draws
from simulators.physics.traits import Make, makes
from simulators.physics.transitions import Occurrence
from simulators.scenarios.plan import Fault, check, of_group, planned, vehicle_id
from simulators.scenarios.scenario import Scenario
from simulators.source import Afflicted, Message, Vehicle

TELEMETRY, CELLS, EVENT = (KINDS.index(kind) for kind in ("telemetry", "cells", "event"))
_SLOT_S = 0.05
_STEADY_S, _SLOW_S = 10.0, 60.0
_FIRMWARE = "sim-1"
_PLACE, _CELLS = 902, 903
_BLOCK = 4096


class Plan(msgspec.Struct, frozen=True):
    """Which fleet: so many vehicles, spread over the regions; `seconds` 0 is without end.

    The first `hot` vehicles run hot; less than 0 is one in fifty, at least one. `every_signal` puts all signals in every frame. Only the
    vehicles of `part` (0 to `parts` - 1) are simulated. `models` are names of the catalogue; all where empty.
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
    models: tuple[str, ...] = ()
    part: int = 0
    parts: int = 1
    scenario: Scenario | None = None

    @property
    def numbers(self) -> range:
        """The vehicles of this part."""
        return range(self.part, self.vehicles, self.parts)

    def faults(self, start_ms: int) -> list[Fault]:
        """The plan of the scenario for this part in a run that starts at that instant; empty without one."""
        return planned(self.scenario, self.seed, self.numbers, start_ms / 1000, self.prefix) if self.scenario else []


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
        """Vehicles and their first state. Raises Terminal for an unknown model, and for a scenario that names a vehicle that is not there."""
        if plan.scenario:
            check(plan.scenario, plan.prefix, plan.vehicles)
        self._plan = plan
        self._period_s = 1 / plan.rate_hz
        self._slots_count = max(1, min(20, round(self._period_s / _SLOT_S)))
        self._turns = math.inf if not plan.seconds else max(1, round(plan.seconds * plan.rate_hz)) * self._slots_count
        self._turn = 0
        self._cells_every = self._frames(plan.cells_s)
        self._steady_every, self._slow_every = self._frames(_STEADY_S), self._frames(_SLOW_S)
        self._numbers = np.array(plan.numbers, np.int64)
        places = (draws.uniform(draws.keys(plan.seed, self._numbers), _PLACE) * self._slots_count).astype(np.int64)
        make = makes(plan.models)
        self._slots = [self._slot(np.flatnonzero(places == place), make) for place in range(self._slots_count)]
        self._layouts: dict[tuple[bool, bool], Layout] = {}
        self.vehicles: Sequence[Vehicle] = self._vehicles()
        self.faults: Sequence[Fault] | None = None
        """All faults of this part, as soon as the run has begun."""
        self._units: dict[int, FaultyUnit] = {}
        self._boots: dict[int, int] = {}

    def begin(self, start_ms: int) -> list[Afflicted]:
        """See `Source`."""
        self.faults = self._plan.faults(start_ms)
        own: dict[int, list[Fault]] = {}
        for fault in of_group(self.faults, "unit", "network"):
            own.setdefault((fault.vehicle - self._plan.part) // self._plan.parts, []).append(fault)
        found = [Afflicted(place, draws.keys(self._plan.seed, self._numbers[place : place + 1]), tuple(faults)) for place, faults in own.items()]
        self._units = {one.vehicle: FaultyUnit(one) for one in found}
        return found

    def due_s(self) -> float | None:
        """Seconds after the start at which the next slot is due; None after the last."""
        return self._turn * self._period_s / self._slots_count if self._turn < self._turns else None

    def take(self, start_ms: int) -> list[Message]:
        """The next slot's messages; `ts` is the instant at which they are due."""
        due_s = self.due_s()
        if due_s is None:
            return []
        if self.faults is None:
            self.begin(start_ms)
        at, step = self._turn % self._slots_count, self._turn // self._slots_count
        self._turn += 1
        slot, ts = self._slots[at], start_ms + round(due_s * 1000)
        if slot is None:
            return []
        if step == 0:
            slot.group.begin(ts / 1000 - self._period_s, self._of(slot))
        happened = slot.group.step(self._period_s)
        told = {place: self._units[place].told(ts) for place in slot.members if place in self._units} if self._units else {}
        out = self._booted(slot, ts, step, told)
        out += [self._event(slot.members[one.vehicle], one, ts, told) for one in happened]
        steady = step == 0 or self._plan.every_signal or (step + at) % self._steady_every == 0
        slow = step == 0 or self._plan.every_signal or (step + at) % self._slow_every == 0
        frames = self._encode(slot, _stamps(slot, ts, told), steady=steady, slow=slow)
        out += [Message(place, TELEMETRY, frame) for place, frame in zip(slot.members, frames, strict=True)]
        out += self._cells(slot, ts, step, told)
        return self._afflicted(out, ts, told) if told else out

    def _of(self, slot: _Slot) -> list[Fault]:
        numbers = set(self._numbers[slot.members].tolist())
        return [fault for fault in self.faults or () if fault.vehicle in numbers]

    def _encode(self, slot: _Slot, stamps: int | list[int], *, steady: bool, slow: bool) -> list[bytes]:
        columns = slot.group.columns(steady=steady, slow=slow)
        layout = self._layouts.get((steady, slow))
        if layout is None:
            layout = self._layouts[steady, slow] = Layout(tuple(columns))
        return layout.encode(stamps, columns)

    def _cells(self, slot: _Slot, ts: int, step: int, told: dict[int, Told]) -> list[Message]:
        due = np.flatnonzero(slot.cells_at == step % self._cells_every)
        if not len(due):
            return []
        places = [slot.members[at] for at in due.tolist()]
        stamps = [told[place].ts if place in told else ts for place in places]
        volts, probes = slot.group.cells(due)
        return [Message(place, CELLS, raw) for place, raw in zip(places, encode_cells(stamps, volts, probes), strict=True)]

    def _booted(self, slot: _Slot, ts: int, step: int, told: dict[int, Told]) -> list[Message]:
        """Of each unit that started the event that says so: all at first, and those that came back from a reboot."""
        again = [place for place, one in told.items() if one.on and one.boot > self._boots.get(place, 0)]
        self._boots |= {place: told[place].boot for place in again}
        attributes = ((place, {"firmware": _FIRMWARE, "model": self.vehicles[place].model}) for place in (slot.members if step == 0 else again))
        return [Message(place, EVENT, encode_event(told[place].ts if place in told else ts, "boot", of)) for place, of in attributes]

    def _event(self, place: int, one: Occurrence, ts: int, told: dict[int, Told]) -> Message:
        return Message(place, EVENT, encode_event(told[place].ts if place in told else ts, one.event, one.attributes))

    def _afflicted(self, out: list[Message], ts: int, told: dict[int, Told]) -> list[Message]:
        """Without what units that are off would have sent; under their boots, and broken where the network breaks them."""
        kept: list[Message] = []
        for one in out:
            if one.vehicle not in told:
                kept.append(one)
            elif told[one.vehicle].on:
                payload = self._units[one.vehicle].payload(ts, one.kind, one.payload)
                kept.append(one._replace(payload=payload, boot=told[one.vehicle].boot))
        return kept

    def _frames(self, seconds: float) -> int:
        return max(1, round(seconds * self._plan.rate_hz))

    def _slot(self, members: Rows, make: Make) -> _Slot | None:
        if not len(members):
            return None
        numbers = self._numbers[members]
        cells_at = (draws.uniform(draws.keys(self._plan.seed, numbers), _CELLS) * self._cells_every).astype(np.int64)
        return _Slot(members, _group(self._plan, numbers.tolist(), make), cells_at)

    def _vehicles(self) -> list[Vehicle]:
        found: dict[int, Vehicle] = {}
        for slot in self._slots:
            if slot:
                named = _named(self._plan, self._numbers[slot.members].tolist(), slot.group)
                found |= dict(zip(slot.members, named, strict=True))
        return [found[place] for place in sorted(found)]


def vehicles(plan: Plan) -> Iterator[Vehicle]:
    """The vehicles of a plan with their master data, without a fleet in memory. Raises Terminal for an unknown model."""
    make = makes(plan.models)
    for first in range(0, len(plan.numbers), _BLOCK):
        numbers = plan.numbers[first : first + _BLOCK]
        yield from _named(plan, numbers, _group(plan, numbers, make))


def _group(plan: Plan, numbers: Sequence[int], make: Make) -> Group:
    regions = [plan.regions[number % len(plan.regions)] for number in numbers]
    return Group(plan.seed, numbers, regions, make, [number % 50 == 0 if plan.hot < 0 else number < plan.hot for number in numbers])


def _named(plan: Plan, numbers: Sequence[int], group: Group) -> list[Vehicle]:
    return [
        Vehicle(vehicle_id(plan.prefix, number), plan.regions[number % len(plan.regions)], home.model, home.lat, home.lon, home.tags)
        for number, home in zip(numbers, group.homes(), strict=True)
    ]


def _stamps(slot: _Slot, ts: int, told: dict[int, Told]) -> int | list[int]:
    """The time stamps that the units write: one for all where no clock is wrong."""
    return [told[place].ts if place in told else ts for place in slot.members] if told else ts
