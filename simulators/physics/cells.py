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
BELOW_EMPTY_V = 8.0
"""How steeply a cell falls below empty, V per unit of charge."""


def volts(world: World, state: State, effects: Effects | None = None) -> Array:
    """Cell voltages (V), shape (vehicles, cells of the largest pack); columns beyond a vehicle's last cell repeat its first.

    Each cell has its own capacity, resistance and offset of charge. The pack's voltage is their sum.
    """
    traits, cells = world.traits, condition(world, state)
    soc, packs = cells.soc, traits.pack
    rest, slope = chemistry.ocv(packs.chemistry, soc)
    factor = pack.resistance_factor(packs, soc, state.heat.pack_c, growth(traits, cells.loss, effects))
    drop = (state.charge.amps * packs.r0_ohm * factor + state.charge.fast_v + state.charge.slow_v) / packs.series
    own = traits.cell_capacity * ((1 - soc) * slope).astype(np.float32)[:, None]
    own += traits.cell_soc * (slope * effects.spread_x if effects else slope).astype(np.float32)[:, None]
    if drop.any():
        own += traits.cell_ohm * drop.astype(np.float32)[:, None]
    own += (rest + drop).astype(np.float32)[:, None]
    if effects:
        at = np.flatnonzero(effects.cell >= 0)
        weak = 1 - (1 - soc[at]) / effects.cell_capacity_x[at] - state.drained_ah[at] / cells.capacity_ah[at]
        alone, _ = chemistry.ocv(packs.chemistry[at], weak.astype(np.float32))
        steep = np.minimum(weak, 0) * BELOW_EMPTY_V
        own[at, effects.cell[at]] = np.maximum(alone + steep + drop[at] * effects.cell_ohm_x[at], 0)
    return own


def probes_c(world: World, state: State, effects: Effects | None = None) -> Array:
    """Probe temperatures (Celsius), shape (vehicles, probes): further apart under load, and hot beside a cell that heats."""
    traits = world.traits
    load = np.minimum(np.abs(state.charge.amps) * np.float32(1 / ACTIVE_AMPS), 2)
    probes = state.heat.pack_c[:, None] + traits.probe_k * (np.float32(0.4) + load)[:, None]
    if effects:
        at = np.flatnonzero(effects.cell >= 0)
        beside = effects.cell[at] * PROBES // traits.series[at]
        probes[at, beside] += effects.short_heat_w[at] * np.float32(SHORT_K_PER_W)
    return probes.astype(np.float32)
