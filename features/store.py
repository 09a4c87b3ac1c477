"""The feature store of one deployment: where its registry, its lake and its Redis are."""

import hashlib
import logging
import os
import warnings
from collections.abc import Sequence
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import yaml

from contracts.errors import Terminal, Transient
from features.transforms import JOIN_KEY, OWNER, PROJECT, VEHICLE_LIVE, VEHICLE_LIVE_FEATURES

if TYPE_CHECKING:
    from feast import FeatureStore

SETTINGS = "feature_store.yaml"
REGISTRY = "registry.db"
APPLIED = "definitions"
"""The file beside the registry that says which definitions were applied."""
REGISTRY_CACHE_S = 60


def apply(folder: Path, lake: str, redis_url: str, registry: str = "") -> None:
    """Write feature_store.yaml and bring the registry to the definitions of this version. May be repeated.

    `registry` is the address of a Postgres, `postgresql://…`; without one it stays where it is, at first in a file in `folder`.
    Data scientists then use plain Feast: `FeatureStore(repo_path=folder)`. Needs neither Redis nor any table to be there yet.
    """
    _feast()
    from features.repo import definitions

    folder.mkdir(parents=True, exist_ok=True)
    half = folder / (SETTINGS + ".tmp")
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # the address may hold a password
        yaml.safe_dump(_settings(folder, lake, redis_url, registry), file, sort_keys=False)
    half.replace(folder / SETTINGS)
    store = _open(folder, lake, redis_url)
    wanted = definitions()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="On demand feature view is an experimental feature")
        store.apply(wanted, objects_to_delete=_gone(store, wanted), partial=False)
    (folder / APPLIED).write_text(version(wanted))


def open_store(folder: Path, lake: str, redis_url: str) -> "FeatureStore":
    """The feature store whose registry stands in `folder`. Raises Terminal where it was never applied."""
    if not (folder / SETTINGS).exists():
        raise Terminal(f"there is no feature store in {folder}; `voltlake up` makes it")
    store = _open(folder, lake, redis_url)
    from features.repo import definitions

    stamp = folder / APPLIED
    if not stamp.exists() or stamp.read_text() != version(definitions()):
        raise Terminal(f"the registry in {folder} is of another version than this code: run `voltlake features apply`")
    return store


def version(wanted: Sequence[Any]) -> str:
    """What definitions come to, in 32 hex digits: tells a registry of this version from an older one."""
    facts = sorted(repr((type(one).__name__, one.name, one.description, sorted(one.tags.items()), _content(one))) for one in wanted)
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]


def _content(one: Any) -> list[Any]:
    """What a definition holds beside its name, description and tags."""
    fields = [(field.name, str(field.dtype), field.description, sorted(field.tags.items())) for field in getattr(one, "features", [])]
    projections = [
        (part.name, [field.name for field in part.features])
        for part in (one.feature_view_projections if type(one).__name__ == "FeatureService" else [])
    ]
    plain = [str(getattr(one, name, "")) for name in ("path", "timestamp_field", "created_timestamp_column", "ttl", "join_key", "owner")]
    return [fields, projections, plain]


def _gone(store: "FeatureStore", wanted: Sequence[Any]) -> list[Any]:
    """What the registry holds and this version defines no longer. What people added themselves carries another owner and stays."""
    names = {(type(one).__name__, one.name) for one in wanted}
    held: list[Any] = [*store.list_feature_services(), *store.list_on_demand_feature_views(), *store.list_feature_views()]
    return [one for one in held if one.owner == OWNER and (type(one).__name__, one.name) not in names]


def _open(folder: Path, lake: str, redis_url: str) -> "FeatureStore":
    feast = _feast()
    config = feast.RepoConfig(**_settings(folder, lake, redis_url), repo_path=folder.resolve())
    try:
        store = feast.FeatureStore(config=config)
        store.registry.list_projects()  # the first question connects
    except ModuleNotFoundError as error:
        raise Terminal(f"the registry's address needs the package {error.name}: pip install 'psycopg[binary]' for postgresql+psycopg://") from None
    except Exception as error:  # SQLAlchemy's tree of errors, which Feast lets through while it opens a registry
        if type(error).__module__.partition(".")[0] != "sqlalchemy":
            raise
        raise Transient(f"the feature registry does not answer: {str(error).splitlines()[0]}") from error
    return store


def _feast() -> Any:
    """The module feast, 5 CPU seconds at the first call, without what its metrics leave in the environment.

    `feast.metrics` turns on prometheus_client's multiprocess mode by two variables, in a folder that it removes at exit. They
    must reach neither our own metrics nor a child process, which would then write its metrics into that folder. This is the
    one place that touches the environment beside the settings, and only to leave it as it was found.
    """
    import prometheus_client  # noqa: F401 - reads the variables once, at import: so before Feast sets them

    before = {name: environ.get(name) for name in ("PROMETHEUS_MULTIPROCESS_DIR", "PROMETHEUS_MULTIPROC_DIR")}
    import feast
    import feast.metrics

    logging.getLogger("feast").setLevel(logging.WARNING)  # it tells each reading of the registry

    for name, value in before.items():
        if value is None:
            environ.pop(name, None)
    return feast


def _settings(folder: Path, lake: str, redis_url: str, registry: str = "") -> dict[str, Any]:
    """What stands in feature_store.yaml. Paths are absolute: Feast reads relative ones from where it is started."""
    path = registry or _registry(folder)
    return {
        "project": PROJECT,
        "provider": "local",
        "registry": {"registry_type": "sql", "path": path, "cache_ttl_seconds": REGISTRY_CACHE_S},
        "online_store": {"type": "redis", "connection_string": connection_string(redis_url)},
        "offline_store": {"type": "features.offline.DeltaOfflineStore", "lake": lake if "://" in lake else str(Path(lake).resolve())},
        "entity_key_serialization_version": 3,
    }


def _registry(folder: Path) -> str:
    """Where the registry was put before; at first a file in the folder."""
    written = yaml.safe_load((folder / SETTINGS).read_text()) if (folder / SETTINGS).exists() else {}
    path = str(written.get("registry", {}).get("path", ""))
    return path if path and not path.startswith("sqlite:") else f"sqlite:///{folder.resolve() / REGISTRY}"


def connection_string(redis_url: str) -> str:
    """`redis://[user:password@]host:port[/db]` in Feast's own way of writing it. Raises Terminal where it is malformed."""
    parts = urlsplit(redis_url)
    try:
        port = parts.port or 6379
    except ValueError:
        port = 0
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or not port:
        raise Terminal("the address of Redis is malformed; it looks like redis://127.0.0.1:6379/0")
    given = {"db": parts.path.strip("/"), "ssl": "true" if parts.scheme == "rediss" else "", "username": parts.username, "password": parts.password}
    return ",".join([f"{parts.hostname}:{port}", *(f"{name}={unquote(value)}" for name, value in given.items() if value)])


def count_online(store: "FeatureStore", vehicle_ids: Sequence[str]) -> int:
    """How many of these vehicles Feast's own online read knows the live state of."""
    if not vehicle_ids:
        return 0
    wanted = [f"{VEHICLE_LIVE}:{feature}" for feature in VEHICLE_LIVE_FEATURES]
    answer = store.get_online_features(wanted, [{JOIN_KEY: vehicle} for vehicle in vehicle_ids])
    return sum(stamp.ToMicroseconds() > 0 for stamp in answer.proto.results[1].event_timestamps)
