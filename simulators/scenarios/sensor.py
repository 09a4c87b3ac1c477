"""Sensor faults: what is reported instead of what is. The physics goes on untouched."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from contracts.signals import BY_NAME
from simulators.physics import draws
from simulators.physics.signals import Columns
from simulators.physics.traits import Traits
from simulators.scenarios.plan import Fault, of_group

_NOISE, _HIT, _GONE = 811, 812, 813
SMALL, LARGE = 0.05, 0.2
"""Default size of a wrong value as a share of the signal's range."""
TYPICAL_S = 3600.0
Held = Mapping[tuple[int, str], float]
"""What stuck sensors show, by (row, signal)."""


class _Hit(NamedTuple):
    """One fault on one signal, at an instant: its row, the vehicle's key, the fault and how far it is (0 to 1)."""

    row: int
    key: draws.Words
    fault: Fault
    signal: str
    progress: float
    tick: int


def sensed(columns: Columns, traits: Traits, faults: Sequence[Fault], now_s: float, held: Held) -> tuple[Columns, Held]:
    """The columns as reported at an instant, and what stuck sensors show. A missing value is NaN."""
    rows = {number: row for row, number in enumerate(traits.number.tolist())}
    live = [fault for fault in of_group(faults, "sensor") if fault.start_s <= now_s < fault.end_s and fault.vehicle in rows]
    if not live:
        return columns, {}
    stuck = {(rows[fault.vehicle], signal) for fault in live if fault.kind == "sensor.stuck" for signal in fault.signals}
    kept = {key: value for key, value in held.items() if key in stuck}
    reported = dict(columns)
    for fault in live:
        row = rows[fault.vehicle]
        length = fault.end_s - fault.start_s if np.isfinite(fault.end_s) else TYPICAL_S
        progress = min((now_s - fault.start_s) / max(length, 1e-9), 1.0)
        for signal in set(fault.signals) & columns.keys():
            if reported[signal] is columns[signal]:
                reported[signal] = columns[signal].astype(np.float64)
            hit = _Hit(row, traits.keys[row : row + 1], fault, signal, progress, round(now_s * 1000))
            true = float(reported[signal][row])
            if fault.kind == "sensor.stuck":
                true = kept.setdefault((row, signal), true)
            reported[signal][row] = _wrong(hit, true)
    return reported, kept


def _wrong(hit: _Hit, true: float) -> float:
    about = BY_NAME[hit.signal]
    share = LARGE if hit.fault.kind == "sensor.spike" else SMALL
    amount = (hit.fault.parameters.get("amount") or share * (about.high - about.low)) * hit.fault.severity
    lane = hit.tick * 131 + sum(hit.signal.encode())
    match hit.fault.kind:
        case "sensor.drift":
            return true + amount * hit.progress
        case "sensor.bias":
            return true + amount
        case "sensor.noise_burst":
            return true + amount * float(draws.normal(hit.key, _NOISE, lane)[0])
        case "sensor.spike":
            struck = float(draws.uniform(hit.key, _HIT, lane)[0]) < hit.fault.parameters["share"]
            return true + amount if struck else true
        case "sensor.missing":
            return float("nan") if float(draws.uniform(hit.key, _GONE, lane)[0]) < hit.fault.severity else true
        case _:
            return true
