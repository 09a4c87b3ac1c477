"""What changes about the vehicles, in groups of arrays with one row a vehicle. A step gives new arrays; none is changed in place."""

from typing import NamedTuple, TypeVar

import numpy as np

from simulators.physics.road import Array

PARKED, DRIVING, PLUGGED, CHARGING = range(4)
"""Modes. PLUGGED has a cable but takes no power."""
HOME, WORK, AWAY, ROADSIDE = range(4)
"""Sites where a vehicle is or goes to. ROADSIDE is a DC charger on the way of a trip that goes on."""


class Trip(NamedTuple):
    """Mode, where from and where to, and what is due next. `arrivals` counts them since the start."""

    mode: np.ndarray
    site: np.ndarray
    goal: np.ndarray
    arrivals: np.ndarray
    next_s: Array
    length_m: Array
    from_lat: Array
    from_lon: Array
    to_lat: Array
    to_lon: Array
    loop: np.ndarray
    lat: Array
    lon: Array
    heading_deg: Array
    height_m: Array
    grade: Array


class Motion(NamedTuple):
    """Speed, and the stretch of road that is driven: its speed, what is left of it, the speed at its end, a wait at its start."""

    speed_mps: Array
    accel_ms2: Array
    gone_m: Array
    stretch: np.ndarray
    stretch_mps: Array
    left_m: Array
    end_mps: Array
    wait_s: Array
    force_n: Array


class Charge(NamedTuple):
    """Charge in the pack (Ah), RC voltages, terminals, and the counters of a life (float64: they must not lose small steps)."""

    ah: Array
    fast_v: Array
    slow_v: Array
    amps: Array
    volts: Array
    in_wh: Array
    out_wh: Array
    in_ah: Array
    out_ah: Array
    regen_wh: Array


class Plug(NamedTuple):
    """What the charger at hand gives (W of AC, or of DC where `dc`), where the session stops, and the highest power of it (W)."""

    supply_w: Array
    dc: np.ndarray
    stop_soc: Array
    peak_w: Array


class Heat(NamedTuple):
    """Temperatures in Celsius, what a cold tyre adds to rolling, and electric powers of climate control and pack cooling in W."""

    pack_c: Array
    cabin_c: Array
    motor_c: Array
    coolant_c: Array
    tyre_cold: Array
    hvac_w: Array
    cooling_w: Array


class State(NamedTuple):
    """Everything that changes. `now_s` is epoch seconds; `odometer_m` float64; `loss` the calendar loss of capacity as a share;
    `drained_ah` the charge that a faulty cell lost outside the terminals.
    """

    now_s: float
    trip: Trip
    motion: Motion
    charge: Charge
    plug: Plug
    heat: Heat
    ambient_c: Array
    sun_w_m2: Array
    odometer_m: Array
    loss: Array
    drained_ah: Array


G = TypeVar("G", Trip, Motion, Charge, Plug, Heat)


def taken(group: G, rows: np.ndarray) -> G:
    """Some rows of a group."""
    return type(group)(*(column[rows] for column in group))


def with_rows(group: G, rows: np.ndarray, new: G) -> G:
    """The group with some rows replaced; columns that did not change are shared."""
    columns = []
    for old, part in zip(group, new, strict=True):
        column = old.copy()
        column[rows] = part
        columns.append(column)
    return type(group)(*columns)
