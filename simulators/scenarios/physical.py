"""Cell and pack faults as effects on the physics at an instant."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from simulators.physics import effects
from simulators.physics.effects import Effects
from simulators.physics.traits import Traits
from simulators.scenarios.plan import Fault, of_group

CAPACITY_LOST = 0.6
SELF_DISCHARGE_A = 0.5
OHM_GROWTH = 4.0
SHORT_A = 6.0
SHORT_V = 3.6
RUNAWAY_W = 160.0
ISOLATION_DECADES = 3.0
SPREAD_GROWTH = 20.0
DRAINING = ("cell.self_discharge", "cell.internal_short", "cell.thermal_runaway")
TYPICAL_S = 86_400.0
"""Time over which a fault without an end grows."""


class Physical(NamedTuple):
    """The cell and pack faults of a block of vehicles as arrays, one row a fault. `row` is the vehicle's row in the block."""

    kind: np.ndarray
    row: np.ndarray
    start_s: np.ndarray
    end_s: np.ndarray
    severity: np.ndarray
    cell: np.ndarray
    period_s: np.ndarray


def prepared(faults: Sequence[Fault], traits: Traits) -> Physical | None:
    """The faults of this block's vehicles; None where it has none."""
    rows = {number: row for row, number in enumerate(traits.number.tolist())}
    own = [fault for fault in of_group(faults, "cell", "pack") if fault.vehicle in rows]
    if not own:
        return None
    row = np.array([rows[fault.vehicle] for fault in own])
    series = traits.series[row]
    named = np.array([fault.parameters.get("cell", -1) for fault in own])
    share = np.array([fault.parameters.get("cell_share", 0.0) for fault in own])
    cell = np.where(named >= 0, np.minimum(named, series - 1), np.floor(share * series)).astype(np.int32)
    return Physical(
        np.array([fault.kind for fault in own]),
        row,
        np.array([fault.start_s for fault in own]),
        np.array([fault.end_s for fault in own]),
        np.array([fault.severity for fault in own], np.float32),
        cell,
        np.array([fault.parameters.get("period_s", 1.0) for fault in own]),
    )


def at(physical: Physical, now_s: float, count: int) -> Effects:
    """The effects at an instant (epoch seconds) on a block of `count` vehicles."""
    on = (physical.start_s <= now_s) & (now_s < physical.end_s)
    found = effects.none(count)
    columns = {name: column.copy() for name, column in found._asdict().items()}
    lasting = np.where(np.isfinite(physical.end_s), physical.end_s - physical.start_s, TYPICAL_S)
    progress = np.clip((now_s - physical.start_s) / lasting, 0, 1).astype(np.float32)
    ended = (physical.end_s <= now_s) & np.isin(physical.kind, DRAINING)
    columns["cell"][physical.row[ended]] = physical.cell[ended]  # the charge that a cell lost stays lost
    for name in np.unique(physical.kind[on]).tolist():
        rows = on & (physical.kind == name)
        apply = _on_cell if name.startswith("cell.") else _on_pack
        apply(columns, name, physical, rows, (progress[rows], now_s))
    return Effects(**columns)


def _on_cell(columns: dict[str, np.ndarray], name: str, physical: Physical, on: np.ndarray, when: tuple[np.ndarray, float]) -> None:
    row, bad, progress = physical.row[on], physical.severity[on], when[0]
    columns["cell"][row] = physical.cell[on]
    match name:
        case "cell.weak_capacity":
            columns["cell_capacity_x"][row] = 1 - CAPACITY_LOST * bad
        case "cell.self_discharge":
            columns["drain_a"][row] = SELF_DISCHARGE_A * bad
        case "cell.high_resistance":
            columns["cell_ohm_x"][row] = 1 + OHM_GROWTH * bad * progress
        case "cell.internal_short":
            drain = SHORT_A * bad * progress * progress
            columns["drain_a"][row], columns["short_heat_w"][row] = drain, drain * SHORT_V
        case "cell.thermal_runaway":
            heat = RUNAWAY_W * bad * progress**4
            columns["drain_a"][row], columns["short_heat_w"][row] = heat / SHORT_V * 0.5, heat


def _on_pack(columns: dict[str, np.ndarray], name: str, physical: Physical, on: np.ndarray, when: tuple[np.ndarray, float]) -> None:
    row, bad = physical.row[on], physical.severity[on]
    progress, now_s = when
    match name:
        case "pack.cooling_failure":
            columns["cooling_x"][row] = 1 - bad
        case "pack.isolation_loss":
            columns["isolation_x"][row] = 10 ** (-ISOLATION_DECADES * bad * progress)
        case "pack.contactor":
            phase = (now_s - physical.start_s[on]) / physical.period_s[on] % 1
            columns["contactor_open"][row] = phase < bad
        case "pack.imbalance":
            columns["spread_x"][row] = 1 + SPREAD_GROWTH * bad * progress
