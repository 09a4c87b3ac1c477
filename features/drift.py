"""Statistics of features by day, and how far they have drifted from what a model learned.

A day's sample is what history says of each vehicle at quarter hours of that day. Drift is the population stability index (PSI)
over tenths of the reference: below 0.1 nothing, above 0.2 a shift that a model should be judged anew for (Siddiqi 2006).
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from contracts.errors import Terminal
from features.explore import service_of
from features.transforms import JOIN_KEY, KNOWN_TIME
from lakehouse import reader, saved

if TYPE_CHECKING:
    from feast import FeatureStore

TABLE = "saved.feature_profiles"
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
TENTHS = 10
LEAST = 20
"""Fewer values say nothing of a distribution."""
_FLOOR = 1e-4
_EVERY = timedelta(minutes=15)
_TIME = pa.timestamp("us", tz="UTC")


class Profile(msgspec.Struct, frozen=True):
    """One feature over one day; shares from 0 to 1, quantiles as in `QUANTILES`, None where there is no value."""

    service: str
    feature: str
    day: str
    rows: int
    null_share: float
    mean: float | None
    std: float | None
    quantiles: list[float] | None

    def shown(self) -> dict[str, Any]:
        """As a row."""
        low, middle, high = (self.quantiles[at] for at in (2, 4, 6)) if self.quantiles else (None, None, None)
        return {
            "feature": self.feature,
            "rows": self.rows,
            "null": self.null_share,
            "mean": self.mean,
            "std": self.std,
            "5 %": low,
            "median": middle,
            "95 %": high,
        }


class Drift(msgspec.Struct, frozen=True):
    """One feature now and in the reference; `psi` is None where either has too few values. `edges` bound the bins of the shares."""

    feature: str
    psi: float | None
    null_share: float
    null_share_before: float
    edges: list[float]
    shares: list[float]
    shares_before: list[float]

    def shown(self, limit: float) -> dict[str, Any]:
        """As a row."""
        verdict = "too few values" if self.psi is None else "DRIFTED" if self.psi > limit else "ok"
        return {"feature": self.feature, "psi": self.psi, "null": self.null_share, "null before": self.null_share_before, "": verdict}


def profile(store: "FeatureStore", lake: str, service: str, day: str = "") -> list[Profile]:
    """Statistics of a service's features over a UTC day; they are added to `saved.feature_profiles` too."""
    wanted = _day(day)
    found = [_profiled(service, name, wanted, values) for name, values in sample(store, lake, service, wanted).items()]
    saved.save(lake, TABLE, pa.Table.from_pylist([msgspec.structs.asdict(row) for row in found], _schema()), overwrite=False)
    return found


def drift(store: "FeatureStore", lake: str, service: str, day: str = "", against: str = "") -> list[Drift]:
    """Each feature of a day against a saved training set or another day, worst first."""
    wanted = _day(day)
    now = dict(sample(store, lake, service, wanted))
    if saved.is_saved(against):
        table = reader.dataset(saved.open_saved(lake, against)).to_table()
        names = [name for name in now if name in table.column_names]
        if not names:
            raise Terminal(f"table {against} has none of the features of {service}")
        before = {name: _values(table[name]) for name in names}
    else:
        before = dict(sample(store, lake, service, _day(against) if against else wanted - timedelta(days=1)))
    found = [judge(name, before[name], now[name]) for name in before]
    return sorted(found, key=lambda row: -1 if row.psi is None else row.psi, reverse=True)


