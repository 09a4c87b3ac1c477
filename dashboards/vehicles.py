"""A vehicle as the page shows it, and what it is doing. Pure: rows of `gold.vehicle_current` and a time in, values out."""

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec
import pyarrow as pa

State = Literal["alert", "charging", "driving", "parked", "offline"]
STATES: tuple[State, ...] = get_args(State)
"""In the order in which they are listed: what needs a person first."""

ONLINE_WITHIN_S = 30
"""A vehicle reports once a second; after thirty missed frames its last values no longer say what it is doing."""

MOVING_KMH = 1.0
PARK = 126  # VSS: selected gear, 126 park, 0 neutral

COLUMNS = (
    "vehicle_id",
    "region",
    "event_ts",
    "speed_kmh",
    "gear",
    "is_charging",
    "soc_pct",
    "pack_w",
    "pack_temp_c",
    "lat",
    "lon",
    "position_synthetic",
)


class Vehicle(msgspec.Struct, frozen=True, gc=False):
    """The newest frame of a vehicle. A signal that this frame lacks is None. `pack_w` is positive into the pack."""

    vehicle_id: str
    region: str
    event_ms: int
    speed_kmh: float | None = None
    gear: float | None = None
    is_charging: float | None = None
    soc_pct: float | None = None
    pack_w: float | None = None
    pack_temp_c: float | None = None
    lat: float | None = None
    lon: float | None = None
    position_synthetic: float | None = None


class Shown(msgspec.Struct, frozen=True, gc=False):
    """A vehicle together with its state at one instant."""

    vehicle: Vehicle
    state: State


def vehicles(rows: pa.Table) -> tuple[Vehicle, ...]:
    """The vehicles of a `gold.vehicle_current` table."""
    columns = [rows[name] for name in COLUMNS]
    columns[2] = columns[2].cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.int64())
    return tuple(Vehicle(*values) for values in zip(*(column.to_pylist() for column in columns), strict=True))


def is_online(vehicle: Vehicle, now_ms: int) -> bool:
    """Whether its newest frame is young enough to speak for it."""
    return now_ms - vehicle.event_ms <= ONLINE_WITHIN_S * 1000


def activity(vehicle: Vehicle) -> State:
    """Charging, driving or parked, by its own signals. Standing at a light in gear is driving."""
    if (vehicle.is_charging or 0) >= 0.5:
        return "charging"
    moves = abs(vehicle.speed_kmh or 0) >= MOVING_KMH
    in_gear = vehicle.gear is not None and vehicle.gear not in (0, PARK)
    return "driving" if moves or in_gear else "parked"


def state(vehicle: Vehicle, alerting: bool, now_ms: int) -> State:
    """What the page shows: an open alert above all, then silence, then the activity."""
    if alerting:
        return "alert"
    return activity(vehicle) if is_online(vehicle, now_ms) else "offline"


class Changes(msgspec.Struct, frozen=True):
    """What turns one fleet into another."""

    added: list[Shown]
    updated: list[Shown]
    gone: list[str]


def changes(before: Mapping[str, Shown], after: Mapping[str, Shown]) -> Changes:
    """The vehicles that a browser which shows `before` must be told of."""
    added = [shown for name, shown in after.items() if name not in before]
    updated = [shown for name, shown in after.items() if name in before and before[name] != shown]
    return Changes(added, updated, [name for name in before if name not in after])
