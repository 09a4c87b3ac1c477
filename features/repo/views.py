"""The feature views. Each feature has a description, its unit, an owner and the VSS signals that it comes from."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import Float64, String

from contracts.signals import BY_NAME
from features.definitions import VEHICLE_DAYS, VEHICLE_WINDOWS, Windowed
from features.repo import sources
from features.repo.entities import charging_session, station, trip, vehicle
from features.shaped import SHAPES
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
_ABOUT = {entity.join_key: entity for entity in (vehicle, trip, charging_session, station)}
_MEANING = {
    "trip_facts": "What a trip was like, once it is over.",
    "session_facts": "What a charging session was like, once it is over.",
    "battery_health": "What a day said of a vehicle's battery.",
    "trip_habits": "How a vehicle was driven over its last trips.",
    "charging_habits": "How a vehicle was charged over its last sessions.",
    "station_habits": "How a station was used over its last sessions.",
}


def _shaped(name: str, description: str) -> FeatureView:
    shape = SHAPES[name]
    return FeatureView(
        name=name,
        entities=[_ABOUT[shape.key]],
        ttl=timedelta(days=365),
        source=sources.shapes[name],
        schema=[
            Field(name=shape.key, dtype=String),
            *(_field(feature, told.unit, told.description, told.signals) for feature, told in shape.told.items()),
        ],
        description=f"{description} Written online by `voltlake features materialize`.",
        owner=OWNER,
        tags={"kind": "facts", "message": "telemetry"},
    )


trip_facts, session_facts, battery_health, trip_habits, charging_habits, station_habits = (_shaped(*pair) for pair in _MEANING.items())
