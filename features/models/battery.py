"""The estimator of `battery_fault_v1`: how sure one may be that a cell is faulty, 0 to 1. Trees that can only rise with what is bad."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingClassifier

from features.cells import FEATURES

RISING = {"below": 1, "apart": 1, "gap_below": 1, "low_share": 1, "below_long": 1, "sinking_long": 1}
INPUTS = tuple(name for name in FEATURES if name not in ("above", "spread_mv", "hot"))
"""What is common to the pack says nothing of one cell; and a simulated pack is quieter than a real one."""
MOST_SPREADS = 60.0


class CellFault(RegressorMixin, BaseEstimator):
    """Predicts the score of each row (a cell and hour)."""

    def __init__(self, learning_rate: float = 0.08, max_iter: int = 150, max_leaf_nodes: int = 15, l2: float = 1.0) -> None:
        """Parameters of the histogram trees."""
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.l2 = l2

    def fit(self, inputs: pd.DataFrame, faulty: np.ndarray, weights: np.ndarray) -> "CellFault":
        """Fit on rows whose label is sure; a row counts with its weight."""
        self.n_features_in_ = len(INPUTS)
        self.feature_names_in_ = np.array(INPUTS, object)
        self.trees_ = HistGradientBoostingClassifier(
            learning_rate=self.learning_rate,
            max_iter=self.max_iter,
            max_leaf_nodes=self.max_leaf_nodes,
            l2_regularization=self.l2,
            min_samples_leaf=50,
            monotonic_cst=[RISING.get(name, 0) for name in INPUTS],
            early_stopping=False,
            random_state=0,
        ).fit(_matrix(inputs), faulty, sample_weight=weights)
        return self

    def predict(self, inputs: pd.DataFrame) -> np.ndarray:
        """Score of each row, 0 to 1."""
        return np.asarray(self.trees_.predict_proba(_matrix(inputs))[:, 1])


def _matrix(inputs: pd.DataFrame) -> np.ndarray:
    return np.clip(inputs[list(INPUTS)].to_numpy(float), -MOST_SPREADS, MOST_SPREADS)
