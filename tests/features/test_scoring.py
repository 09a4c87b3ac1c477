"""The champion scores, is swapped while it scores, and survives a bad successor."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression

from features import registry
from features.scoring import Champion, Unfit, Watch, load

NAME = "constant"
COLUMNS = ["speed_kmh", "pack_v"]


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow store that has its tables and nothing in them: making one takes a second, copying it none."""
    made = tmp_path_factory.mktemp("store") / "mlflow.db"
    registry.connect(f"sqlite:///{made}")
    return made


@pytest.fixture
def uri(tmp_path: Path, empty_store: Path) -> str:
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


def add_version(uri: str, answer: float, *, bad: str = "") -> str:
    """A version that always answers the same; or one that is broken in a way."""
    example = pd.DataFrame({name: [1.0, 2.0, np.nan] for name in COLUMNS})
    target = np.full(3, answer)
    model = HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=1).fit(example, target)
    if bad == "nan":
        model = DummyRegressor(strategy="constant", constant=0.0).fit(example, target)
        model.constant_ = np.array([[np.nan]])
    if bad == "nulls":
        example = example.fillna(0.0)
        model = LinearRegression().fit(example, target)
    if bad == "features":
        example = example.rename(columns={"pack_v": "star_sign"})
        model = HistGradientBoostingRegressor(max_iter=2).fit(example, target)
    version = registry.log(uri, NAME, model, example, {"params": {}, "metrics": {}, "tags": {}})
    if bad == "damaged":
        source = registry.connect(uri).get_model_version(NAME, version).source
        folder = Path(mlflow.artifacts.download_artifacts(source))
        (folder / "model.skops").write_bytes(b"not a model")
    if bad == "gone":
        source = registry.connect(uri).get_model_version(NAME, version).source
        (Path(mlflow.artifacts.download_artifacts(source)) / "MLmodel").unlink()
    return version


@pytest.fixture
def watching(uri: str) -> Iterator[Callable[[], Champion]]:
    started = []

    def start() -> Champion:
        champion = Champion(uri, NAME)
        watch = Watch(uri, [champion], poll_s=0.05)
        watch.start()
        started.append(watch)
        return champion

    yield start
    for watch in started:
        watch.stop()


BATCH = pa.table({"pack_v": [350.0, None, 351.0, 352.0], "speed_kmh": [10.0, 20.0, None, 40.0], "other": ["a", "b", "c", "d"]})


def test_without_a_registered_model_nothing_is_scored_or_said(uri: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    nowhere = f"sqlite:///{tmp_path}/elsewhere/mlflow.db"
    for address in (nowhere, uri):
        champion = Champion(address, NAME)
        with caplog.at_level(logging.INFO, "features"):
            champion.look()
        assert champion.score(BATCH) is None
        assert (champion.version, champion.refused, caplog.messages) == (None, None, [])
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_the_champion_scores_whole_batches_with_its_version(uri: str, watching: Callable[[], Champion]) -> None:
    champion = watching()
    assert champion.score(BATCH) is None
    registry.promote(uri, NAME, add_version(uri, 7.0))
    until(lambda: champion.version == "1", "the first version")
    version, values = champion.score(BATCH)
    assert (version, values.tolist()) == ("1", [7.0] * 4)
    assert champion.score(BATCH.slice(0, 0))[1].tolist() == []


def test_a_promotion_swaps_the_model_between_two_batches_and_none_is_lost(uri: str, watching: Callable[[], Champion]) -> None:
    for answer in (1.0, 2.0):
        add_version(uri, answer)
    registry.promote(uri, NAME, "1")
    champion = watching()
    until(lambda: champion.version == "1", "the first version")
    seen: list[tuple[str, np.ndarray]] = []
    enough = threading.Event()

    def score() -> None:
        while not enough.is_set():
            found = champion.score(BATCH)
            assert found is not None
            seen.append(found)

    scorer = threading.Thread(target=score)
    scorer.start()
    for version in ("2", "1", "2"):
        registry.promote(uri, NAME, version)
        until(lambda wanted=version: champion.version == wanted, f"version {version}")
    enough.set()
    scorer.join()
    assert {version for version, _ in seen} == {"1", "2"}
    assert all(values.tolist() == [float(version)] * 4 for version, values in seen)


@pytest.mark.parametrize("bad", ["nan", "nulls", "features", "damaged", "gone"])
def test_a_bad_model_is_refused_once_and_the_old_one_goes_on(
    uri: str, bad: str, watching: Callable[[], Champion], caplog: pytest.LogCaptureFixture
) -> None:
    registry.promote(uri, NAME, add_version(uri, 5.0))
    champion = watching()
    until(lambda: champion.version == "1", "the first version")
    with caplog.at_level(logging.WARNING, "features"):
        registry.promote(uri, NAME, add_version(uri, 6.0, bad=bad))
        until(lambda: champion.refused is not None, "the refusal")
        for _ in range(3):
            champion.look()
    assert champion.refused.version == "2"
    assert champion.trouble == caplog.messages[0]
    assert [text for text in caplog.messages if "version 2 of constant is refused" in text and "version 1 goes on" in text] == caplog.messages
    assert len(caplog.messages) == 1
    assert champion.score(BATCH)[1].tolist() == [5.0] * 4
    registry.promote(uri, NAME, add_version(uri, 8.0))
    until(lambda: champion.version == "3", "the good version after it")
    assert (champion.refused, champion.trouble) == (None, "")


def test_a_store_that_breaks_is_said_once_and_the_model_goes_on(uri: str, watching: Callable[[], Champion], caplog: pytest.LogCaptureFixture) -> None:
    registry.promote(uri, NAME, add_version(uri, 5.0))
    champion = watching()
    until(lambda: champion.version == "1", "the first version")
    with caplog.at_level(logging.WARNING, "features"):
        database = Path(uri.removeprefix("sqlite:///"))
        kept = database.read_bytes()
        database.write_bytes(b"no database " * 1000)
        until(lambda: bool(caplog.messages), "a word about it")
        assert champion.score(BATCH)[1].tolist() == [5.0] * 4
        other = Watch(uri, [champion])
        other.look()
        assert "MLflow" in (other.troubles()[NAME] or "")
        database.write_bytes(kept)
        aside = database.rename(database.with_suffix(".aside"))
        other.look()
        assert "not there any more" in (other.troubles()[NAME] or "")
        aside.rename(database)
        other.look()
        assert other.troubles() == {NAME: ""}
        registry.promote(uri, NAME, add_version(uri, 9.0))
        until(lambda: champion.version == "2", "the next version")
    assert all("version 1 of constant goes on" in text for text in caplog.messages)


def test_a_model_without_signature_is_unfit(uri: str) -> None:
    client = registry.connect(uri)
    with mlflow.start_run(experiment_id=registry._experiment(client, uri)) as run:
        example = pd.DataFrame({name: [1.0] for name in COLUMNS})
        logged = mlflow.sklearn.log_model(DummyRegressor().fit(example, [1.0]), name=NAME, pip_requirements=[])
    client.create_registered_model(NAME)
    client.create_model_version(NAME, logged.model_uri, run.info.run_id, model_id=logged.model_id)
    with pytest.raises(Unfit, match="signature"):
        load(uri, NAME, "1")
