"""Where features are read from offline: tables of the lake, by their name there."""

from feast import FileSource
from feast.data_format import DeltaFormat

from features.transforms import EVENT_TIME, KNOWN_TIME, VEHICLE_LIVE_TABLE

telemetry = FileSource(
    name="telemetry",
    path=VEHICLE_LIVE_TABLE,
    file_format=DeltaFormat(),
    timestamp_field=EVENT_TIME,
    created_timestamp_column=KNOWN_TIME,
    description="One typed row a telemetry frame. A row counts at an instant only where it was known then.",
    tags={"known_by": "entity_time"},
)
