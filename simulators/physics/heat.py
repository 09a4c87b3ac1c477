"""Temperatures over a step: pack with its cooling, cabin with its climate control, motor and its coolant, tyres."""

import numpy as np

from simulators.physics import cabin, pack
from simulators.physics.pack import Pack
from simulators.physics.road import Array
from simulators.physics.state import Heat

COOL_ABOVE_C = 33.0
WARM_BELOW_C = 10.0
PACK_GAIN_W_PER_K = 350.0
PACK_MOST_W = 3000.0
PACK_COP = 2.3
MOTOR_J_PER_K = 28e3
MOTOR_LEAK_W_PER_K = 110.0
RADIATOR_W_PER_K = 170.0
COOLANT_J_PER_K = 35e3
TYRE_WARM_S = 600.0
TYRE_COLD = 0.25
"""What a cold tyre adds to rolling resistance; the i3 fit gives 0.41 with the gear oil in it, Michelin (2013) 0.2 at 20 Celsius."""


def pack_conditioning_w(pack_c: Array, active: np.ndarray, fast: np.ndarray, works: Array) -> Array:
    """Electric power in W of pack cooling (and of pack heating while fast charging in the cold); `works` = share that works."""
    hot = np.maximum(pack_c - COOL_ABOVE_C, 0)
    cold = np.where(fast, np.maximum(WARM_BELOW_C - pack_c, 0), 0)
    return (np.minimum((hot + cold) * PACK_GAIN_W_PER_K, PACK_MOST_W) * active * works).astype(np.float32)


def stepped(
    traits_pack: Pack, heat: Heat, around: tuple[Array, Array], losses_w: tuple[Array, Array, Array], moving: np.ndarray, dt_s: float
) -> Heat:
    """Temperatures after `dt_s`. `around` = (ambient in Celsius, heat in W into the cabin); `losses_w` = (pack, motor, further heat in the pack)."""
    ambient, cabin_w = around
    pack_w, motor_w, more_w = losses_w
    moved = np.where(heat.pack_c < WARM_BELOW_C, heat.cooling_w, -PACK_COP * heat.cooling_w)
    leak = np.where(moving, np.float32(cabin.LEAK_W_PER_K), np.float32(cabin.LEAK_PARKED_W_PER_K))
    coolant = ambient + (heat.motor_c - ambient) * np.float32(MOTOR_LEAK_W_PER_K / (MOTOR_LEAK_W_PER_K + RADIATOR_W_PER_K))
    motor_end = heat.coolant_c + motor_w * np.float32(1 / MOTOR_LEAK_W_PER_K)
    warm_share = np.float32(np.exp(-dt_s / TYRE_WARM_S))
    cool_share = np.float32(np.exp(-dt_s / (4 * TYRE_WARM_S)))
    return Heat(
        pack_c=pack.warmed(traits_pack, heat.pack_c, ambient, pack_w + more_w + moved, dt_s),
        cabin_c=cabin.tempered(heat.cabin_c, ambient, cabin_w, leak, dt_s),
        motor_c=motor_end + (heat.motor_c - motor_end) * np.float32(np.exp(-dt_s * MOTOR_LEAK_W_PER_K / MOTOR_J_PER_K)),
        coolant_c=coolant + (heat.coolant_c - coolant) * np.float32(np.exp(-dt_s * (MOTOR_LEAK_W_PER_K + RADIATOR_W_PER_K) / COOLANT_J_PER_K)),
        tyre_cold=np.where(moving, heat.tyre_cold * warm_share, TYRE_COLD + (heat.tyre_cold - TYRE_COLD) * cool_share).astype(np.float32),
        hvac_w=heat.hvac_w,
        cooling_w=heat.cooling_w,
    )
