"""`energy_v1`: what it learns from, how it is fitted and judged. Nothing is fitted while judging."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from contracts.errors import Terminal
from features.drives import CLIMATE
from features.models.energy import INPUTS, Sample, TripEnergy
from features.models.fitted import Fitted, Goal, Seen, permuted
from features.models.trips import LEG, REST, WHOLE
from features.recorded import DRIVES_TABLE, ENERGY_SERVICE, PASTS_TABLE

NAME, SERVICE, TABLES = "energy_v1", ENERGY_SERVICE, (DRIVES_TABLE, PASTS_TABLE)
GOAL = Goal("energy_mape_pct", "%")
UNIT = "Wh/km"
SAID = (
    "Wh/km of a drive from its speed and height profile, the air, the cabin, the recorded climate where there is one, the state at the start and the "
    "vehicle's past; never from the battery's readings of that drive. `interval` gives the bounds of 80 % of drives; energy left over Wh/km is "
    "the remaining range, over the bounds its interval."
)
LEAST_DRIVES = 3


def fit(frame: pd.DataFrame, progress: Callable[[str], None]) -> Fitted:
    """Fit on simulated drives and on the training part of the recorded ones, judge on the recorded test part. Raises Terminal: too few drives."""
    recorded = frame[frame["origin"] == "recorded"]
    learnt = recorded[recorded["part"] == "train"]
    trips = sorted(set(learnt["trip_id"]))
    if len(trips) < LEAST_DRIVES or not (recorded["part"] == "test").any():
        raise Terminal(f"{len(trips)} recorded drives to learn from: at least {LEAST_DRIVES} are needed, and one whose number is divisible by 4")
    simulated = frame[(frame["origin"] == "simulated") & (frame["part"] == "train")]
    progress(f"fitting on {len(trips)} recorded drives and {simulated['trip_id'].nunique()} simulated ones")
    model = _fitted(pd.concat([simulated, learnt]))
    missed, loo = _left_out(model, learnt, trips, progress)
    model.calibrate(missed["missed"].to_numpy(), missed["distance_km"].to_numpy(), np.ones(len(missed)))
    model.plain_ = _plain_fit(learnt)
    model.trained_on_ = trips
    figures, seen = judge(model, recorded)
    figures["energy_left_out_mape_pct"] = (loo, "%, each training drive by a fit without it")
    held = frame[(frame["origin"] == "simulated") & (frame["part"] == "test") & (frame["kind"] == WHOLE)]
    if len(held):
        figures["energy_simulated_mape_pct"] = (_mape(model.predict(held), held["wh_per_km"].to_numpy()), "%, simulated vehicles held back")
    example = learnt[learnt["kind"] == WHOLE][list(INPUTS)].head(5).reset_index(drop=True)
    test = recorded[(recorded["part"] == "test") & (recorded["kind"] == WHOLE)].reset_index(drop=True)
    importance = permuted(model.predict, test[list(INPUTS)], test["wh_per_km"].to_numpy(), [name for name in INPUTS if name != "car_model"])
    params = {**model.get_params(), "recorded_drives": len(trips), "simulated_drives": int(simulated["trip_id"].nunique())}
    return Fitted(model, example, params, figures, seen, importance, trips, SAID)


def held(model: TripEnergy, frame: pd.DataFrame) -> float:
    """The goal's figure of any version on the recorded test part of a frame."""
    return judge(model, frame[frame["part"] == "test"])[0][GOAL.key][0]


