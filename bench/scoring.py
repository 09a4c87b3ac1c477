"""Scoring in the live flow, events a second on one core: live rows with windows beside them in, encoded scores out."""

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.ensemble import HistGradientBoostingRegressor

from cloud_stream.steps.asked import stamped
from cloud_stream.wiring.scores import answered
from contracts.codec import encode
from features import registry
from features.scoring import Champion
from features.served import ENERGY_PER_KM
from features.training import PARAMETERS
from features.transforms import ENERGY_V1_FEATURES, ENERGY_V1_WINDOWS, SCORABLE

BATCH = 500
SECONDS = 5.0


def scoring_per_core(seconds: float = SECONDS, batch: int = BATCH) -> float:
    """Events a second through the champion: columns of the live table, trees, and encoded scores."""
    random = np.random.default_rng(0)
    columns = [*ENERGY_V1_FEATURES, *ENERGY_V1_WINDOWS]
    frame = pd.DataFrame(random.normal(size=(3000, len(columns))), columns=columns)
    model = HistGradientBoostingRegressor(**PARAMETERS).fit(frame, frame.iloc[:, :5].sum(axis=1))
    rows = pa.table(
        {
            "vehicle_id": [f"BENCH-{number:05d}" for number in range(batch)],
            "event_ts": pa.array(np.arange(batch) * 1_000_000, pa.timestamp("us", tz="UTC")),
            **{name: random.normal(size=batch) for name in SCORABLE},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{Path(folder) / 'mlflow.db'}"
        registry.promote(
            uri, ENERGY_PER_KM.name, registry.log(uri, ENERGY_PER_KM.name, model, frame.head(20), {"params": {}, "metrics": {}, "tags": {}})
        )
        champion = Champion(uri, ENERGY_PER_KM.name, SCORABLE)
        champion.look()
        done, started, busy = 0, time.monotonic(), time.process_time()
        while time.monotonic() - started < seconds:
            done += len([encode(score) for score in stamped(answered(ENERGY_PER_KM.name, champion, rows), rows, ENERGY_PER_KM.unit)])
        return done / (time.process_time() - busy)


if __name__ == "__main__":
    print(f"scoring_per_core {scoring_per_core():.0f} events/s")
