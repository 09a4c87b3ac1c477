"""Days of a fleet as Arrow tables: telemetry, cells and events as silver would know them, window by window.

A row carries its identity (`vehicle_id`, `boot_id`, `seq` per kind), `ts` and `received_at` in epoch milliseconds, so that whoever
reads it can judge it as live data are judged. Values are rounded to the signal's resolution, as on the wire; NaN becomes null.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from contracts.errors import Terminal
from contracts.signals import BY_NAME
from simulators.history.senders import Senders
from simulators.physics.state import State
from simulators.physics.transitions import Occurrence
from simulators.physics.world import BLOCK, Columns, Fleet, World, build, everything, seen, started, stepped
from simulators.scenarios import physical, sensor
from simulators.scenarios.plan import Fault, check, planned, vehicle_id
from simulators.scenarios.scenario import Scenario


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which history: a fleet, from when (epoch seconds), for how long, and how often frames and cells are written."""

    fleet: Fleet
    start_s: float
    days: float
    cadence_s: float = 60.0
    cells_s: float = 600.0
    window_s: float = 3600.0
    prefix: str = "SIM"
    block: int = BLOCK


class Window(NamedTuple):
    """What a block of vehicles sent in one window of time, which ends at `until_ms`."""

    until_ms: int
    telemetry: pa.Table
    cells: pa.Table
    events: pa.Table


def faults_of(wanted: Wanted, scenario: Scenario | None) -> list[Fault]:
    """The plan of a scenario for this history; empty without one. Raises Terminal where it names a vehicle that is not there."""
    if scenario is None:
        return []
    fleet = wanted.fleet
    check(scenario, wanted.prefix, fleet.first + fleet.vehicles)
    return planned(scenario, fleet.seed, range(fleet.first, fleet.first + fleet.vehicles), wanted.start_s, wanted.prefix)


def windows(wanted: Wanted, faults: Sequence[Fault] = ()) -> Iterator[Window]:
    """All windows, in order of time; in each the blocks in order. Raises Terminal where the wish makes no sense."""
    if not 1 <= wanted.cadence_s <= 60 or wanted.days <= 0:
        raise Terminal(f"history needs a cadence of 1 to 60 s and more than 0 days; not {wanted.cadence_s:g} s and {wanted.days:g} days")
    blocks = [_Block(wanted, world, faults) for world in build(wanted.fleet, wanted.block)]
    frames = round(wanted.days * 86_400 / wanted.cadence_s)
    a_window = max(1, round(wanted.window_s / wanted.cadence_s))
    for first in range(0, frames, a_window):
        for block in blocks:
            yield block.window(min(a_window, frames - first))


class _Block:
    """A block of vehicles on its way through time: its state, what stuck sensors show, and the seqs used so far."""

    def __init__(self, wanted: Wanted, world: World, faults: Sequence[Fault]) -> None:
        own = set(world.traits.number.tolist())
        self._wanted, self._world = wanted, world
        self._faults = [fault for fault in faults if fault.vehicle in own]
        self._physical = physical.prepared(self._faults, world.traits)
        self._state = started(world, wanted.start_s)
        self._held: sensor.Held = {}
        self._names = pa.array([vehicle_id(wanted.prefix, number) for number in world.traits.number.tolist()])
        regions = wanted.fleet.regions
        self._regions = pa.array([regions[number % len(regions)] for number in world.traits.number.tolist()])
        self._senders = Senders(world, self._faults, wanted.start_s)
        self._frame = 0

    def window(self, frames: int) -> Window:
        """The next so many frames."""
        columns: list[Columns] = []
        instants: list[float] = []
        cells: list[tuple[float, np.ndarray, np.ndarray]] = []
        events: list[tuple[float, Occurrence]] = []
        every = max(1, round(self._wanted.cells_s / self._wanted.cadence_s))
        for _ in range(frames):
            effects = physical.at(self._physical, self._state.now_s, len(self._names)) if self._physical else None
            now_s = self._state.now_s
            self._state, happened = stepped(self._world, self._state, self._wanted.cadence_s, effects)
            look = seen(self._world, self._state, effects)
            reported, self._held = sensor.sensed(everything(look), self._world.traits, self._faults, self._state.now_s, self._held)
            columns.append(reported)
            instants.append(self._state.now_s)
            events += [(now_s, one) for one in happened]
            if self._frame % every == 0:
                cells.append((self._state.now_s, look.volts, look.probes))
            self._frame += 1
        return Window(round(self._state.now_s * 1000), self._telemetry(columns, instants), self._cells(cells), self._events(events))

    def _telemetry(self, columns: list[Columns], instants: list[float]) -> pa.Table:
        rows = np.tile(np.arange(len(self._names)), len(instants))
        due = np.repeat(np.rint(np.array(instants) * 1000).astype(np.int64), len(self._names))
        identity, kept = self._senders.sent("telemetry", rows, due, self._names)
        named = {"region": self._regions.take(pa.array(rows[kept]))}
        return pa.table(identity | named | {name: _rounded(name, [part[name] for part in columns], kept) for name in columns[0]})

    def _cells(self, cells: list[tuple[float, np.ndarray, np.ndarray]]) -> pa.Table:
        count, series = len(self._names), self._world.traits.series
        rows = np.tile(np.arange(count), len(cells))
        due = np.repeat(np.rint(np.array([at for at, _, _ in cells]) * 1000).astype(np.int64), count)
        identity, kept = self._senders.sent("cells", rows, due, self._names)
        volts = np.concatenate([v for _, v, _ in cells])[kept] if cells else np.empty((0, 1))
        probes = np.concatenate([p for _, _, p in cells])[kept] if cells else np.empty((0, 1))
        inside = np.arange(volts.shape[1])[None, :] < series[rows[kept]][:, None]
        return pa.table(identity | {"cell_v": _lists(np.rint(volts * 1000.0) / 1000, inside), "probe_c": _lists(np.rint(probes * 10.0) / 10, None)})

    def _events(self, events: list[tuple[float, Occurrence]]) -> pa.Table:
        rows = np.array([one.vehicle for _, one in events], np.int64)
        due = np.array([round(at * 1000) for at, _ in events], np.int64)
        identity, kept = self._senders.sent("event", rows, due, self._names)
        chosen = [events[at][1] for at in kept.tolist()]
        attributes = pa.array([msgspec.json.encode(one.attributes).decode() for one in chosen], pa.string())
        return pa.table(identity | {"event": pa.array([one.event for one in chosen], pa.string()), "attributes": attributes})


def _rounded(name: str, parts: list[np.ndarray], kept: np.ndarray) -> pa.Array:
    """Values of a signal as on the wire: inside its range, multiples of its resolution; NaN is null."""
    signal = BY_NAME[name]
    values = np.concatenate(parts).astype(np.float64)[kept]
    return pa.array((np.rint(np.clip(values, signal.low, signal.high) * signal.scale) + 0.0) / signal.scale, from_pandas=True)


def _lists(values: np.ndarray, inside: np.ndarray | None) -> pa.Array:
    """Rows of a table of numbers as lists; `inside` tells which of a row belong to it."""
    mask = np.ones(values.shape, bool) if inside is None else inside
    offsets = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values[mask].astype(np.float64)))


def state_of(block: _Block) -> State:
    """The state that a block has reached (for tests and for going on live)."""
    return block._state
