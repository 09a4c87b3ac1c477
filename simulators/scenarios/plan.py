"""A scenario and a fleet to a plan: which vehicle has which fault, from when to when, how bad. It is data; others carry it out.

Vehicles have numbers from 0 and names from 1: number 0 of the fleet `SIM` is SIM-00001.
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from contracts.errors import Terminal
from simulators.physics import draws
from simulators.scenarios.kinds import KINDS, Group
from simulators.scenarios.scenario import FOREVER_S, Order, Scenario, Span

_WHO, _START, _DURATION, _SEVERITY, _CELL = range(801, 806)


class Fault(msgspec.Struct, frozen=True):
    """One fault of one vehicle (its number in the fleet). Times are epoch seconds; `end_s` is infinite where it stays."""

    vehicle: int
    start_s: float
    end_s: float
    kind: str
    severity: float
    signals: tuple[str, ...] = ()
    parameters: dict[str, float] = {}

    @property
    def group(self) -> Group:
        """The group of its kind."""
        return KINDS[self.kind].group


def vehicle_id(prefix: str, number: int) -> str:
    """The name of a vehicle."""
    return f"{prefix}-{number + 1:05d}"


def planned(scenario: Scenario, seed: int, numbers: Sequence[int], start_s: float, prefix: str = "SIM") -> list[Fault]:
    """All faults of these vehicles in a run that begins at `start_s`. A vehicle's faults depend on seed, number and scenario only."""
    faults = [fault for at, order in enumerate(scenario.orders) for fault in _of_order((order, at, prefix), seed, numbers, start_s)]
    return sorted(faults, key=lambda fault: (fault.vehicle, fault.start_s, fault.kind))


def check(scenario: Scenario, prefix: str, vehicles: int) -> None:
    """Raise Terminal with file and line where the scenario names a vehicle that a fleet of so many does not have."""
    known = {vehicle_id(prefix, number) for number in range(vehicles)}
    for order in scenario.orders:
        if strange := sorted(set(order.vehicles.ids or ()) - known):
            first, last = vehicle_id(prefix, 0), vehicle_id(prefix, vehicles - 1)
            raise Terminal(f"{scenario.source}, line {order.line}: the fleet has no vehicle {', '.join(strange)}; it has {first} to {last}")


def _of_order(ordered: tuple[Order, int, str], seed: int, numbers: Sequence[int], start_s: float) -> Iterator[Fault]:
    order, at, prefix = ordered
    every = np.asarray(numbers, np.int64)
    keys = draws.keys(seed, every)
    chosen = _chosen(order, prefix, every, draws.uniform(keys, _WHO, at))
    starts = start_s + _drawn(order.start_s, draws.uniform(keys, _START, at))
    lengths = _drawn(order.duration_s, draws.uniform(keys, _DURATION, at))
    severities = _drawn(order.severity, draws.uniform(keys, _SEVERITY, at))
    cells = draws.uniform(keys, _CELL, at)
    for row in np.flatnonzero(chosen).tolist():
        parameters = dict(order.parameters)
        if parameters.get("cell") == -1:
            parameters["cell_share"] = round(float(cells[row]), 6)
        end = float("inf") if lengths[row] >= FOREVER_S else float(starts[row] + lengths[row])
        yield Fault(int(every[row]), float(starts[row]), end, order.kind, round(float(severities[row]), 6), order.signals, parameters)


def _chosen(order: Order, prefix: str, numbers: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    who = order.vehicles
    if who.ids is not None:
        return np.array([vehicle_id(prefix, number) in who.ids for number in numbers.tolist()], bool)
    if who.count is not None:
        return np.asarray(numbers < who.count)
    return np.asarray(drawn < (who.share or 0.0))


def _drawn(span: Span, uniform: np.ndarray) -> np.ndarray:
    return span[0] + (span[1] - span[0]) * uniform


def of_group(faults: Sequence[Fault], *groups: Group) -> list[Fault]:
    """The faults of some groups: `unit` and `network` are what a publisher carries out."""
    return [fault for fault in faults if fault.group in groups]
