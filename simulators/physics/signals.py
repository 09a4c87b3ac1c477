"""What the sensor unit of a vehicle would read: signals of the catalogue by cadence, as columns with one value a vehicle."""

from typing import NamedTuple

import numpy as np

from simulators.physics import cells, drivetrain
from simulators.physics import codes as fault_codes
from simulators.physics.cars import REGEN
from simulators.physics.effects import Effects
from simulators.physics.road import Array
from simulators.physics.state import CHARGING, DRIVING, PARKED, PLUGGED, State
from simulators.physics.step import Condition, World, condition

Columns = dict[str, Array]

WHEEL_M = 0.33
GEAR = 9.5
ISOLATION_KOHM = 3200.0


class Seen(NamedTuple):
    """What several signals share: the state, the packs' condition, all cell voltages and probes, and which cells are extreme."""

    world: World
    state: State
    effects: Effects | None
    condition: Condition
    volts: Array
    probes: Array
    lowest: np.ndarray
    highest: np.ndarray

    def cell_v(self, cell: np.ndarray) -> Array:
        """Voltage of one cell of each vehicle."""
        return self.volts[np.arange(len(cell)), cell]


def seen(world: World, state: State, effects: Effects | None = None) -> Seen:
    """Look at a fleet once; the signals are then cheap."""
    volts, probes = cells.volts(world, state, effects), cells.probes_c(world, state, effects)
    return Seen(world, state, effects, condition(world, state), volts, probes, volts.argmin(axis=1), volts.argmax(axis=1))


def quick(seen: Seen) -> Columns:
    """The signals of every frame."""
    state, probes = seen.state, seen.probes
    motion, charge, trip, heat = state.motion, state.charge, state.trip, state.heat
    mode = trip.mode
    return {
        "speed_kmh": motion.speed_mps * np.float32(3.6),
        "odometer_m": np.floor(state.odometer_m),
        "acceleration_ms2": motion.accel_ms2,
        "soc_pct": seen.condition.soc * np.float32(100),
        "pack_v": charge.volts,
        "pack_a": charge.amps,
        "pack_w": charge.volts * charge.amps,
        "cell_v_min": seen.cell_v(seen.lowest),
        "cell_v_max": seen.cell_v(seen.highest),
        "pack_temp_c": probes.mean(axis=1),
        "pack_temp_max_c": probes.max(axis=1, initial=-60),
        "energy_in_kwh": np.floor(charge.in_wh) / 1000,
        "energy_out_kwh": np.floor(charge.out_wh) / 1000,
        "regen_kwh": np.floor(charge.regen_wh) / 1000,
        "motor_rpm": motion.speed_mps * np.float32(GEAR / WHEEL_M * 60 / (2 * np.pi)),
        "motor_nm": motion.force_n * np.float32(WHEEL_M / GEAR) * (mode == DRIVING),
        "motor_temp_c": heat.motor_c,
        "is_charging": ((mode == CHARGING) & (charge.amps > 0)).astype(np.float32),
        "cable_connected": (mode >= PLUGGED).astype(np.float32),
        "ambient_c": state.ambient_c,
        "cabin_c": heat.cabin_c,
        "hvac_w": heat.hvac_w,
        "lat": trip.lat,
        "lon": trip.lon,
        "altitude_m": trip.height_m,
        "heading_deg": trip.heading_deg,
    }


