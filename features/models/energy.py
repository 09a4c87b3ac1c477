"""The estimator of `energy_v1`: Wh/km of a drive with an interval. Terms of the road, weighed by robust regression that leans on a textbook.

Three layers, each leaning on the one above, so that few drives of a car suffice: a textbook's losses; the weights over all cars; and the
weights of one model of car that has recorded drives. Then the vehicle's own past corrects, as far as it has one. The interval is
conformal: what the drives that a fit had not seen missed, by the root of the distance.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import least_squares
from sklearn.base import BaseEstimator, RegressorMixin

from features.drives import CLIMATE, FEATURES, GUESSED, PAST, TERMS, TEXTBOOK

INPUTS = ("car_model", *FEATURES, *PAST)
"""The columns that the estimator reads, in order."""
_SPREAD: dict[str, float] = {
    "traction": 0.05,
    "recovery": 0.05,
    "flow": 0.02,
    "copper": 0.02,
    "spin": 0.002,
    "standby": 150.0,
    "rolling": 0.12,
    "aero": 0.07,
    "tyres_cold": 0.15,
    "heating": 0.15,
    "cooling": 0.15,
}
"""How far from the layer above a weight may reasonably be."""
_GUESSED = {"cold_hours": (60.0, 30.0), "hot_hours": (60.0, 30.0), "soak": (5.0, 5.0)}
"""The same where the climate was not recorded: some 60 W a kelvin from comfort, 5 Wh a kelvin of soaked heat."""
_NAMES = (*TERMS, *CLIMATE)
_LEG_WH, _WHOLE_PCT = 20.0, 4.0
LEVEL = 0.8
NEAR_KM = 5.0


class Sample(NamedTuple):
    """What to learn from: inputs, Wh/km, which rows are whole trips, and which trip each belongs to."""

    inputs: pd.DataFrame
    label: np.ndarray
    whole: np.ndarray
    trip: np.ndarray

    def only(self, chosen: np.ndarray) -> "Sample":
        """Some of the rows."""
        return Sample(self.inputs[chosen].reset_index(drop=True), self.label[chosen], self.whole[chosen], self.trip[chosen])


class TripEnergy(RegressorMixin, BaseEstimator):
    """Predicts Wh/km; `interval` gives the bounds that 80 % of drives stay within."""

    def __init__(self, past_prior: float = 2.0, least_trips: int = 5, weight_of_legs: float = 2.0) -> None:
        """past_prior: trips that the past has to outweigh. least_trips: recorded trips from which a model of car gets weights of its own."""
        self.past_prior = past_prior
        self.least_trips = least_trips
        self.weight_of_legs = weight_of_legs

    def fit(self, sample: Sample, recorded: np.ndarray) -> "TripEnergy":
        """Fit all layers. `recorded` tells the rows of real cars from those of simulated ones."""
        self.n_features_in_ = len(INPUTS)
        self.feature_names_in_ = np.array(INPUTS, object)
        book, spread = np.array([TEXTBOOK[name] for name in _NAMES]), np.array([_SPREAD[name] for name in _NAMES])
        simulated = sample.only(~recorded)
        common = _weighed(simulated, (book, spread), self.weight_of_legs) if len(simulated.label) else book
        self.common_ = common
        self.own_: dict[str, np.ndarray] = {}
        real = sample.only(recorded)
        for name in sorted(set(real.inputs["car_model"])):
            rows = real.only((real.inputs["car_model"] == name).to_numpy())
            if len(set(rows.trip)) >= self.least_trips:
                self.own_[str(name)] = _weighed(rows, (book, spread), self.weight_of_legs)
        self.guessed_ = self._fit_guessed(sample)
        self.usual_past_ = self._usual_pasts(sample)
        self.reach_ = 0.1
        return self

    def _weights(self, inputs: pd.DataFrame) -> np.ndarray:
        return np.stack([self.own_.get(str(name), self.common_) for name in inputs["car_model"]]) if len(inputs) else np.empty((0, len(_NAMES)))

    def _road(self, inputs: pd.DataFrame) -> np.ndarray:
        terms = np.nan_to_num(inputs[list(_NAMES)].to_numpy(float))
        return np.asarray((terms * self._weights(inputs)).sum(axis=1))

    def _fit_guessed(self, sample: Sample) -> np.ndarray:
        """Weights of what stands for the climate, from rows that have its record: they must explain that record."""
        known = sample.inputs["climate_known"].to_numpy(float) > 0
        prior, spread = (np.array([_GUESSED[name][at] for name in GUESSED]) for at in (0, 1))
        if not known.any():
            return prior
        rows = sample.only(known)
        recorded = rows.inputs[list(CLIMATE)].to_numpy(float).sum(axis=1)
        km = rows.inputs["distance_km"].to_numpy(float)
        guess = np.abs(rows.inputs[list(GUESSED)].to_numpy(float))
        scale = km / 100.0

        def residuals(offsets: np.ndarray) -> np.ndarray:
            return np.concatenate([_robust((guess @ (prior + offsets * spread) - recorded) * scale), offsets])

        return np.asarray(prior + least_squares(residuals, np.zeros(len(prior)), xtol=1e-6).x * spread)

    def _usual_pasts(self, sample: Sample) -> dict[str, float]:
        """The mean past of each model of car: what its weights already know."""
        rows = sample.inputs[sample.whole & sample.inputs[PAST[0]].notna().to_numpy()]
        return {str(name): float(part.median()) for name, part in rows.groupby("car_model")[PAST[0]]}

    def predict(self, inputs: pd.DataFrame) -> np.ndarray:
        """Wh/km of each row."""
        road = self._road(inputs)
        known = inputs["climate_known"].to_numpy(float) > 0
        guess = np.abs(np.nan_to_num(inputs[list(GUESSED)].to_numpy(float))) @ self.guessed_
        mean, weight = (inputs[name].to_numpy(float) for name in PAST)
        usual = np.array([self.usual_past_.get(str(name), np.nan) for name in inputs["car_model"]], float)
        off = np.where(np.isfinite(mean) & np.isfinite(usual), mean - usual, 0.0)
        believed = np.nan_to_num(weight) / (np.nan_to_num(weight) + self.past_prior)
        return np.asarray((road + np.where(known, 0.0, guess)) * np.exp(off * believed))

    def calibrate(self, missed: np.ndarray, distance_km: np.ndarray, weights: np.ndarray) -> "TripEnergy":
        """Take the interval from the log errors of drives that a fit had not seen: the weighted quantile of their size, scaled by distance."""
        size = np.abs(missed) / _wider(distance_km)
        order = np.argsort(size)
        share = np.cumsum(weights[order]) / weights.sum()
        self.reach_ = float(size[order][min(int(np.searchsorted(share, LEVEL)), len(size) - 1)])
        return self

    def interval(self, inputs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest Wh/km of each row that 80 % of such drives stay within."""
        reach = np.exp(self.reach_ * _wider(inputs["distance_km"].to_numpy(float)))
        middle = self.predict(inputs)
        return middle / reach, middle * reach

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _wider(distance_km: np.ndarray) -> np.ndarray:
    """A short drive is less sure than a long one."""
    return np.sqrt(1 + NEAR_KM / np.maximum(np.nan_to_num(distance_km, nan=NEAR_KM), 0.3))


def _robust(error: np.ndarray) -> np.ndarray:
    """Residuals whose squares grow like the absolute error beyond 1 (pseudo-Huber)."""
    return np.asarray(np.sign(error) * np.sqrt(2 * (np.sqrt(1 + error * error) - 1)))


def _weighed(rows: Sample, prior: tuple[np.ndarray, np.ndarray], legs: float) -> np.ndarray:
    """Weights of the terms that make robust errors and the distance from the prior least."""
    middle, spread = prior
    terms, km = rows.inputs[list(_NAMES)].to_numpy(float), rows.inputs["distance_km"].to_numpy(float)
    per = np.where(rows.whole, 100 / rows.label / _WHOLE_PCT, km / _LEG_WH * legs)

    def residuals(offsets: np.ndarray) -> np.ndarray:
        return np.concatenate([_robust((terms @ (middle + offsets * spread) - rows.label) * per), offsets])

    return np.asarray(middle + least_squares(residuals, np.zeros(len(middle)), xtol=1e-6).x * spread)
