"""The estimator of `charging_v1`: energy and time that a charging session still needs. Trees for either, by the least absolute error."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor

from features.stays import FEATURES

INPUTS = FEATURES


class ChargingNeed(RegressorMixin, BaseEstimator):
    """Predicts kWh still needed; `minutes` predicts the time that charging still takes."""

    def __init__(self, learning_rate: float = 0.06, max_iter: int = 300, max_leaf_nodes: int = 31, min_samples_leaf: int = 40) -> None:
        """Parameters of the histogram trees."""
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf

    def fit(self, inputs: pd.DataFrame, energy_kwh: np.ndarray, minutes: np.ndarray) -> "ChargingNeed":
        """Fit both. Features may be NaN."""
        self.n_features_in_ = len(INPUTS)
        self.feature_names_in_ = np.array(INPUTS, object)
        matrix = inputs[list(INPUTS)].to_numpy(float)
        matrix[:, np.isnan(matrix).all(axis=0)] = 0.0  # a feature that nobody knows teaches nothing; the binning needs one value in it
        self.energy_, self.minutes_ = (self._trees().fit(matrix, label) for label in (energy_kwh, minutes))
        return self

    def _trees(self) -> HistGradientBoostingRegressor:
        return HistGradientBoostingRegressor(
            loss="absolute_error",
            learning_rate=self.learning_rate,
            max_iter=self.max_iter,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=self.min_samples_leaf,
            max_features=0.5,
            early_stopping=False,
            random_state=0,
        )

    def predict(self, inputs: pd.DataFrame) -> np.ndarray:
        """Energy still needed of each row in kWh, never below 0."""
        return np.maximum(self.energy_.predict(inputs[list(INPUTS)].to_numpy(float)), 0.0)

    def minutes(self, inputs: pd.DataFrame) -> np.ndarray:
        """Minutes of charging still needed of each row, never below 0."""
        return np.maximum(self.minutes_.predict(inputs[list(INPUTS)].to_numpy(float)), 0.0)
