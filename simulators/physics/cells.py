"""Single cells and temperature probes, as the battery management sees them."""

import numpy as np

from simulators.physics import chemistry, pack
from simulators.physics.effects import Effects
from simulators.physics.road import Array
from simulators.physics.state import State
from simulators.physics.step import World, condition, growth
from simulators.physics.traits import PROBES

SHORT_K_PER_W = 0.35
"""How much hotter than the pack a probe beside a cell gets, a W of heat in that cell."""
ACTIVE_AMPS = 120.0


def volts(world: World, state: State, rows: np.ndarray, effects: Effects | None = None) -> Array:
    """Cell voltages (V), shape (rows, cells of the largest pack); columns beyond a vehicle's last cell repeat its first.

    Each cell has its own capacity, resistance and offset of charge. The pack's voltage is their sum.
    """
    traits, cells = world.traits, condition(world, state)
    soc, amps = cells.soc[rows], state.charge.amps[rows]
    kind, series = traits.pack.chemistry[rows], traits.pack.series[rows]
    rest, slope = chemistry.ocv(kind, soc)
    packs = pack.Pack(*(column[rows] for column in traits.pack))
    factor = pack.resistance_factor(packs, soc, state.heat.pack_c[rows], growth(traits, cells.loss, effects)[rows])
    drop = amps * packs.r0_ohm * factor / series
    relaxing = (state.charge.fast_v[rows] + state.charge.slow_v[rows]) / series
    spread = effects.spread_x[rows] if effects else np.ones(len(rows), np.float32)
    offset = (traits.cell_soc[rows] * spread[:, None] + (1 - soc)[:, None] * traits.cell_capacity[rows]) * slope[:, None]
    own = (rest + drop + relaxing)[:, None] + offset + (drop + relaxing)[:, None] * traits.cell_ohm[rows]
    own = own.astype(np.float32)
    if effects:
        faulty = np.flatnonzero(effects.cell[rows] >= 0)
        at = rows[faulty]
        weak = 1 - (1 - soc[faulty]) / effects.cell_capacity_x[at] - state.drained_ah[at] / cells.capacity_ah[at]
        alone, _ = chemistry.ocv(kind[faulty], weak.astype(np.float32))
        lower = np.minimum(weak, 0) * 8  # below empty a cell falls steeply
        own[faulty, effects.cell[at]] = alone + lower + (drop + relaxing)[faulty] * effects.cell_ohm_x[at]
    return own


def probes_c(world: World, state: State, rows: np.ndarray, effects: Effects | None = None) -> Array:
    """Probe temperatures (Celsius), shape (rows, probes): further apart under load, and hot beside a cell that heats."""
    traits = world.traits
    load = np.minimum(np.abs(state.charge.amps[rows]) * np.float32(1 / ACTIVE_AMPS), 2)
    probes = state.heat.pack_c[rows][:, None] + traits.probe_k[rows] * (np.float32(0.4) + load)[:, None]
    if effects:
        faulty = np.flatnonzero(effects.cell[rows] >= 0)
        at = rows[faulty]
        beside = effects.cell[at] * PROBES // traits.series[at]
        probes[faulty, beside] += effects.short_heat_w[at] * np.float32(SHORT_K_PER_W)
    return probes.astype(np.float32)
