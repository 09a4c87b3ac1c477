"""What the commands `voltlake features …` ask of the feature store. Raises Terminal naming what there is, for an unknown name."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from contracts.errors import Terminal
from contracts.signals import SIGNALS
from features import online as direct
from features.transforms import JOIN_KEY, TTLS, VEHICLE_LIVE, WINDOWS_VIEW

if TYPE_CHECKING:
    from feast import FeatureService, FeatureStore

_BY_VSS = {signal.vss: signal for signal in SIGNALS}
LIVE_VIEWS = (VEHICLE_LIVE, WINDOWS_VIEW)
"""Written online by the live flow, and by nobody else."""


class Entry(msgspec.Struct, frozen=True):
    """One feature of the registry."""

    feature: str
    view: str
    unit: str
    description: str
    owner: str
    vss: list[str]
    source: str
    services: list[str]

    def shown(self) -> dict[str, Any]:
        """As a row."""
        return {"feature": self.feature, "view": self.view, "unit": self.unit, "description": self.description, "services": ", ".join(self.services)}


def catalogue(store: "FeatureStore") -> list[Entry]:
    """Every feature of every view."""
    readers: dict[tuple[str, str], list[str]] = {}
    for service in store.list_feature_services():
        for projection in service.feature_view_projections:
            for field in projection.features:
                readers.setdefault((projection.name, field.name), []).append(service.name)
    entries = []
    for view in [*store.list_feature_views(), *store.list_on_demand_feature_views()]:
        source: Any = getattr(view, "batch_source", None)
        for field in view.features:
            facts = {name: field.tags.get(name) or view.tags.get(f"{field.name}.{name}", "") for name in ("unit", "vss")}
            vss = [path for path in facts["vss"].split(",") if path]
            description = field.description or view.tags.get(f"{field.name}.description", "")
            tags = facts["unit"], description, field.tags.get("owner", view.owner)
            entries.append(Entry(field.name, view.name, *tags, vss, source.path if source else "request", readers.get((view.name, field.name), [])))
    return entries


def service_of(store: "FeatureStore", name: str) -> "FeatureService":
    """A feature service by name."""
    there = {service.name: service for service in store.list_feature_services()}
    if name not in there:
        raise Terminal(f"there is no feature service {name!r}; there are {', '.join(sorted(there)) or 'none: run `voltlake features apply`'}")
    return there[name]


def describe(store: "FeatureStore", name: str) -> dict[str, Any]:
    """What a feature, view, service or entity is."""
    for entry in catalogue(store):
        if entry.feature == name:
            return {"kind": "feature", **msgspec.structs.asdict(entry)}
    for view in store.list_feature_views():
        if view.name == name:
            return {
                "kind": "feature view",
                "description": view.description,
                "owner": view.owner,
                "entities": view.entities,
                "ttl": str(view.ttl),
                "source": getattr(view.batch_source, "path", ""),
                "tags": view.tags,
                "features": [field.name for field in view.features],
            }
    for service in store.list_feature_services():
        if service.name == name:
            reads = {projection.name: [field.name for field in projection.features] for projection in service.feature_view_projections}
            return {"kind": "feature service", "description": service.description, "owner": service.owner, "tags": service.tags, **reads}
    for entity in store.list_entities():
        if entity.name == name:
            return {"kind": "entity", "description": entity.description, "join_key": entity.join_key, "tags": entity.tags}
    raise Terminal(f"there is no feature, view, service or entity {name!r}; `voltlake features list` shows all")


def lineage(store: "FeatureStore", name: str) -> list[dict[str, Any]]:
    """From the signals to the services, a row a feature."""
    entries = [entry for entry in catalogue(store) if name in (entry.feature, entry.view, *entry.services)]
    if not entries:
        raise Terminal(f"there is no feature, view or service {name!r}; `voltlake features list` shows all")
    return [
        {
            "vss": ", ".join(entry.vss),
            "signals": ", ".join(_BY_VSS[path].name for path in entry.vss if path in _BY_VSS),
            "table": entry.source,
            "view": entry.view,
            "feature": entry.feature,
            "services": ", ".join(entry.services),
        }
        for entry in entries
    ]


def online(store: "FeatureStore", redis_url: str, vehicles: Sequence[str], service: str) -> list[dict[str, Any]]:
    """A row a vehicle and feature: value, age and state (fresh, stale, missing). A stale value is not given out."""
    client = direct.connect(redis_url)
    rows = []
    for projection in service_of(store, service).feature_view_projections:
        if projection.name not in TTLS:
            continue
        features = [field.name for field in projection.features]
        for row in direct.read(client, vehicles, features, projection.name).to_pylist():
            facts = {"view": projection.name, "event_ts": row["event_ts"], "age_s": row["age_s"], "state": row["state"]}
            rows += [{"vehicle_id": row[JOIN_KEY], "feature": feature, "value": row[feature], **facts} for feature in features]
    return rows


def historical(store: "FeatureStore", vehicles: Sequence[str], service: str, at: str) -> pa.Table:
    """A row a vehicle, with what was known at the instant."""
    import pandas as pd

    entities = pd.DataFrame({JOIN_KEY: list(vehicles), "event_timestamp": instant(at)})
    return store.get_historical_features(entity_df=entities, features=service_of(store, service)).to_arrow()


def materialize(store: "FeatureStore", views: Sequence[str], at: str) -> Iterable[str]:
    """Write views online up to an instant; a line a view. The live flow's own views are refused: it is their only writer."""
    there = {view.name: view for view in store.list_feature_views()}
    for name in views or [name for name, view in there.items() if name not in LIVE_VIEWS and view.online]:
        if name not in there:
            raise Terminal(f"there is no feature view {name!r}; there are {', '.join(sorted(there))}")
        if name in LIVE_VIEWS:
            raise Terminal(f"{name} is written online by the live flow alone: it is always up to date there")
        if not there[name].online:
            raise Terminal(f"{name} is for learning only: it is not served online")
        end = instant(at)
        start = end - (there[name].ttl or timedelta(days=365))
        store.materialize(start, end, [name], disable_event_timestamp=False)
        yield f"{name}: written up to {end:%Y-%m-%d %H:%M:%S} UTC"


def serve(store: "FeatureStore", host: str, port: int) -> None:
    """Run Feast's feature server until it is stopped."""
    store.serve(host, port)


def instant(text: str) -> datetime:
    """An instant with a zone, in UTC; now for an empty text. Raises Terminal for a naive or malformed one."""
    if not text:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Terminal(f"{text!r} is no instant; it looks like 2026-03-01T12:00:00Z") from None
    if found.tzinfo is None:
        raise Terminal(f"{text!r} has no zone; write {text}Z for UTC, or an offset as +02:00")
    return found.astimezone(UTC)
