"""Scoring in the live flow: rows with their windows in, encoded scores out, by a champion of MLflow's registry."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.ensemble import HistGradientBoostingRegressor

from bench.feature_store.online import made
from contracts.codec import encode
from contracts.events import Score
from features import registry
from features.scoring import Champion
from features.transforms import ENERGY_V1_FEATURES, ENERGY_V1_WINDOWS, SCORABLE, SCORABLE_WINDOWS

MODEL = "bench"
BATCH, BATCHES = 500, 200
Figures = dict[str, tuple[float | int | None, str]]


def measure(folder: Path) -> Figures:
    """Events a CPU second, in the batches of a busy live flow."""
    folder.mkdir(parents=True)
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    names = [*ENERGY_V1_FEATURES, *ENERGY_V1_WINDOWS]
    random = np.random.default_rng(3)
    learned = pd.DataFrame(random.normal(50, 20, (4000, len(names))), columns=names)
    label = learned["speed_mean_kmh_5m"] * 2 + random.normal(0, 5, len(learned))
    model = HistGradientBoostingRegressor(max_iter=200, max_leaf_nodes=15, loss="absolute_error", random_state=0).fit(learned, label)
    version = registry.log(uri, MODEL, model, learned.head(20), {"params": {}, "metrics": {}, "tags": {}})
    registry.promote(uri, MODEL, version)
    champion = Champion(uri, MODEL, features=SCORABLE)
    champion.look()
    rows = made(BATCH)
    for name in SCORABLE_WINDOWS:
        rows = rows.append_column(name, pa.array(random.normal(50, 20, BATCH)))
    _score(champion, rows)
    began = time.process_time()
    for _ in range(BATCHES):
        _score(champion, rows)
    return {
        "scoring_per_core": (round(BATCH * BATCHES / (time.process_time() - began)), "events a CPU second, 36 features, 200 trees, score encoded")
    }


def _score(champion: Champion, rows: pa.Table) -> list[bytes]:
    """As the live flow does it."""
    scored = champion.score(rows)
    assert scored is not None, "the champion must score"
    version, values = scored
    times = rows["event_ts"].cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.int64()).to_pylist()
    return [
        encode(Score(model=MODEL, version=version, vehicle_id=vehicle, event_ts=ts, value=value, unit="Wh/km"))
        for vehicle, ts, value in zip(rows["vehicle_id"].to_pylist(), times, values.tolist(), strict=True)
    ]
