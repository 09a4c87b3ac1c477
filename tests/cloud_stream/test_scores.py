"""Scores reach the lake as they reach Kafka, and a challenger's never under the champion's name."""

from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from prometheus_client import REGISTRY
from sklearn.ensemble import HistGradientBoostingRegressor

from cloud_stream.connectors.score_store import ScoreStore
from cloud_stream.steps.asked import stamped
from cloud_stream.wiring.scores import answered, asking, champions, shadow
from features import registry
from features.models import desk
from features.models.battery import INPUTS, CellFault
from features.models.desk import TASKS
from features.scoring import Champion, Watch
from features.served import BATTERY_FAULT, ENERGY_PER_KM, SERVED
from features.transforms import SCORABLE
from lakehouse import reader, writer
from lakehouse.positions import Position, Source

MODEL, SHADOW = ENERGY_PER_KM.name, shadow(ENERGY_PER_KM.name)
COLUMNS = ["speed_kmh", "soc_pct", "ambient_c"]
ROWS = pa.table(
    {
        "vehicle_id": ["V-1", "V-2"],
        "event_ts": pa.array([1_700_000_000_000_000, 1_700_000_060_000_000], pa.timestamp("us", tz="UTC")),
        **{name: pa.array([50.0, None], pa.float64()) for name in SCORABLE},
    }
)


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with a champion and a challenger."""
    place = f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(50, 10, (200, 3)), columns=COLUMNS)
    for weight in (1.0, 2.0):
        model = HistGradientBoostingRegressor(max_iter=30, random_state=0).fit(frame, frame["speed_kmh"] * weight)
        registry.log(place, MODEL, model, frame.head(5), {"params": {}, "metrics": {}, "tags": {}})
    registry.promote(place, MODEL, "1")
    desk.shadow(place, MODEL, "2")
    return place


def test_both_score_each_frame_and_neither_under_the_others_name(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watch, "start", Watch.look)
    found = stamped(asking(uri)(MODEL, ROWS), ROWS, ENERGY_PER_KM.unit)
    assert [(one.model, one.version, one.vehicle_id) for one in found] == [
        *((MODEL, "1", vehicle) for vehicle in ("V-1", "V-2")),
        *((SHADOW, "2", vehicle) for vehicle in ("V-1", "V-2")),
    ]
    assert found[0].event_ts == 1_700_000_000_000
    assert found[2].value == pytest.approx(2 * found[0].value, rel=0.05)
    assert REGISTRY.get_sample_value("flow_live_model_version", {"model": MODEL}) == 1
    assert REGISTRY.get_sample_value("flow_live_model_refused", {"model": SHADOW}) == 0
    assert asking("")(MODEL, ROWS) == [], "without MLflow the flow goes on without scores"
    quiet = [answered(label, one, ROWS) for label, one in champions(uri).items() if label not in (MODEL, SHADOW)]
    assert not any(quiet), "a model that nobody trained yet scores nothing, and says nothing"
    assert {one.name: one.unit for one in SERVED if one.name in TASKS} == {
        name: task.UNIT for name, task in TASKS.items() if name in {one.name for one in SERVED}
    }


def test_trees_asked_directly_answer_as_mlflow_does(uri: str) -> None:
    import mlflow

    registry.connect(uri)
    plain = mlflow.pyfunc.load_model(f"models:/{MODEL}/1")
    champion = Champion(uri, MODEL, features=SCORABLE)
    champion.look()
    assert champion._loaded is not None
    assert champion._loaded.trees
    random = np.random.default_rng(1)
    table = pa.table({name: random.normal(50, 10, 300) for name in SCORABLE})
    scored = champion.score(table)
    assert scored is not None
    assert np.array_equal(scored[1], plain.predict(table.select(COLUMNS).to_pandas()))


def test_scores_are_kept_in_gold(uri: str, tmp_path: Path) -> None:
    lake = str(tmp_path)
    writer.ensure(lake, ["gold.scores"])
    store = ScoreStore(lake, {})
    store.append([])
    assert reader.count(lake, "gold.scores") == 0
    champion = Champion(uri, MODEL, features=SCORABLE)
    champion.look()
    made = stamped(answered(MODEL, champion, ROWS), ROWS, ENERGY_PER_KM.unit)
    placed = [(int(score.vehicle_id[-1]), score) for score in made]
    store.append(placed)
    rows = reader.arrow(lake, "gold.scores").to_pylist()
    assert sorted((row["vehicle_id"], row["version"], row["value"], row["partition"], row["date"]) for row in rows) == sorted(
        (one.vehicle_id, one.version, one.value, int(one.vehicle_id[-1]), "2023-11-14") for one in made
    )
    begun = {Source("c", "t", partition): Position(7, 1_700_000_000_000) for partition in (1, 2)}
    again = ScoreStore(lake, begun)
    later = msgspec.structs.replace(made[0], event_ts=made[0].event_ts + 1)
    again.append([*placed, (1, later)])
    assert reader.count(lake, "gold.scores") == len(made) + 1, "what a flow makes again after a crash is passed over"


def test_the_battery_model_answers_a_row_a_cell_and_one_of_other_columns_is_refused(uri: str) -> None:
    random = np.random.default_rng(2)
    cells = pd.DataFrame(random.normal(0, 1, (400, len(INPUTS))), columns=list(INPUTS))
    others = cells.rename(columns={"below": "star_sign"})
    champion = champions(uri)[BATTERY_FAULT.name]
    fine = CellFault(max_iter=5).fit(cells, (cells["below"] > 1).to_numpy(), np.ones(400))
    for model, example in ((fine, cells), (HistGradientBoostingRegressor(max_iter=2).fit(others, others["star_sign"]), others)):
        version = registry.log(uri, BATTERY_FAULT.name, model, example.head(3), {"params": {}, "metrics": {}, "tags": {}})
        registry.promote(uri, BATTERY_FAULT.name, version)
        champion.look()
    assert champion.version == "1"
    assert champion.refused is not None
    assert "star_sign" in champion.refused.reason
    answers = answered(BATTERY_FAULT.name, champion, pa.table({name: random.normal(0, 1, 96) for name in BATTERY_FAULT.inputs}))
    assert np.array_equal(answers[0].values, answers[0].values.clip(0, 1))
    assert answers[0].values.shape == (96,)
