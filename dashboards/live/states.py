"""What a vehicle is doing, by its newest values. Pure; over whole columns."""

from typing import Literal, get_args

import numpy as np

State = Literal["alert", "charging", "driving", "parked", "offline"]
STATES: tuple[State, ...] = get_args(State)
"""In the order in which they are listed: what needs a person first. On the wire a state is its place here."""
ALERT, CHARGING, DRIVING, PARKED, OFFLINE = range(len(STATES))

ONLINE_WITHIN_S = 30
"""A vehicle reports once a second; after thirty missed frames its last values no longer say what it is doing."""

MOVING_KMH = 1.0
PARK = 126  # VSS: selected gear, 126 park, 0 neutral


def activities(speed_kmh: np.ndarray, gear: np.ndarray, is_charging: np.ndarray) -> np.ndarray:
    """Charging, driving or parked, by the vehicles' own signals (NaN = unknown). Standing at a light in gear is driving."""
    with np.errstate(invalid="ignore"):
        moves = np.abs(np.nan_to_num(speed_kmh)) >= MOVING_KMH
        in_gear = ~np.isnan(gear) & (gear != 0) & (gear != PARK)
        charges = np.nan_to_num(is_charging) >= 0.5
    return np.where(charges, CHARGING, np.where(moves | in_gear, DRIVING, PARKED)).astype(np.uint8)


def states(activity: np.ndarray, event_ms: np.ndarray, alerting: np.ndarray, now_ms: int) -> np.ndarray:
    """What is shown: an open alert above all, then silence, then the activity."""
    silent = now_ms - event_ms > ONLINE_WITHIN_S * 1000
    return np.where(alerting, ALERT, np.where(silent, OFFLINE, activity)).astype(np.uint8)
