"""Entities, views and services of drives, cells and charging stays: what the three models learn from. Offline only: the live flow makes its own."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.data_format import DeltaFormat
from feast.types import Float64, String

from contracts.signals import BY_NAME
from features import recorded as names
from features.recorded import Meaning
from features.repo.entities import charging_session, vehicle
from features.shaped import SESSION_KEY
from features.transforms import EVENT_TIME, JOIN_KEY, KNOWN_TIME, OWNER

drive = Entity(name=names.DRIVE, join_keys=[names.DRIVE_KEY], value_type=ValueType.STRING, description="One drive, or a part of it, as planned.")
cell = Entity(name=names.CELL, join_keys=[names.CELL_KEY], value_type=ValueType.STRING, description="One cell of one vehicle's pack.")


def _view(name: str, table: str, entity: Entity, key: Field, meaning: dict[str, Meaning], *more: Field) -> FeatureView:
    source = FileSource(
        name=table.replace(".", "_"),
        path=table,
        file_format=DeltaFormat(),
        timestamp_field=EVENT_TIME,
        created_timestamp_column=KNOWN_TIME,
        tags={"known_by": "entity_time"},
    )
    fields = [
        Field(name=feature, dtype=Float64, description=one.description, tags={"unit": one.unit, "owner": OWNER, "vss": _vss(one)})
        for feature, one in meaning.items()
    ]
    return FeatureView(
        name=name,
        entities=[entity],
        ttl=timedelta(days=365),
        source=source,
        schema=[key, *more, *fields],
        online=False,
        owner=OWNER,
        tags={"kind": "recorded"},
    )


def _vss(one: Meaning) -> str:
    return ",".join(BY_NAME[signal].vss for signal in one.signals)


_MODEL = Field(name=names.CAR_MODEL, dtype=String, description="Model of the car", tags={"unit": "", "owner": OWNER, "vss": ""})
drives_view = _view(names.DRIVES, names.DRIVES_TABLE, drive, Field(name=names.DRIVE_KEY, dtype=String), names.DRIVE_MEANING, _MODEL)
pasts_view = _view(names.PASTS, names.PASTS_TABLE, vehicle, Field(name=JOIN_KEY, dtype=String), names.PAST_MEANING)
cells_view = _view(names.CELLS, names.CELLS_TABLE, cell, Field(name=names.CELL_KEY, dtype=String), names.CELL_MEANING)
stays_view = _view(names.STAYS, names.STAYS_TABLE, charging_session, Field(name=SESSION_KEY, dtype=String), names.STAY_MEANING)


def _service(name: str, model: str, views: list[FeatureView], description: str) -> FeatureService:
    return FeatureService(name=name, features=list(views), description=description, owner=OWNER, tags={"version": "1", "model": model})


energy = _service(names.ENERGY_SERVICE, "energy_v1", [drives_view, pasts_view], "What energy_v1 reads of a drive and of the vehicle's past.")
fault = _service(names.FAULT_SERVICE, "battery_fault_v1", [cells_view], "What battery_fault_v1 reads of a cell's hour.")
charging = _service(names.CHARGING_SERVICE, "charging_v1", [stays_view], "What charging_v1 reads of a charging session.")
