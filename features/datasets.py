"""What models learn from: labels from gold, features through Feast. The rules are pure."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.errors import Terminal
from contracts.signals import BY_NAME
from features.transforms import ENERGY_V1, ENERGY_V1_FEATURES, ENERGY_V1_WINDOWS, JOIN_KEY
from lakehouse import reader

if TYPE_CHECKING:
    from feast import FeatureStore

MINUTES_TABLE = "gold.vehicle_minutes"
LEAST_DISTANCE_M = 100
"""A shorter minute is parking or a queue: its consumption per km says nothing of driving."""
ON_TIME = timedelta(minutes=2)
"""A minute whose first revision was made within this after its start was lived as it happened; a later one was replayed or loaded."""
LABEL = "wh_per_km"
INPUTS = (*ENERGY_V1_FEATURES, *ENERGY_V1_WINDOWS)
"""Of the service energy_v1 what the live flow has at hand: the newest frame and the windows, not the days."""
_COUNTERS = ("odometer_m", "energy_out_kwh", "energy_in_kwh")
_WH = {name: 1000 / BY_NAME[name].scale for name in ("energy_out_kwh", "energy_in_kwh")}
"""Wh in one step of a counter."""
_COLUMNS = [JOIN_KEY, "minute", "known_at", *(f"{name}_{end}" for name in _COUNTERS for end in ("min", "max"))]
_TIME = pa.timestamp("us", tz="UTC")


class Dataset(NamedTuple):
    """Rows to learn from: `features` (floats, may be NaN), `label` (Wh/km), whose and when (µs); `minutes` counts all, with features or not."""

    features: dict[str, np.ndarray]
    label: np.ndarray
    vehicles: np.ndarray
    instants: np.ndarray
    minutes: int


def driven_minutes(minutes: pa.Table) -> pa.Table:
    """One row a driven minute: `vehicle_id`, `event_timestamp` (its start), `known_until`, `distance_m`, `wh_per_km`.

    Needs rows of `gold.vehicle_minutes`, any revisions in any order: the newest of each minute is the truth. `wh_per_km` is the
    energy drawn less the energy put back over the distance of that minute, from the counters. `known_until` is the start
    where the minute was lived as it happened, and null (no limit) where it was replayed or loaded afterwards.
    """
    ordered = minutes.select(_COLUMNS).sort_by([("known_at", "ascending")])
    ordered = ordered.append_column("place", pa.array(np.arange(ordered.num_rows)))
    revisions = ordered.group_by([JOIN_KEY, "minute"], use_threads=False).aggregate([("place", "max"), ("known_at", "min")])
    truth = ordered.take(revisions["place_max"])
    grown = {name: _grown(truth, name) for name in _COUNTERS}
    distance_m = grown["odometer_m"] / BY_NAME["odometer_m"].scale
    net_wh = grown["energy_out_kwh"] * _WH["energy_out_kwh"] - grown["energy_in_kwh"] * _WH["energy_in_kwh"]
    with np.errstate(divide="ignore", invalid="ignore"):
        label = net_wh * 1000 / distance_m
    on_time = pc.less_equal(revisions["known_at_min"], pc.add(truth["minute"], pa.scalar(ON_TIME, pa.duration("us"))))
    known_until = pc.if_else(on_time, truth["minute"], pa.scalar(None, _TIME))
    table = pa.table(
        {JOIN_KEY: truth[JOIN_KEY], "event_timestamp": truth["minute"], "known_until": known_until, "distance_m": distance_m, LABEL: label}
    )
    driven = (distance_m >= LEAST_DISTANCE_M) & np.isfinite(label)
    return table.filter(pa.array(driven)).sort_by([("event_timestamp", "ascending"), (JOIN_KEY, "ascending")])


def _grown(truth: pa.Table, name: str) -> np.ndarray:
    """How much a counter grew within each minute, in whole steps of its resolution; NaN where it was not reported."""
    steps = pc.subtract(truth[f"{name}_max"], truth[f"{name}_min"]).cast(pa.float64())
    return pc.fill_null(steps, np.nan).to_numpy()


def energy_dataset(store: "FeatureStore", lake: str, progress: Callable[[str], None]) -> Dataset:
    """Driven minutes with the live features at their start, through Feast. Raises Terminal where there is nothing to learn from."""
    minutes = reader.arrow(lake, MINUTES_TABLE, _COLUMNS) if reader.exists(lake, MINUTES_TABLE) else None
    asked = driven_minutes(minutes) if minutes is not None else None
    if asked is None or not asked.num_rows:
        raise Terminal(f"no driven minutes yet in {MINUTES_TABLE}: let the simulator run for two minutes")
    progress(f"{asked.num_rows} driven minutes of {len(pc.unique(asked[JOIN_KEY]))} vehicles; reading their features")
    entities = asked.to_pandas()
    found = store.get_historical_features(entity_df=entities, features=store.get_feature_service(ENERGY_V1)).to_arrow()
    features = {name: pc.fill_null(found[name].cast(pa.float64()), np.nan).to_numpy() for name in INPUTS}
    seen = ~np.all([np.isnan(features[name]) for name in ENERGY_V1_FEATURES], axis=0)
    return Dataset(
        {name: column[seen] for name, column in features.items()},
        found[LABEL].to_numpy()[seen],
        np.asarray(found[JOIN_KEY].to_pylist(), object)[seen],
        found["event_timestamp"].cast(_TIME).cast(pa.int64()).to_numpy()[seen],
        asked.num_rows,
    )
