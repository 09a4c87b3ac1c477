"""One step of the pack under a power: current, voltages, charge and the counters of a life."""

import numpy as np

from simulators.physics import ageing, pack
from simulators.physics.pack import Pack
from simulators.physics.road import Array
from simulators.physics.state import Charge

CYCLE_FACTOR = np.array([1.0, 1.0, 0.5, 1.2], np.float32)
"""Ageing by use against NMC, by chemistry number (nmc, nca, lfp, nmc-lmo)."""


def capacity_ah(traits_pack: Pack, new_ah: Array, charge: Charge, calendar: Array) -> tuple[Array, Array]:
    """Capacity in Ah after ageing, and the share that is lost, of both kinds."""
    cycles = (charge.out_ah / (new_ah * 1.0)).astype(np.float32)
    loss = np.minimum(calendar + ageing.cycle_loss(cycles, CYCLE_FACTOR[traits_pack.chemistry]), np.float32(0.6))
    return new_ah * (1 - loss), loss


def stepped(traits_pack: Pack, charge: Charge, power_w: Array, condition: tuple[Array, Array, Array], dt_s: float) -> tuple[Charge, Array]:
    """The pack after `dt_s` under a terminal power in W (positive in), and its heat in W.

    `condition` = (capacity_ah, resistance against new at 25 Celsius, half full; state of charge).
    """
    capacity, factor, soc = condition
    rest = pack.rest_voltage(traits_pack, soc)
    load = pack.loaded(traits_pack, factor, rest, (charge.fast_v, charge.slow_v), power_w)
    hours = dt_s / 3600
    hold = np.clip(load.amps, -charge.ah / hours, (capacity * np.float32(1.0) - charge.ah) / hours).astype(np.float32)
    energy = hold * load.volts * np.float32(hours)
    inward, outward = np.maximum(energy, 0), np.maximum(-energy, 0)
    amp_hours = hold * np.float32(hours)
    shares = [float(1 - np.exp(-dt_s / tau)) for tau in (pack.RC_FAST_S, pack.RC_SLOW_S)]
    new = charge._replace(
        ah=charge.ah + amp_hours,
        fast_v=pack.relaxed(charge.fast_v, hold, traits_pack.r1_ohm * factor, shares[0]),
        slow_v=pack.relaxed(charge.slow_v, hold, traits_pack.r2_ohm * factor, shares[1]),
        amps=hold,
        volts=load.volts,
        in_wh=charge.in_wh + inward,
        out_wh=charge.out_wh + outward,
        in_ah=charge.in_ah + np.maximum(amp_hours, 0),
        out_ah=charge.out_ah + np.maximum(-amp_hours, 0),
    )
    return new, load.heat_w
