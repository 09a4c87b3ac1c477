"""The feature services: what one version of a model reads. A service never changes once a model was trained on it: the next one is `_v2`."""

from feast import FeatureService

from features import transforms
from features.repo.on_demand import route_ahead
from features.repo.views import battery_health, charging_habits, trip_habits, vehicle_days, vehicle_live, vehicle_windows
from features.transforms import OWNER

energy_v1 = FeatureService(
    name=transforms.ENERGY_V1,
    features=[
        vehicle_live[list(transforms.ENERGY_V1_FEATURES)],
        vehicle_windows[list(transforms.ENERGY_V1_WINDOWS)],
        vehicle_days[list(transforms.ENERGY_V1_DAYS)],
        trip_habits,
    ],
    description="What the energy and range models read.",
    owner=OWNER,
    tags={"version": "1", "model": "energy"},
)
battery_fault_v1 = FeatureService(
    name=transforms.BATTERY_FAULT_V1,
    features=[
        vehicle_live[list(transforms.BATTERY_FAULT_V1_FEATURES)],
        vehicle_windows[list(transforms.BATTERY_FAULT_V1_WINDOWS)],
        battery_health,
    ],
    description="What the battery fault model reads.",
    owner=OWNER,
    tags={"version": "1", "model": "battery_fault"},
)
charging_v1 = FeatureService(
    name=transforms.CHARGING_V1,
    features=[
        vehicle_live[list(transforms.CHARGING_V1_FEATURES)],
        vehicle_windows[list(transforms.CHARGING_V1_WINDOWS)],
        vehicle_days[list(transforms.CHARGING_V1_DAYS)],
        charging_habits,
    ],
    description="What the charging model reads.",
    owner=OWNER,
    tags={"version": "1", "model": "charging"},
)
energy_route_v1 = FeatureService(
    name="energy_route_v1",
    features=[vehicle_live[list(transforms.ENERGY_V1_FEATURES)], vehicle_windows[list(transforms.ENERGY_V1_WINDOWS)], route_ahead],
    description="What a planner of routes asks: the vehicle now, and the route that the request brings.",
    owner=OWNER,
    tags={"version": "1", "model": "energy"},
)
