"""Scores by the champion of the live model, and by a challenger in its shadow, with what Prometheus shows of both."""

from collections.abc import Callable

import pyarrow as pa
from prometheus_client import Gauge

from cloud_stream.steps.live import Predict
from contracts.events import Score
from features import registry
from features.scoring import Champion
from features.transforms import SCORABLE

MODEL = "energy_per_km"
UNIT = "Wh/km"
SHADOW = f"{MODEL}/{registry.CHALLENGER}"
"""The name under which a challenger's scores travel: no rule takes them for the champion's."""


def predictor(mlflow: str, champion_of: Callable[..., Champion] = Champion) -> Predict:
    """Scores by both; none where MLflow is not configured or no version has the alias."""
    if not mlflow:
        return lambda _rows: []
    both = {
        MODEL: champion_of(mlflow, MODEL, features=SCORABLE),
        SHADOW: champion_of(mlflow, MODEL, features=SCORABLE, alias=registry.CHALLENGER),
    }
    _shown(both)
    for one in both.values():
        one.start()
    return lambda rows: [score for name, one in both.items() for score in scores(name, one, rows)]


def scores(name: str, one: Champion, rows: pa.Table) -> list[Score]:
    """One score a row, stamped with the version; none where no version is loaded or it fails on this batch."""
    scored = one.score(rows)
    if scored is None:
        return []
    version, values = scored
    times = rows["event_ts"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).to_pylist()
    return [
        Score(model=name, version=version, vehicle_id=vehicle, event_ts=ts, value=value, unit=UNIT)
        for vehicle, ts, value in zip(rows["vehicle_id"].to_pylist(), times, values.tolist(), strict=True)
    ]


def _shown(both: dict[str, Champion]) -> None:
    """Operational signals: which version scores, and whether the one that was promoted is refused. Alert on the second."""
    version = Gauge("flow_live_model_version", "version that scores now, 0 where none does", ["model"])
    refused = Gauge("flow_live_model_refused", "1 where the version that has the alias cannot be used", ["model"])
    for name, one in both.items():
        version.labels(name).set_function(lambda one=one: float(one.version or 0))  # type: ignore[misc]
        refused.labels(name).set_function(lambda one=one: float(one.refused is not None))  # type: ignore[misc]
