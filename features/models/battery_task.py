"""`battery_fault_v1`: what it learns from, how it is fitted and judged, and when a score becomes an alarm."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from contracts.errors import Terminal
from features.cells import HOURS, LEAST_HOURS, pack_score
from features.models.battery import INPUTS, CellFault
from features.models.fitted import Fitted, Goal, Seen, permuted
from features.recorded import CELLS_TABLE, FAULT_SERVICE

NAME, SERVICE, TABLES = "battery_fault_v1", FAULT_SERVICE, (CELLS_TABLE,)
GOAL = Goal("fault_average_precision", "", more_is_better=True)
UNIT = "score"
SAID = (
    "Score from 0 to 1 of each cell and hour: how sure it is faulty. A pack's score is the greatest mean of a cell over 12 hours heard. An alarm "
    "begins above the least limit that raised at most 0.2 false alarms a vehicle-month on healthy training vehicles, and ends below half of it. "
    "Trained on simulated faults of single cells; a fault common to all cells is not its business."
)
LIMITS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
FALSE_A_MONTH = 0.2
HOURS_A_MONTH = 720.0
MONTH_DAYS = 30.0


def fit(frame: pd.DataFrame, progress: Callable[[str], None]) -> Fitted:
    """Fit on simulated cells whose label is sure, judge on simulated vehicles held back and on the recorded cars. Raises Terminal."""
    simulated = frame[(frame["origin"] == "simulated") & ~frame["unsure"]]
    learnt, kept = simulated[simulated["part"] == "train"], simulated[simulated["part"] == "test"]
    if learnt["faulty"].sum() < 1 or kept["faulty"].sum() < 1:
        raise Terminal("the simulated history holds no faulty cell in one of its parts: simulate more vehicles")
    progress(f"fitting on {len(learnt)} hours of cells, {int(learnt['faulty'].sum())} of them faulty")
    model = CellFault().fit(learnt, learnt["faulty"].to_numpy(), learnt["weight"].to_numpy())
    model.trained_on_ = sorted(set(learnt["vehicle_id"]))
    model.limit_ = _limit(model, learnt[learnt["healthy"]])
    truth, predicted = kept["faulty"].to_numpy(float), model.predict(kept)
    figures: dict[str, tuple[float, str]] = {
        GOAL.key: (held(model, frame), "of simulated vehicles held back"),
        **_simulated(model, frame[(frame["origin"] == "simulated") & (frame["part"] == "test")]),
    }
    recorded = frame[frame["origin"] == "recorded"]
    if len(recorded):
        figures |= judge(model, recorded)[0]
    some = kept.sample(min(len(kept), 5000), random_state=0).reset_index(drop=True)
    importance = permuted(model.predict, some[list(INPUTS)], some["faulty"].to_numpy(float), list(INPUTS))
    example = learnt[list(INPUTS)].head(5).reset_index(drop=True)
    params = {**model.get_params(), "hours": HOURS, "limit": model.limit_, "vehicles": len(model.trained_on_)}
    return Fitted(model, example, params, figures, Seen(truth, predicted), importance, model.trained_on_, SAID)


def held(model: CellFault, frame: pd.DataFrame) -> float:
    """The goal's figure of any version on the simulated test vehicles of a frame. Raises Terminal where it has none."""
    kept = frame[(frame["origin"] == "simulated") & ~frame["unsure"] & (frame["part"] == "test")]
    if not kept["faulty"].any():
        raise Terminal("there are no simulated vehicles with faults to judge it by")
    return float(average_precision_score(kept["faulty"], model.predict(kept), sample_weight=kept["weight"]))


