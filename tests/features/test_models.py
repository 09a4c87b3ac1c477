"""Train through Feast, register in MLflow, promote by alias."""

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from contracts.errors import Terminal, Transient
from features import registry
from features.datasets import INPUTS, Dataset
from features.models import live as models
from features.store import apply
from features.training import MODEL, fit, held_back
from features.transforms import ENERGY_V1_FEATURES
from tests.features.learnable import made_learnable


@pytest.fixture(scope="module")
def learnable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake in which the consumption of a minute follows the speed and the cold at its start."""
    lake = tmp_path_factory.mktemp("learnable")
    made_learnable(lake)
    return lake


@pytest.fixture(scope="module")
def trained(learnable: Path, tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> tuple[str, list[models.TrainedModel], list[str]]:
    """The address of an MLflow store with two versions, what training gave back, and what it said."""
    place = tmp_path_factory.mktemp("models")
    apply(place / "repo", str(learnable), redis_url)
    uri, said = f"sqlite:///{place}/store/mlflow.db", []
    (place / "store").mkdir()
    made = [models.train(str(learnable), place / "repo", redis_url, uri, said.append) for _ in range(2)]
    return uri, made, said


def test_training_learns_what_is_there_to_learn(trained: tuple) -> None:
    _, (first, second), said = trained
    assert (first.name, first.version, second.version) == (MODEL, "1", "2")
    assert first.metrics["mae_wh_per_km"] < first.metrics["baseline_mae_wh_per_km"] / 2
    assert first.metrics["rows_held_back"] > 50
    assert first.metrics == second.metrics
    assert said[0] == "opening the feature store"
    assert any("driven minutes of 24 vehicles" in text for text in said)


def test_the_first_version_is_the_champion_and_later_ones_wait_for_a_person(trained: tuple) -> None:
    uri, (first, second), _ = trained
    assert (first.champion, second.champion) == (True, False)
    assert [(row.version, row.aliases) for row in models.list_models(uri)] == [("2", []), ("1", ["champion"])]
    models.promote(uri, MODEL, "2")
    assert [(row.version, row.aliases) for row in models.list_models(uri)] == [("2", ["champion"]), ("1", [])]
    models.promote(uri, MODEL, "1")


def test_a_version_says_what_it_was_made_of(trained: tuple, learnable: Path) -> None:
    uri, (first, _), _ = trained
    row = models.list_models(uri)[1]
    assert row.metrics == first.metrics
    assert row.tags["feature_service"] == "energy_v1"
    assert row.tags["delta_version.silver.telemetry"] == row.tags["delta_version.gold.vehicle_minutes"] == "1"
    assert len(row.tags["git_commit"]) in (7, 40)
    info = mlflow.models.get_model_info(f"models:/{MODEL}/1")
    assert tuple(info.signature.inputs.input_names()) == INPUTS
    assert info.saved_input_example_info is not None
    run = registry.connect(uri).get_run(row.run_id)
    assert run.data.params["loss"] == "absolute_error"
    assert run.data.params["features"] == ",".join(INPUTS)
    files = Path(uri.removeprefix("sqlite:///")).parent / "mlflow-artifacts"
    assert list(files.rglob("MLmodel"))


def test_plain_mlflow_loads_the_champion_by_its_alias(trained: tuple) -> None:
    uri, _, _ = trained
    registry.connect(uri)
    champion = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion")
    example = champion.input_example
    assert np.all(np.isfinite(champion.predict(example)))


def test_what_is_not_there_cannot_be_promoted(trained: tuple, tmp_path: Path) -> None:
    uri, _, _ = trained
    for name, version in ((MODEL, "99"), ("unknown", "1"), (MODEL, "latest")):
        with pytest.raises(Terminal, match="MLflow"):
            models.promote(uri, name, version)
    nowhere = f"sqlite:///{tmp_path}/mlflow.db"
    with pytest.raises(Terminal, match="voltlake models train"):
        models.promote(nowhere, MODEL, "1")
    assert models.list_models(nowhere) == []
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"this is no database, but long enough to look like one" * 40)
    with pytest.raises((Terminal, Transient), match="MLflow"):
        models.list_models(f"sqlite:///{tmp_path}/mlflow.db")


def dataset(count: int, vehicles: int) -> Dataset:
    values = {name: np.arange(count, dtype=float) for name in ENERGY_V1_FEATURES}
    return Dataset(values, np.arange(count, dtype=float), np.array([f"V{n % vehicles}" for n in range(count)], object), np.arange(count), count)


def test_whole_vehicles_are_held_back_or_with_few_of_them_the_end() -> None:
    many = dataset(100, 10)
    kept = held_back(many.vehicles, many.instants)
    assert (len(set(many.vehicles[kept])), kept.sum()) == (2, 20)
    assert not set(many.vehicles[kept]) & set(many.vehicles[~kept])
    few = dataset(100, 4)
    assert np.flatnonzero(held_back(few.vehicles, few.instants)).tolist() == list(range(80, 100))
    shuffled = np.random.default_rng(0).permutation(100)
    assert set(many.vehicles[shuffled][held_back(many.vehicles[shuffled], many.instants[shuffled])]) == set(many.vehicles[kept])


def test_too_few_minutes_are_not_a_model() -> None:
    with pytest.raises(Terminal, match="at least 10 are needed"):
        fit(dataset(9, 3))
    assert fit(dataset(10, 3)).metrics["rows_held_back"] == 2


def test_a_feature_that_no_row_has_does_not_stop_the_training() -> None:
    size = 60
    features = {"speed_kmh": np.linspace(1, 90, size), "hvac_w": np.full(size, np.nan)}
    vehicles = np.array([f"V-{number % 6}" for number in range(size)])
    dataset = Dataset(features=features, label=np.linspace(100, 200, size), vehicles=vehicles, instants=np.arange(size), minutes=size)
    fitted = fit(dataset)
    assert fitted.metrics["rows_train"] > 0
    assert np.isfinite(fitted.model.predict(pd.DataFrame({"speed_kmh": [50.0, 50.0], "hvac_w": [np.nan, 900.0]}))).all()
