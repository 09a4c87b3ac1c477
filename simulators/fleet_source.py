"""The plain fleet as a source of messages: telemetry at a rate, cells more slowly, events as they happen.

A vehicle has a place (slot) in the period, from its own key, so that a fleet does not send everything at once: within the
period slot s is due at s/slots. The vehicles of one slot are one set of arrays and one numpy step.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from contracts.identity import KINDS
from simulators import fleet, models, readings
from simulators.draws import keys, uniform
from simulators.fleet import State, Traits
from simulators.frames import Layout, encode_cells, encode_event
from simulators.habits import Occurrence
from simulators.source import Message, Vehicle

TELEMETRY, CELLS, EVENT = (KINDS.index(kind) for kind in ("telemetry", "cells", "event"))
_SLOT_S = 0.05
_STEADY_S, _SLOW_S = 10.0, 60.0
_FIRMWARE = "sim-1"


class Plan(msgspec.Struct, frozen=True):
    """Which fleet: vehicle numbers 1 to `vehicles`, spread over the regions; `seconds` 0 is without end.

    `hot` vehicles run hot; less than 0 is one in fifty, at least one. `every_signal` puts all signals in every frame.
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


class _Slot:
    """The vehicles of one place in the period."""

    def __init__(self, members: Sequence[int], traits: Traits, cells_every: int) -> None:
        self.members = list(members)
        self.traits = traits
        self.state: State = fleet.start(traits)
        self.cells_at = (uniform(traits.keys, 0, 50) * cells_every).astype(np.int64)


class FleetSource:
    """See `simulators.source.Source`. The same plan gives the same bytes for the same start."""

    paced = True

    def __init__(self, plan: Plan) -> None:
        """Vehicles and their first state."""
        self._plan = plan
        self._period_s = 1 / plan.rate_hz
        self._slots_count = max(1, min(20, round(self._period_s / _SLOT_S)))
        self._turns = math.inf if not plan.seconds else max(1, round(plan.seconds * plan.rate_hz)) * self._slots_count
        self._turn = 0
        self._cells_every = self._frames(plan.cells_s)
        self._steady_every, self._slow_every = self._frames(_STEADY_S), self._frames(_SLOW_S)
        numbers = np.arange(1, plan.vehicles + 1, dtype=np.int64)
        places = (uniform(keys(plan.seed, numbers), 0, 51) * self._slots_count).astype(np.int64)
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
        if not slot.members:
            return []
        slot.state, happened = fleet.step(slot.traits, slot.state, self._period_s)
        out = self._boots(slot, ts) if step == 0 else []
        out += self._events(slot, happened, ts)
        steady = step == 0 or self._plan.every_signal or (step + at) % self._steady_every == 0
        slow = step == 0 or self._plan.every_signal or (step + at) % self._slow_every == 0
        frames = self._encode(slot, ts, steady=steady, slow=slow)
        out += [Message(index, TELEMETRY, frame) for index, frame in zip(slot.members, frames, strict=True)]
        return out + self._cells(slot, ts, step)

    def _encode(self, slot: _Slot, ts: int, *, steady: bool, slow: bool) -> list[bytes]:
        columns = readings.quick(slot.traits, slot.state)
        if steady:
            columns |= readings.steady(slot.traits, slot.state)
        if slow:
            columns |= readings.slow(slot.traits, slot.state)
        layout = self._layouts.get((steady, slow))
        if layout is None:
            layout = self._layouts[steady, slow] = Layout(tuple(columns))
        return layout.encode(ts, columns)

    def _cells(self, slot: _Slot, ts: int, step: int) -> list[Message]:
        due = np.flatnonzero(slot.cells_at == step % self._cells_every)
        if not len(due):
            return []
        volts, probes = fleet.cells_v(slot.traits, slot.state)[due], fleet.probes_c(slot.traits, slot.state)[due]
        return [Message(slot.members[at], CELLS, raw) for at, raw in zip(due.tolist(), encode_cells(ts, volts, probes), strict=True)]

    def _boots(self, slot: _Slot, ts: int) -> list[Message]:
        names = [models.MODELS[at].name for at in slot.traits.model.tolist()]
        return [
            Message(index, EVENT, encode_event(ts, "boot", {"firmware": _FIRMWARE, "model": name}))
            for index, name in zip(slot.members, names, strict=True)
        ]

    def _events(self, slot: _Slot, happened: Sequence[Occurrence], ts: int) -> list[Message]:
        return [Message(slot.members[one.vehicle], EVENT, encode_event(ts, one.event, one.attributes)) for one in happened]

    def _frames(self, seconds: float) -> int:
        return max(1, round(seconds * self._plan.rate_hz))

    def _slot(self, members: np.ndarray[tuple[int], np.dtype[np.int64]]) -> _Slot:
        plan, indexes = self._plan, members.tolist()
        numbers = [index + 1 for index in indexes]
        regions = [plan.regions[index % len(plan.regions)] for index in indexes]
        hot = [index % 50 == 0 if plan.hot < 0 else index < plan.hot for index in indexes]
        return _Slot(indexes, fleet.traits(plan.seed, numbers, regions, hot), self._cells_every)

    def _vehicles(self) -> list[Vehicle]:
        found: dict[int, Vehicle] = {}
        for slot in self._slots:
            of = slot.traits
            homes = zip(of.home.lat.tolist(), of.home.lon.tolist(), of.model.tolist(), of.hot.tolist(), strict=True)
            for index, (lat, lon, model, hot) in zip(slot.members, homes, strict=True):
                region = self._plan.regions[index % len(self._plan.regions)]
                tags = ("simulated", "runs-hot") if hot else ("simulated",)
                identity = f"{self._plan.prefix}-{index + 1:05d}"
                found[index] = Vehicle(identity, region, models.MODELS[model].name, round(lat, 6), round(lon, 6), tags)
        return [found[index] for index in sorted(found)]