def judge(model: CellFault, frame: pd.DataFrame) -> tuple[dict[str, tuple[float, str]], Seen]:
    """Figures on recorded cars: rank of the worst cell and lead time on those whose BMS raised a level-3 alarm, false alarms on the others.

    The worst cell is the one whose voltage lies furthest below the pack's median, in the mean. Of several cars the worst figure counts.
    """
    figures: dict[str, tuple[float, str]] = {}
    ranks, leads, false, days = [], [], 0, 0.0
    for name, car in frame.groupby("vehicle_id"):
        scored = car.assign(score=model.predict(car))
        raised, _ = alarms(scored, model.limit_)
        cells = scored.groupby("cell").agg(score=("score", "mean"), below=("below", "mean")).sort_values("score", ascending=False, kind="stable")
        first_serious = car["first_serious_s"].iloc[0]
        figures[f"fault_{name}_first_cell"] = (int(cells.index[0]) + 1, "number of the cell that ranks first")
        figures[f"fault_{name}_second_cell"] = (int(cells.index[1]) + 1, "number of the cell that ranks second")
        figures[f"fault_{name}_highest_score"] = (float(pack_scores(scored).max()), "highest score of the pack")
        if np.isfinite(first_serious):
            ranks.append(int(cells.index.get_loc(cells["below"].idxmax())) + 1)
            leads.append((first_serious - raised[0]) / 3600 if raised else float("nan"))
        else:
            false += len(raised)
            days += float(car["days"].iloc[0])
    figures["fault_rank_of_worst_cell"] = (max(ranks) if ranks else float("nan"), "rank by score, 1 is first")
    figures["fault_lead_time_h"] = (min(leads) if leads else float("nan"), "h from our alarm to the first level-3 alarm of the BMS")
    rate = false / (days / MONTH_DAYS) if days else float("nan")
    figures["fault_false_alarms_per_vehicle_month"] = (rate, "on cars without a level-3 alarm")
    figures["fault_healthy_vehicle_days"] = (days, "days of those cars")
    return figures, Seen(frame["below"].to_numpy(), model.predict(frame))


def pack_scores(scored: pd.DataFrame) -> pd.Series:
    """Score of one pack by hour: the greatest mean of a cell over the last hours heard. Needs `hour_s`, `cell`, `score`."""
    table = scored.pivot_table(index="hour_s", columns="cell", values="score").fillna(0.0)
    values, least = table.to_numpy(), min(LEAST_HOURS, len(table))
    found = [pack_score(values[max(0, at - HOURS) : at])[0] if at >= least else 0.0 for at in range(1, len(values) + 1)]
    return pd.Series(found, table.index)


def alarms(scored: pd.DataFrame, limit: float) -> tuple[list[float], int]:
    """When alarms of one pack began (epoch seconds, the end of the hour), and over how many hours it was heard. One ends below half the limit."""
    began: list[float] = []
    on = False
    scores = pack_scores(scored)
    for hour_s, score in scores.items():
        if not on and score > limit:
            on = True
            began.append(float(hour_s) + 3600)
        elif on and score < limit / 2:
            on = False
    return began, len(scores)


def _limit(model: CellFault, healthy: pd.DataFrame) -> float:
    """The least limit with hardly a false alarm on healthy vehicles."""
    packs = [car.assign(score=model.predict(car)) for _, car in healthy.groupby("vehicle_id")]
    for limit in LIMITS:
        raised = [alarms(pack, limit) for pack in packs]
        hours = sum(heard for _, heard in raised)
        if hours and sum(len(began) for began, _ in raised) / (hours / HOURS_A_MONTH) <= FALSE_A_MONTH:
            return limit
    return LIMITS[-1]


def _simulated(model: CellFault, kept: pd.DataFrame) -> dict[str, tuple[float, str]]:
    """Alarms on simulated vehicles held back: false ones on the healthy, found faults among the others."""
    false = hours = found = faulty = 0
    for _, car in kept.groupby("vehicle_id"):
        raised, heard = alarms(car.assign(score=model.predict(car)), model.limit_)
        if car["healthy"].all():
            false, hours = false + len(raised), hours + heard
        elif car["faulty"].any():
            found, faulty = found + bool(raised), faulty + 1
    rate = false / (hours / HOURS_A_MONTH) if hours else float("nan")
    share = found / faulty * 100 if faulty else float("nan")
    return {
        "fault_simulated_false_alarms_per_vehicle_month": (rate, f"on {hours / HOURS_A_MONTH:.1f} healthy simulated vehicle-months"),
        "fault_simulated_found_pct": (share, f"% of {faulty} faulty simulated vehicles"),
    }
