"""The feature views."""

from feast import FeatureView, Field
from feast.types import Float64, String

from features.repo.entities import vehicle
from features.repo.sources import telemetry
from features.transforms import JOIN_KEY, VEHICLE_LIVE, VEHICLE_LIVE_FEATURES, VEHICLE_LIVE_TTL, signal_of

vehicle_live = FeatureView(
    name=VEHICLE_LIVE,
    entities=[vehicle],
    ttl=VEHICLE_LIVE_TTL,
    source=telemetry,
    schema=[
        Field(name=JOIN_KEY, dtype=String),
        *(
            Field(
                name=name,
                dtype=Float64,
                description=f"Last {signal_of(name).description}",
                tags={"unit": signal_of(name).unit, "vss": signal_of(name).vss},
            )
            for name in VEHICLE_LIVE_FEATURES
        ),
    ],
    description="The values of a vehicle's newest telemetry frame. Written online by the live flow.",
    owner="voltlake",
    tags={"kind": "live"},
)
