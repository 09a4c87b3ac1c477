"""What the sensor unit reports of the plain fleet: signals by cadence, as columns of floats, one value a vehicle."""

import numpy as np

from simulators import habits, models
from simulators.draws import Floats
from simulators.fleet import State, Traits, cells_v, probes_c

Columns = dict[str, Floats]


def quick(fleet: Traits, state: State) -> Columns:
    """The signals of every frame."""
    moved, flow = state.motion, state.flow
    mode = state.habit.mode
    mean_v = flow.pack_v / models.CELLS
    probes = probes_c(fleet, state)
    return {
        "speed_kmh": moved.speed_ms * 3.6,
        "odometer_m": np.floor(state.way_m),
        "acceleration_ms2": moved.accel_ms2,
        "soc_pct": state.soc * 100,
        "pack_v": flow.pack_v,
        "pack_a": flow.pack_a,
        "pack_w": flow.pack_w,
        "cell_v_min": mean_v + fleet.cell_offset_v.min(axis=1, initial=1.0),
        "cell_v_max": mean_v + fleet.cell_offset_v.max(axis=1, initial=-1.0),
        "pack_temp_c": probes[:, :-1].mean(axis=1) if len(probes) else state.pack_c,
        "pack_temp_max_c": probes.max(axis=1, initial=-60.0),
        "energy_in_kwh": np.floor(state.in_wh) / 1000,
        "energy_out_kwh": np.floor(state.out_wh) / 1000,
        "regen_kwh": np.floor(state.regen_wh) / 1000,
        "motor_rpm": moved.speed_ms * _RPM_PER_MS,
        "motor_nm": state.force_n * _NM_PER_N,
        "motor_temp_c": state.motor_c,
        "is_charging": (mode == habits.CHARGING).astype(np.float64),
        "cable_connected": (mode >= habits.PLUGGED).astype(np.float64),
        "ambient_c": fleet.home.air_c,
        "cabin_c": state.cabin_c,
        "hvac_w": state.hvac_w,
        "lat": moved.lat,
        "lon": moved.lon,
        "altitude_m": state.height_m,
        "heading_deg": moved.heading_deg,
    }


_RPM_PER_MS = 9.5 / 0.33 * 60 / (2 * np.pi)
"""Gear ratio 9.5 on a wheel of 0.33 m radius."""
_NM_PER_N = 0.33 / 9.5


def steady(fleet: Traits, state: State) -> Columns:
    """The signals that are reported every 10 s besides."""
    moved, flow, mode = state.motion, state.flow, state.habit.mode
    cells = cells_v(fleet, state)
    wheel_w = state.force_n * moved.speed_ms
    charging = mode == habits.CHARGING
    left_wh = np.maximum(fleet.soc_limit - state.soc, 0.0) * fleet.energy_wh
    return {
        "yaw_rate_degs": moved.yaw_degs,
        "accelerator_pct": np.clip(moved.accel_ms2 * 40 + moved.speed_ms, 0, 100) * (moved.accel_ms2 >= 0),
        "brake_pct": np.clip(-moved.accel_ms2 * 25, 0, 100),
        "gear": np.where(mode == habits.DRIVING, 127.0, 126.0),
        "soc_shown_pct": state.soc * 100,
        "energy_left_kwh": state.soc * fleet.energy_wh * fleet.soh_pct / 1e5,
        "cell_id_min": cells.argmin(axis=1) + 1.0,
        "cell_id_max": cells.argmax(axis=1) + 1.0,
        "pack_temp_min_c": probes_c(fleet, state).min(axis=1, initial=200.0),
        "charge_in_ah": np.floor(state.in_ah * 100) / 100,
        "charge_out_ah": np.floor(state.out_ah * 100) / 100,
        "isolation_kohm": 2000.0 + 400.0 * fleet.hot_phase,
        "contactor_closed": np.where(mode == habits.PARKED, 0.0, 1.0),
        "range_m": state.soc * fleet.energy_wh * 5.8,
        "motor_kw": wheel_w / 1000,
        "coolant_temp_c": 0.5 * (state.motor_c + fleet.home.air_c),
        "charge_max_kw": state.charge_peak_w / 1000,
        "time_to_full_s": np.where(charging, left_wh * 3600 / np.maximum(flow.pack_w, 500.0), 0.0),
        "dc_charge_a": np.where(charging, flow.pack_a, 0.0),
        "dc_charge_v": np.where(charging, flow.pack_v, 0.0),
        "ac_on": (state.hvac_w > 0) * (state.cabin_c > fleet.cabin_wish_c + 0.5).astype(np.float64),
        "lv_v": np.where(mode == habits.PARKED, 12.6, 14.2) - 0.1 * fleet.hot_phase,
        "gps_accuracy_m": 1.5 + 3.0 * fleet.hot_phase,
        "dtc_count": fleet.hot.astype(np.float64),
    }


def slow(fleet: Traits, state: State) -> Columns:
    """The signals that are reported every minute besides."""
    warmer = 0.9 * np.minimum(state.motion.speed_ms, 30.0)
    return {
        "soh_pct": fleet.soh_pct,
        "charge_limit_pct": fleet.soc_limit * 100,
        "tyre_fl_kpa": 250 + warmer,
        "tyre_fr_kpa": 251 + warmer,
        "tyre_rl_kpa": 260 + warmer,
        "tyre_rr_kpa": 259 + warmer,
    }
