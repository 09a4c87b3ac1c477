"""What features are about."""

from feast import Entity, ValueType

from features.transforms import JOIN_KEY

vehicle = Entity(
    name="vehicle",
    join_keys=[JOIN_KEY],
    value_type=ValueType.STRING,
    description="One vehicle, by the id that it has on the wire.",
)
