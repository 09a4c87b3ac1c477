"""What features are about."""

from feast import Entity, ValueType

from features.shaped import SESSION_KEY, STATION_KEY, TRIP_KEY
from features.transforms import JOIN_KEY

vehicle = Entity(
    name="vehicle",
    join_keys=[JOIN_KEY],
    value_type=ValueType.STRING,
    description="One vehicle, by the id that it has on the wire.",
)
trip = Entity(name="trip", join_keys=[TRIP_KEY], value_type=ValueType.STRING, description="One trip of one vehicle, by its id in gold.trips.")
charging_session = Entity(
    name="charging_session", join_keys=[SESSION_KEY], value_type=ValueType.STRING, description="One charging session, from plugging in to unplugging."
)
station = Entity(
    name="station", join_keys=[STATION_KEY], value_type=ValueType.STRING, description="A place to charge, as latitude and longitude: 52.520,13.405."
)