def sample(store: "FeatureStore", lake: str, service: str, day: date) -> Mapping[str, np.ndarray]:
    """What history says of every vehicle that was heard at quarter hours of a day. Raises Terminal where none was."""
    import pandas as pd

    chosen = service_of(store, service)
    rows = reader.arrow(lake, "gold.vehicle_minutes", [JOIN_KEY, "minute", KNOWN_TIME], ds.field("date") == day.isoformat())
    if not rows.num_rows:
        raise Terminal(f"no vehicle was heard on {day.isoformat()}: nothing to measure")
    quarter = pc.add(pc.floor_temporal(rows["minute"], 15, "minute"), pa.scalar(_EVERY, pa.duration("us")))
    heard = pa.table({JOIN_KEY: rows[JOIN_KEY], "event_timestamp": quarter.cast(_TIME)}).group_by([JOIN_KEY, "event_timestamp"]).aggregate([])
    entities = heard.to_pandas()
    last = pd.Timestamp(pc.max(rows[KNOWN_TIME]).as_py())
    entities["event_timestamp"] = entities["event_timestamp"].clip(upper=last)
    found = store.get_historical_features(entity_df=entities, features=chosen).to_arrow()
    names = [field.name for projection in chosen.feature_view_projections for field in projection.features]
    return {name: _values(found[name]) for name in names}


def judge(feature: str, before: np.ndarray, now: np.ndarray) -> Drift:
    """PSI over tenths of the reference's distinct quantiles. NaN stands for null."""
    old, new = before[~np.isnan(before)], now[~np.isnan(now)]
    nulls = [float(np.mean(np.isnan(values))) if len(values) else 1.0 for values in (now, before)]
    if min(len(old), len(new)) < LEAST:
        return Drift(feature, None, nulls[0], nulls[1], [], [], [])
    edges = np.unique(np.quantile(old, np.linspace(0, 1, TENTHS + 1)[1:-1]))
    shares = [np.bincount(np.searchsorted(edges, values, "right"), minlength=len(edges) + 1) / len(values) for values in (new, old)]
    here, there = (np.maximum(part, _FLOOR) for part in shares)
    psi = float(np.sum((here - there) * np.log(here / there)))
    return Drift(feature, psi, nulls[0], nulls[1], edges.tolist(), shares[0].tolist(), shares[1].tolist())


def draw(found: list[Drift], limit: float, path: Path) -> None:
    """A bar a feature with the limit, worst first, as SVG or PNG. Raises Terminal where the file cannot be written."""
    from matplotlib.figure import Figure

    shown = [row for row in found if row.psi is not None][:40]
    figure = Figure(figsize=(8, 1.2 + 0.24 * max(len(shown), 1)), layout="constrained")
    axes = figure.subplots()
    bars = [row.psi or 0.0 for row in shown]
    axes.barh([row.feature for row in shown], bars, color=["#c0392b" if value > limit else "#2c7fb8" for value in bars])
    axes.axvline(limit, color="#444444", linewidth=1, linestyle="--")
    axes.invert_yaxis()
    axes.set_xlabel("population stability index")
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise Terminal(f"the plot cannot be written to {path}: {error}") from None


def _profiled(service: str, feature: str, day: date, values: np.ndarray) -> Profile:
    there = values[~np.isnan(values)]
    nulls = 1 - len(there) / len(values) if len(values) else 1.0
    if not len(there):
        return Profile(service, feature, day.isoformat(), len(values), nulls, None, None, None)
    quantiles = np.quantile(there, QUANTILES).tolist()
    return Profile(service, feature, day.isoformat(), len(values), nulls, float(there.mean()), float(there.std()), quantiles)


def _schema() -> pa.Schema:
    numbers = [pa.field("null_share", pa.float64()), pa.field("mean", pa.float64()), pa.field("std", pa.float64())]
    texts = [pa.field(name, pa.string()) for name in ("service", "feature", "day")]
    return pa.schema([*texts, pa.field("rows", pa.int64()), *numbers, pa.field("quantiles", pa.list_(pa.float64()))])


def _values(column: pa.ChunkedArray) -> np.ndarray:
    return pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy()


def _day(text: str) -> date:
    if not text:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Terminal(f"{text!r} is no day; it looks like 2026-03-01, or saved.NAME for a saved table") from None
