"""What every kind of model gives back when it was fitted, and how good it must be to take another's place."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class Goal(NamedTuple):
    """The figure that decides: its key, its unit, and whether more of it is better."""

    key: str
    unit: str
    more_is_better: bool = False

    def beats(self, candidate: float, champion: float) -> bool:
        """Whether a candidate's figure is better than the champion's. Equal is not better."""
        return candidate > champion if self.more_is_better else candidate < champion


class Seen(NamedTuple):
    """Predictions on held-back rows and what truly was: for plots. `low` and `high` are the interval, where the model has one."""

    truth: np.ndarray
    predicted: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


class Fitted(NamedTuple):
    """A model, what it was fitted with, and how it did on rows that it never saw.

    figures: `{key: (value, unit)}`, the goal's among them. importance: how much worse the goal's error gets without a feature.
    trained_on: names of the records that it saw, so that a judge can leave them out.
    """

    model: Any
    example: pd.DataFrame
    params: dict[str, object]
    figures: dict[str, tuple[float, str]]
    seen: Seen
    importance: dict[str, float]
    trained_on: list[str]
    said: str


def permuted(predict: Any, rows: pd.DataFrame, truth: np.ndarray, names: list[str]) -> dict[str, float]:
    """Permutation importance: by how much the mean absolute error grows where one column is shuffled (seed 0, three times)."""
    usual = float(np.mean(np.abs(predict(rows) - truth)))
    random = np.random.default_rng(0)
    found = {}
    for name in names:
        worse = [np.mean(np.abs(predict(rows.assign(**{name: random.permutation(rows[name].to_numpy())})) - truth)) for _ in range(3)]
        found[name] = float(np.mean(worse)) - usual
    return dict(sorted(found.items(), key=lambda item: -item[1]))