def steady(seen: Seen) -> Columns:
    """The signals that are reported every 10 s besides."""
    traits, state, probes = seen.world.traits, seen.state, seen.probes
    motion, charge, plug, heat, mode, cond = state.motion, state.charge, state.plug, state.heat, state.trip.mode, seen.condition
    left_ah = np.maximum(plug.stop_soc - cond.soc, 0) * cond.capacity_ah
    charging = (mode == CHARGING) & (charge.amps > 0)
    dc, ac = charging & plug.dc, charging & ~plug.dc
    mains = np.where(traits.home_lon < -30, 240.0, 230.0)
    phases = np.where(mains == 230.0, 3.0, 1.0)
    full_force = traits.peak_w / drivetrain.BASE_MPS
    braking = np.maximum(-motion.accel_ms2 - REGEN.max_ms2 * 0.35, 0) * 30
    return {
        "yaw_rate_degs": np.where(mode == DRIVING, motion.speed_mps * np.float32(0.12) * np.sin(motion.gone_m * np.float32(0.01)), 0),
        "accelerator_pct": np.clip(motion.force_n / full_force * 100, 0, 100) * (mode == DRIVING),
        "brake_pct": np.clip(braking, 0, 100) * (mode == DRIVING),
        "gear": np.where(mode == DRIVING, 127.0, 126.0),
        "soc_shown_pct": np.clip(cond.soc * 104 - 3, 0, 100),
        "energy_left_kwh": charge.ah * traits.series * 3.65e-3,
        "cell_id_min": seen.lowest + 1.0,
        "cell_id_max": seen.highest + 1.0,
        "pack_temp_min_c": probes.min(axis=1, initial=200),
        "charge_in_ah": np.floor(charge.in_ah * 100) / 100,
        "charge_out_ah": np.floor(charge.out_ah * 100) / 100,
        "isolation_kohm": _isolation(seen),
        "contactor_closed": np.where((mode == PARKED) | _open(seen), 0.0, 1.0),
        "range_m": np.maximum(charge.ah * traits.series * 3.65 / (0.09 + traits.mass_kg * 4.5e-5), 0),
        "motor_kw": motion.force_n * motion.speed_mps / 1000 * (mode == DRIVING),
        "coolant_temp_c": heat.coolant_c,
        "charge_max_kw": plug.peak_w / 1000,
        "time_to_full_s": np.where(charging, left_ah * 3600 / np.maximum(charge.amps, 0.5), 0),
        "dc_charge_a": np.where(dc, charge.amps, 0),
        "dc_charge_v": np.where(dc, charge.volts, 0),
        "ac_charge_a": np.where(ac, charge.volts * charge.amps / (0.91 * mains * phases), 0),
        "ac_charge_v": np.where(mode >= PLUGGED, mains, 0),
        "ac_on": ((heat.hvac_w > 0) & (heat.cabin_c > traits.climate.target_c)).astype(np.float32),
        "lv_v": np.where(mode == PARKED, 12.5, 14.1) + 0.1 * traits.probe_k[:, 0],
        "gps_accuracy_m": 2.5 + 1.2 * traits.probe_k[:, 1],
        "dtc_count": fault_codes.number(codes(seen)),
    }


def _isolation(seen: Seen) -> Array:
    sound = ISOLATION_KOHM + 500 * seen.world.traits.probe_k[:, 2]
    return sound * seen.effects.isolation_x if seen.effects else sound


def _open(seen: Seen) -> np.ndarray:
    return seen.effects.contactor_open if seen.effects else np.zeros(len(seen.lowest), bool)


def codes(seen: Seen) -> dict[str, np.ndarray]:
    """The fault codes that the battery management has set."""
    open_ = _open(seen) & (seen.state.trip.mode != PARKED)
    return fault_codes.codes(_isolation(seen), seen.probes.max(axis=1, initial=-60), seen.cell_v(seen.lowest), open_)


def slow(seen: Seen) -> Columns:
    """The signals that are reported every minute besides."""
    traits, state = seen.world.traits, seen.state
    warm = state.ambient_c + 22 * (1 - state.heat.tyre_cold * 4)
    tyre = (traits.probe_k[:, 3:7] + np.array([250, 250, 260, 260]) + 100) * ((warm + 273) / 293)[:, None] - 100
    return {
        "soh_pct": (1 - seen.condition.loss) * 100,
        "charge_limit_pct": traits.limit_soc * 100,
        **{f"tyre_{wheel}_kpa": tyre[:, at] for at, wheel in enumerate(("fl", "fr", "rl", "rr"))},
    }


def everything(seen: Seen) -> Columns:
    """All signals of the catalogue that a simulated vehicle reports."""
    return quick(seen) | steady(seen) | slow(seen)
