"""`voltlake models`: from a folder of recordings to a champion that is judged on another folder, and promoted only where it is better."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from cloud_stream.wiring.scores import answered, champions
from contracts.errors import Terminal
from features import registry
from features.served import CHARGING
from tests.voltlake import made_recordings as made
from voltlake.commands.models import app
from voltlake.training import desk
from voltlake.training.desk import store
from voltlake.training.gather import Amount


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    made.drives(folder, range(1, 17))
    made.cars(folder)
    made.sessions(folder)
    return folder


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other drives and other sites, of the same columns."""
    folder = tmp_path_factory.mktemp("others")
    made.drives(folder, range(21, 27), seed=5)
    made.cars(folder, weak=17, cells=30)
    made.sessions(folder, 400, seed=9)
    return folder


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory, recordings: Path) -> Path:
    """A state folder without any stack, with two models trained: one champion each."""
    folder = tmp_path_factory.mktemp("state")
    for name, amount in (("energy_v1", Amount(4, 0.25)), ("charging_v1", None)):
        said: list[str] = []
        trained = desk.train(name, recordings, folder, said.append, amount)
        assert trained.champion
        assert said
    return folder


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def figures(path: Path) -> dict[str, float]:
    return {key: figure["value"] for key, figure in json.loads(path.read_bytes())["figures"].items()}


def test_the_champion_is_judged_on_what_it_never_saw_by_the_keys_of_the_report(state: Path, recordings: Path, others: Path, tmp_path: Path) -> None:
    for folder, drives in ((recordings, 4), (others, 6)):
        done = run("evaluate", "energy_v1", "--data", str(folder), "--state", str(state), "--json", str(tmp_path / "energy.json"))
        assert done.exit_code == 0, done.output
        found = figures(tmp_path / "energy.json")
        assert found["energy_drives"] == drives, "the training part is left out, another folder is judged whole"
        assert found["energy_mape_pct"] < 7
    assert run("evaluate", "charging_v1", "--data", str(others), "--state", str(state), "--json", str(tmp_path / "c.json")).exit_code == 0
    found = figures(tmp_path / "c.json")
    assert found["charging_sessions"] >= 390, "none of them was learnt from"
    assert found["charging_mae_kwh"] < 0.8 * found["charging_baseline_mae_kwh"]


def test_what_was_trained_into_a_state_scores_in_its_live_flow(state: Path) -> None:
    champion = champions(store(state))["charging_v1"]
    champion.look()
    assert (champion.version, champion.refused) == ("1", None)
    unknown = pa.table({name: np.full(2, np.nan) for name in CHARGING.inputs}).set_column(0, "hour", pa.array([8.0, 18.0]))
    answers = answered("charging_v1", champion, unknown)
    assert [answer.version for answer in answers] == ["1"]
    assert (answers[0].values > 0).all()


def test_judging_fits_nothing(state: Path, others: Path) -> None:
    first, again = (desk.evaluate("charging_v1", others, state, lambda _text: None).figures for _ in range(2))
    assert first == again
    assert len(registry.versions(store(state), "charging_v1")) == 1


def test_a_version_tells_where_it_comes_from(state: Path) -> None:
    version = registry.versions(store(state), "energy_v1")[0]
    assert version.aliases == ["champion"]
    assert version.tags["feature_service"] == "energy_v1_drives"
    assert {"delta_version.saved.drives", "git_commit", "held_back"} <= version.tags.keys()
    assert version.metrics["energy_left_out_mape_pct"] > 0
    logged = {one.path for one in registry.connect(store(state)).list_artifacts(version.run_id, "plots")}
    assert logged == {"plots/residuals.png", "plots/calibration.png", "plots/importance.png"}
    card = run("card", "energy_v1", "--state", str(state)).output
    assert card.startswith("# energy_v1")
    assert "energy_mape_pct" in card
    assert "Wh/km" in run("list", "--state", str(state), "--json").output


def test_only_what_beats_the_champion_on_the_same_records_is_promoted(state: Path, recordings: Path) -> None:
    said: list[str] = []
    again = desk.train("energy_v1", recordings, state, said.append, Amount(4, 0.25))
    assert (again.version, again.champion, again.beats) == ("2", False, False), "the same again is not better"
    assert any("same held-back records" in text for text in said)
    refused = run("promote", "energy_v1", "2", "--state", str(state))
    assert isinstance(refused.exception, Terminal)
    assert "does not beat version 1" in str(refused.exception)
    assert run("promote", "energy_v1", "2", "--state", str(state), "--shadow").exit_code == 0
    assert run("promote", "energy_v1", "2", "--state", str(state), "--force").exit_code == 0
    assert registry.versions(store(state), "energy_v1")[0].aliases == ["challenger", "champion"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "energy_v1"], "--data ../shared/data"),
        (["train", "star_sign", "--data", "."], "there is no model 'star_sign'"),
        (["train", "energy_v1", "--data", "nowhere"], "there is no folder nowhere"),
        (["train", "charging_v1", "--data", "EMPTY"], "there are no sessions in"),
        (["evaluate", "battery_fault_v1", "--data", "RECORDINGS"], "no champion of battery_fault_v1"),
        (["promote", "energy_v1", "77"], "MLflow"),
        (["card", "energy_v1", "--version", "77"], "no version 77"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(words: list[str], says: str, state: Path, recordings: Path, tmp_path: Path) -> None:
    named = {"EMPTY": str(tmp_path), "RECORDINGS": str(recordings)}
    done = run(*(named.get(word, word) for word in words), "--state", str(state))
    assert isinstance(done.exception, Terminal), done.output
    assert says in str(done.exception)
