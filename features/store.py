"""The feature store of one deployment: where its registry, its lake and its Redis are."""

import os
from collections.abc import Sequence
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import yaml

from contracts.errors import Terminal
from features.transforms import JOIN_KEY, PROJECT, VEHICLE_LIVE, VEHICLE_LIVE_FEATURES

if TYPE_CHECKING:
    from feast import FeatureStore

SETTINGS = "feature_store.yaml"
REGISTRY = "registry.db"
REGISTRY_CACHE_S = 60


def apply(folder: Path, lake: str, redis_url: str) -> None:
    """Write feature_store.yaml and bring the registry in `folder` to the definitions of this version. May be repeated.

    Data scientists then use plain Feast: `FeatureStore(repo_path=folder)`. Needs neither Redis nor any table to be there yet.
    """
    _feast()
    from features.repo import definitions

    folder.mkdir(parents=True, exist_ok=True)
    half = folder / (SETTINGS + ".tmp")
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # the address may hold a password
        yaml.safe_dump(_settings(folder, lake, redis_url), file, sort_keys=False)
    half.replace(folder / SETTINGS)
    _open(folder, lake, redis_url).apply(definitions())


def open_store(folder: Path, lake: str, redis_url: str) -> "FeatureStore":
    """The feature store whose registry stands in `folder`. Raises Terminal where it was never applied."""
    if not (folder / REGISTRY).exists():
        raise Terminal(f"there is no feature store in {folder}; `voltlake up` makes it")
    return _open(folder, lake, redis_url)


def _open(folder: Path, lake: str, redis_url: str) -> "FeatureStore":
    feast = _feast()
    return feast.FeatureStore(config=feast.RepoConfig(**_settings(folder, lake, redis_url), repo_path=folder.resolve()))


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

    for name, value in before.items():
        if value is None:
            environ.pop(name, None)
    return feast


def _settings(folder: Path, lake: str, redis_url: str) -> dict[str, Any]:
    """What stands in feature_store.yaml. Paths are absolute: Feast reads relative ones from where it is started."""
    return {
        "project": PROJECT,
        "provider": "local",
        "registry": {"registry_type": "sql", "path": f"sqlite:///{folder.resolve() / REGISTRY}", "cache_ttl_seconds": REGISTRY_CACHE_S},
        "online_store": {"type": "redis", "connection_string": connection_string(redis_url)},
        "offline_store": {"type": "features.offline.DeltaOfflineStore", "lake": lake if "://" in lake else str(Path(lake).resolve())},
        "entity_key_serialization_version": 3,
    }


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
