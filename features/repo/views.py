"""The feature views. Each feature has a description, its unit, an owner and the VSS signals that it comes from."""

from feast import FeatureView, Field
from feast.types import Float64, String

from contracts.signals import BY_NAME
from features.definitions import VEHICLE_DAYS, VEHICLE_WINDOWS, Windowed
from features.repo import sources
from features.repo.entities import vehicle
from features.transforms import (
    DAYS_TTL,
    DAYS_VIEW,
    JOIN_KEY,
    OWNER,
    VEHICLE_LIVE,
    VEHICLE_LIVE_FEATURES,
    VEHICLE_LIVE_TTL,
    WINDOWS_TTL,
    WINDOWS_VIEW,
    signal_of,
)
from features.windows import DAYS, MINUTES, Grid

_KEY = Field(name=JOIN_KEY, dtype=String)
_SPANS = {"m": "minute", "d": "day"}


def _field(name: str, unit: str, description: str, signals: tuple[str, ...]) -> Field:
    vss = ",".join(BY_NAME[signal].vss for signal in signals)
    return Field(name=name, dtype=Float64, description=description, tags={"unit": unit, "vss": vss, "owner": OWNER})


def _windowed(definitions: tuple[Windowed, ...], grid: Grid) -> list[Field]:
    fields = []
    for one in definitions:
        for name, place in one.columns(grid).items():
            length = grid.windows[place]
            over = f"last {length} closed {_SPANS[grid.letter]}s" if length > 1 else f"last closed {_SPANS[grid.letter]}"
            fields.append(_field(name, one.unit, f"{one.description.capitalize()}; over the {over}", one.signals))
    return fields


vehicle_live = FeatureView(
    name=VEHICLE_LIVE,
    entities=[vehicle],
    ttl=VEHICLE_LIVE_TTL,
    source=sources.telemetry,
    schema=[_KEY, *(_field(name, signal_of(name).unit, f"Last {signal_of(name).description}", (name,)) for name in VEHICLE_LIVE_FEATURES)],
    description="The values of a vehicle's newest telemetry frame. Written online by the live flow.",
    owner=OWNER,
    tags={"kind": "live", "message": "telemetry"},
)
vehicle_windows = FeatureView(
    name=WINDOWS_VIEW,
    entities=[vehicle],
    ttl=WINDOWS_TTL,
    source=sources.minutes,
    schema=[_KEY, *_windowed(VEHICLE_WINDOWS, MINUTES)],
    description="What a vehicle did in its last 1, 5, 15 and 60 closed minutes, as known at the instant. Written online by the live flow.",
    owner=OWNER,
    tags={"kind": "windows", "message": "telemetry"},
)
vehicle_days = FeatureView(
    name=DAYS_VIEW,
    entities=[vehicle],
    ttl=DAYS_TTL,
    source=sources.days,
    schema=[_KEY, *_windowed(VEHICLE_DAYS, DAYS)],
    description="What a vehicle did in its last 1, 7 and 30 whole UTC days. Written online by `voltlake features materialize`.",
    owner=OWNER,
    tags={"kind": "days", "message": "telemetry"},
)
