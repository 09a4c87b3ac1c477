"""The live model `energy_per_km`: what it learns from a running stack. Nothing is printed here."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from contracts import report
from features import registry
from features.datasets import INPUTS, MINUTES_TABLE, energy_dataset
from features.registry import Version
from features.store import open_store
from features.training import MODEL, PARAMETERS, UNIT, fit
from features.transforms import ENERGY_V1, VEHICLE_LIVE_TABLE
from lakehouse import reader


class TrainedModel(msgspec.Struct, frozen=True):
    """A new version in the registry, and how it did on the rows held back."""

    name: str
    version: str
    champion: bool
    metrics: dict[str, float]
    unit: str


def train(lake: str, folder: Path, redis_url: str, mlflow_uri: str, progress: Callable[[str], None]) -> TrainedModel:
    """Train `energy_per_km` through Feast and register it; the very first version becomes the champion, later ones are promoted by a person.

    folder is the feature store's. `progress` gets one sentence a step. Raises Terminal where there is nothing to learn from.
    """
    progress("opening the feature store")
    store = open_store(folder, lake, redis_url)
    versions = {
        f"delta_version.{name}": str(reader.open_table(lake, name).version())
        for name in (VEHICLE_LIVE_TABLE, MINUTES_TABLE)
        if reader.exists(lake, name)
    }
    dataset = energy_dataset(store, lake, progress)
    progress(f"fitting on {len(dataset.label)} minutes")
    fitted = fit(dataset)
    progress("logging to MLflow")
    tags = {"git_commit": report.commit(), "feature_service": ENERGY_V1, "unit": UNIT, **versions}
    params = {**PARAMETERS, "features": ",".join(INPUTS), "driven_minutes": dataset.minutes}
    version = registry.log(mlflow_uri, MODEL, fitted.model, fitted.example, {"params": params, "metrics": fitted.metrics, "tags": tags})
    first = not any(registry.CHAMPION in row.aliases for row in registry.versions(mlflow_uri, MODEL))
    if first:
        registry.promote(mlflow_uri, MODEL, version)
    return TrainedModel(MODEL, version, first, fitted.metrics, UNIT)


def promote(mlflow_uri: str, name: str, version: str) -> None:
    """Make a version the champion: the live flow scores with it within seconds. Raises Terminal where there is no such version."""
    registry.promote(mlflow_uri, name, version)


def list_models(mlflow_uri: str) -> list[Version]:
    """All versions of all models, newest first."""
    return registry.versions(mlflow_uri)