def judge(model: TripEnergy, frame: pd.DataFrame) -> tuple[dict[str, tuple[float, str]], Seen]:
    """Figures on recorded drives that the model never saw, without those that cannot be; remaining range at four instants of each.

    `physics_wh_per_km` of the frame is the physics model's answer. Raises Terminal where no such drive is left.
    """
    unseen = frame[~frame["trip_id"].isin(model.trained_on_) & (frame["part"] != "apart") & (frame["origin"] == "recorded")]
    whole = unseen[unseen["kind"] == WHOLE]
    if not len(whole):
        raise Terminal("the model was trained on all of these drives: give others to judge it by")
    truth = whole["wh_per_km"].to_numpy()
    predicted, (low, high) = model.predict(whole), model.interval(whole)
    blind = whole.assign(climate_known=0.0, **dict.fromkeys(CLIMATE, 0.0))
    instants = unseen[unseen["kind"].isin((WHOLE, REST))]
    bounds = model.interval(instants)
    inside = (instants["wh_per_km"].to_numpy() >= bounds[0]) & (instants["wh_per_km"].to_numpy() <= bounds[1])
    physics, plain = _mape(whole["physics_wh_per_km"].to_numpy(), truth), _mape(_plain(model.plain_, whole), truth)
    figures = {
        GOAL.key: (_mape(predicted, truth), "%"),
        "energy_baseline_mape_pct": (float(np.nanmin([physics, plain])), "%, the better of physics and plain regression"),
        "energy_physics_mape_pct": (physics, "%, the simulator's physics with the same records"),
        "energy_regression_mape_pct": (plain, "%, ridge on speed, stops, climb, air and distance"),
        "energy_without_climate_mape_pct": (_mape(model.predict(blind), truth), "%, heating and cooling from the air and the cabin alone"),
        "energy_interval_coverage_pct": (float(inside.mean()) * 100, "% of instants of which the remaining range lay within its 80 % interval"),
        "energy_interval_half_width_pct": (float(np.mean(bounds[1] / model.predict(instants) - 1)) * 100, "%"),
        "energy_drives": (len(whole), "drives"),
        "energy_instants": (len(instants), "instants"),
    }
    return figures, Seen(truth, predicted, low, high)


def _mape(predicted: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean(np.abs(predicted / truth - 1))) * 100


def _sample(frame: pd.DataFrame) -> Sample:
    rows = frame[frame["kind"].isin((WHOLE, LEG))]
    inputs = rows[list(INPUTS)].reset_index(drop=True)
    return Sample(inputs, rows["wh_per_km"].to_numpy(), (rows["kind"] == WHOLE).to_numpy(), rows["trip_id"].to_numpy())


def _fitted(frame: pd.DataFrame) -> TripEnergy:
    rows = frame[frame["kind"].isin((WHOLE, LEG))]
    return TripEnergy().fit(_sample(frame), (rows["origin"] == "recorded").to_numpy())


def _left_out(model: TripEnergy, learnt: pd.DataFrame, trips: list[str], progress: Callable[[str], None]) -> tuple[pd.DataFrame, float]:
    """Log errors of whole drives and of what is left of them, each by a fit on the other drives; and the error of the whole ones in percent."""
    found = []
    progress(f"judging each of {len(trips)} drives by a fit on the others")
    for trip in trips:
        other = _fitted(learnt[learnt["trip_id"] != trip])
        other.common_, other.guessed_ = model.common_, model.guessed_
        own = learnt[(learnt["trip_id"] == trip) & learnt["kind"].isin((WHOLE, REST))]
        found.append(own.assign(missed=np.log(other.predict(own) / own["wh_per_km"].to_numpy())))
    rows = pd.concat(found)
    return rows, float(np.mean(np.abs(np.expm1(rows[rows["kind"] == WHOLE]["missed"])))) * 100


_PLAIN = ("mean_kmh", "speed_spread_kmh", "stop_share", "climb_m_per_km", "air_c", "distance_km")


_LEAN = 1.0


def _plain_fit(learnt: pd.DataFrame) -> np.ndarray:
    """A ridge regression: weights of the standardised columns, their means and spreads, and the mean label; shape (4, columns)."""
    rows = learnt[learnt["kind"] == WHOLE]
    columns, label = rows[list(_PLAIN)].to_numpy(float), rows["wh_per_km"].to_numpy()
    middle, spread = columns.mean(axis=0), np.maximum(columns.std(axis=0), 1e-9)
    scaled = (columns - middle) / spread
    weights = np.linalg.solve(scaled.T @ scaled + _LEAN * np.eye(len(_PLAIN)), scaled.T @ (label - label.mean()))
    return np.stack([weights, middle, spread, np.full(len(_PLAIN), label.mean())])


def _plain(fitted: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
    weights, middle, spread, label = fitted
    return np.asarray((rows[list(_PLAIN)].to_numpy(float) - middle) / spread @ weights + label[0])
