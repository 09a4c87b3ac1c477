"""`charging_v1`: what it learns from, how it is fitted and judged."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from contracts.errors import Terminal
from features.models.charging import INPUTS, ChargingNeed
from features.models.fitted import Fitted, Goal, Seen, permuted
from features.recorded import CHARGING_SERVICE, STAYS_TABLE
from features.stays import STAY_FEATURES

NAME, SERVICE, TABLES = "charging_v1", CHARGING_SERVICE, (STAYS_TABLE,)
GOAL = Goal("charging_mae_kwh", "kWh")
UNIT = "kWh"
SAID = (
    "Energy and time that a charging session still needs, from when and where it began, how others of late charged there, how long the driver means "
    "to stay (the records have the stay itself) and, later in the session, the meter. Judged as the car plugs in; the moments after it beside that."
)
EARLIER = 0.8
UNTOLD = 0.3
LEAST = 100


def fit(frame: pd.DataFrame, progress: Callable[[str], None]) -> Fitted:
    """Fit on the first 80 % of each site's sessions, judge on the rest. Raises Terminal where there are too few."""
    learnt = frame[frame["share"] < EARLIER]
    if (learnt["elapsed_min"] == 0).sum() < LEAST:
        raise Terminal(f"{(learnt['elapsed_min'] == 0).sum()} sessions to learn from: at least {LEAST} are needed")
    progress(f"fitting energy and time on {len(learnt)} moments of {(learnt['elapsed_min'] == 0).sum()} sessions")
    rows = _some_untold(learnt)
    model = ChargingNeed().fit(rows, learnt["energy_kwh"].to_numpy(), learnt["minutes"].to_numpy())
    begun = learnt[learnt["elapsed_min"] == 0]
    model.trained_on_ = np.sort(begun["identity"].to_numpy(np.int64))
    model.medians_ = _medians(begun)
    figures, seen = judge(model, frame)
    kept = frame[(frame["share"] >= EARLIER) & (frame["elapsed_min"] == 0)]
    some = kept.sample(min(len(kept), 3000), random_state=0).reset_index(drop=True)
    importance = permuted(model.predict, some[list(INPUTS)], some["energy_kwh"].to_numpy(), list(INPUTS))
    example = learnt[list(INPUTS)].head(5).reset_index(drop=True)
    return Fitted(model, example, {**model.get_params(), "sessions": len(begun)}, figures, seen, importance, [f"{len(begun)} sessions"], SAID)


def held(model: ChargingNeed, frame: pd.DataFrame) -> float:
    """The goal's figure of any version on the last 20 % of each site's sessions."""
    return judge(model, frame[frame["share"] >= EARLIER])[0][GOAL.key][0]


def judge(model: ChargingNeed, frame: pd.DataFrame) -> tuple[dict[str, tuple[float, str]], Seen]:
    """Figures on sessions that the model never saw; at sites new to it the last 20 %, against the medians of those before. Raises Terminal."""
    known = frame["site"].isin(model.medians_)
    unseen = frame[np.where(known, ~np.isin(frame["identity"].to_numpy(), model.trained_on_), frame["share"] >= EARLIER)]
    if not len(unseen):
        raise Terminal("the model was trained on all of these sessions: give others to judge it by")
    medians = _medians(frame[~known & (frame["share"] < EARLIER) & (frame["elapsed_min"] == 0)]) | model.medians_
    figures: dict[str, tuple[float, str]] = {}
    begun = unseen[unseen["elapsed_min"] == 0]
    truth, predicted = begun["energy_kwh"].to_numpy(), model.predict(begun)
    usual, usual_min = (_usual(medians, begun, at) for at in (0, 1))
    hidden = begun.assign(**dict.fromkeys(STAY_FEATURES, np.nan))
    figures |= {
        GOAL.key: (_mae(predicted, truth), "kWh as the car plugs in"),
        "charging_baseline_mae_kwh": (_mae(usual, truth), "kWh, median by site and hour"),
        "charging_below_baseline_pct": ((1 - _mae(predicted, truth) / _mae(usual, truth)) * 100, "%"),
        "charging_mae_min": (_mae(model.minutes(begun), begun["minutes"].to_numpy()), "min of charging as the car plugs in"),
        "charging_baseline_mae_min": (_mae(usual_min, begun["minutes"].to_numpy()), "min, median by site and hour"),
        "charging_stay_unknown_mae_kwh": (_mae(model.predict(hidden), truth), "kWh where the driver does not say how long the car stays"),
        "charging_sessions": (len(begun), "sessions"),
    }
    for moment, later in unseen[unseen["elapsed_min"] > 0].groupby("elapsed_min"):
        left = np.maximum(_usual(medians, later, 0) - later["delivered_kwh"].to_numpy(), 0)
        figures[f"charging_after_{moment:.0f}_min_mae_kwh"] = (_mae(model.predict(later), later["energy_kwh"].to_numpy()), "kWh still needed")
        figures[f"charging_after_{moment:.0f}_min_baseline_mae_kwh"] = (_mae(left, later["energy_kwh"].to_numpy()), "kWh, that median less the meter")
    return figures, Seen(truth, predicted)


def _mae(predicted: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean(np.abs(predicted - truth)))


def _some_untold(rows: pd.DataFrame) -> pd.DataFrame:
    """Three of ten drivers do not say how long they stay: the model must do without."""
    untold = np.random.default_rng(0).random(len(rows)) < UNTOLD
    return rows.assign(**{name: np.where(untold, np.nan, rows[name].to_numpy(float)) for name in STAY_FEATURES})


def _medians(begun: pd.DataFrame) -> dict[str, np.ndarray]:
    """Median energy and minutes of each site by hour, shape (2, 24); of an hour without sessions those of the site."""
    found = {}
    for site, rows in begun.groupby("site"):
        hour = rows["hour"].to_numpy().astype(int)
        columns = [rows[name].to_numpy() for name in ("energy_kwh", "minutes")]
        found[str(site)] = np.array(
            [[np.median(column[hour == at]) if (hour == at).any() else np.median(column) for at in range(24)] for column in columns]
        )
    return found


def _usual(medians: dict[str, np.ndarray], rows: pd.DataFrame, which: int) -> np.ndarray:
    all_sites = np.median(np.stack(list(medians.values())), axis=0)
    return np.array([medians.get(str(site), all_sites)[which, int(hour)] for site, hour in zip(rows["site"], rows["hour"], strict=True)])
