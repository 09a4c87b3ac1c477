"""Where features are read from offline: tables of the lake, by their name there."""

from feast import FileSource
from feast.data_format import DeltaFormat

from features.computed import COMPUTED
from features.shaped import SHAPED, SHAPES
from features.transforms import DAYS_VIEW, EVENT_TIME, KNOWN_TIME, VEHICLE_LIVE_TABLE, WINDOWS_TABLE, WINDOWS_VIEW


def _known(name: str, table: str, description: str, **tags: str) -> FileSource:
    """A table whose rows count at an instant only where they were known then."""
    return FileSource(
        name=name,
        path=table,
        file_format=DeltaFormat(),
        timestamp_field=EVENT_TIME,
        created_timestamp_column=KNOWN_TIME,
        description=description,
        tags={"known_by": "entity_time", **tags},
    )


telemetry = _known("telemetry", VEHICLE_LIVE_TABLE, "One typed row a telemetry frame. A row counts at an instant only where it was known then.")
minutes = _known(
    "minutes", WINDOWS_TABLE, "Windows over the closed minutes of each vehicle, as they were known at the instant.", **{COMPUTED: WINDOWS_VIEW}
)
days = _known("days", WINDOWS_TABLE, "Windows over the whole UTC days of each vehicle, as they were known at the instant.", **{COMPUTED: DAYS_VIEW})
shapes = {
    name: _known(name, shape.table, f"Rows of {shape.table} in the shape of features, from when each was over for certain.", **{SHAPED: name})
    for name, shape in SHAPES.items()
}
