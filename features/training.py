"""The model `energy_per_km`: Wh/km of the next minute of driving, from the live features at its start. Fitting and judging, no input or output."""

import zlib
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from contracts.errors import Terminal
from features.datasets import Dataset

MODEL = "energy_per_km"
UNIT = "Wh/km"
PARAMETERS: dict[str, float | int | str | bool] = {
    "loss": "absolute_error",  # a minute behind a lorry or down a hill is far off and says little of the others
    "learning_rate": 0.08,
    "max_iter": 200,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 10,
    "l2_regularization": 1.0,
    "early_stopping": False,
    "random_state": 0,
}
LEAST_ROWS = 10
VEHICLES_TO_SPLIT = 5
HELD_BACK = 0.2


class Fitted(NamedTuple):
    """A model, what it was fitted on and how it did on rows that it never saw."""

    model: HistGradientBoostingRegressor
    example: pd.DataFrame
    metrics: dict[str, float]


def held_back(vehicles: np.ndarray, instants: np.ndarray) -> np.ndarray:
    """Which rows are kept for judging: whole vehicles, a fifth of them, by a stable hash; with fewer than five vehicles the last fifth in time.

    Whole vehicles, since minutes of one drive are alike, and a model could know them by heart.
    """
    names = sorted(set(vehicles), key=lambda name: (zlib.crc32(str(name).encode()), name))
    if len(names) >= VEHICLES_TO_SPLIT:
        return np.isin(vehicles, names[: round(len(names) * HELD_BACK)])
    order = np.argsort(instants, kind="stable")
    kept = np.zeros(len(instants), bool)
    kept[order[len(order) - max(1, round(len(order) * HELD_BACK)) :]] = True
    return kept


def fit(dataset: Dataset) -> Fitted:
    """Fit on the rows that are not held back and judge on those that are. Raises Terminal where there are too few."""
    rows = pd.DataFrame(dataset.features)
    if len(rows) < LEAST_ROWS:
        raise Terminal(
            f"{dataset.minutes} driven minutes, {len(rows)} of them with live features at their start: at least {LEAST_ROWS} are needed; "
            "let the simulator run for two minutes more"
        )
    kept = held_back(dataset.vehicles, dataset.instants)
    model = HistGradientBoostingRegressor(**PARAMETERS).fit(_learnable(rows[~kept]), dataset.label[~kept])
    return Fitted(model, rows[~kept].head(20).reset_index(drop=True), _judge(model, rows, dataset.label, kept))


def _learnable(rows: pd.DataFrame) -> pd.DataFrame:
    """A feature that is null in every row teaches nothing; the library's binning still needs one value in it."""
    return rows.fillna({name: 0.0 for name in rows if rows[name].isna().all()})


def _judge(model: HistGradientBoostingRegressor, rows: pd.DataFrame, label: np.ndarray, kept: np.ndarray) -> dict[str, float]:
    """Errors in Wh/km on the held-back rows; the baseline answers with the median of the others."""
    off = model.predict(rows[kept]) - label[kept]
    baseline = np.median(label[~kept]) - label[kept]
    return {
        "mae_wh_per_km": float(np.mean(np.abs(off))),
        "rmse_wh_per_km": float(np.sqrt(np.mean(off**2))),
        "bias_wh_per_km": float(np.mean(off)),
        "baseline_mae_wh_per_km": float(np.mean(np.abs(baseline))),
        "rows_train": float(np.sum(~kept)),
        "rows_held_back": float(np.sum(kept)),
    }
