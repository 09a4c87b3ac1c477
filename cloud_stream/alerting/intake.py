"""Messages as rows of the engine: which columns of each kind its rules need."""

import json
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from cloud_stream.alerting.columns import CELLS, EVENT, TELEMETRY, Rows, boots, coded, milliseconds, minor_of, of_cells, of_scores
from cloud_stream.alerting.conditions import EVENTS, MEDIAN, SCORE, SPREAD
from cloud_stream.alerting.evaluation import Program
from cloud_stream.alerting.rules import OnEvent
from contracts.events import Score

Array = np.ndarray
Baseline = Callable[[Sequence[str], Array, str], tuple[Array, Array]]
"""Median and spread of a signal in the fleet: for vehicles at times (ms)."""


class Numbering(Protocol):
    """What gives vehicles and regions their numbers, and knows the fleet's usual values."""

    program: Program
    names: list[str]

    @property
    def baseline(self) -> Baseline | None:
        """What is usual in the fleet."""

    def number(self, vehicle: str) -> int:
        """A vehicle's number."""

    def region(self, name: str) -> int:
        """A region's number."""


def telemetry(engine: Numbering, rows: pa.Table) -> Rows:
    """Silver telemetry rows."""
    found, there = _rows(engine, rows, TELEMETRY), set(rows.column_names)
    at_once = [at for at, name in enumerate(engine.program.signals) if name in there]
    if at_once and rows.num_rows:
        batch = rows.select([engine.program.signals[at] for at in at_once]).combine_chunks().to_batches()[0]
        found.values[at_once] = batch.to_tensor(null_to_nan=True, row_major=False).to_numpy().T
    for at, name in enumerate(engine.program.signals):
        if name.startswith((MEDIAN, SPREAD)) and engine.baseline is not None:
            signal = name.partition(".")[2]
            median, spread = engine.baseline([engine.names[vehicle] for vehicle in found.vehicle.tolist()], found.ts, signal)
            found.values[at] = median if name.startswith(MEDIAN) else spread
    return found


def cells(engine: Numbering, rows: pa.Table) -> Rows:
    """Silver cells rows, with the signals derived from them."""
    found = _rows(engine, rows, CELLS)
    if rows.num_rows:
        made = of_cells(rows)
        for at, name in enumerate(engine.program.signals):
            if name in made:
                found.values[at] = made[name]
    return found


def events(engine: Numbering, rows: pa.Table) -> Rows:
    """Silver event rows: 1 in the column of a rule that the event raises, 0 where it clears."""
    found = _rows(engine, rows, EVENT)
    wanted = {EVENTS + one.rule.id: one.rule.event for one in engine.program.conditions if one.rule.event}
    if rows.num_rows and wanted:
        happened = list(zip(rows["event"].to_pylist(), rows["attributes"].to_pylist(), strict=True))
        for at, name in enumerate(engine.program.signals):
            event = wanted.get(name)
            if event is not None:
                found.values[at] = [_matched(event, what, attributes) for what, attributes in happened]
    return found


def scores(engine: Numbering, scores: Sequence[Score], clock_ms: int) -> Rows:
    """Scores of models."""
    ts, minor = of_scores(scores)
    values = np.full((len(engine.program.signals), len(scores)), np.nan)
    for at, name in enumerate(engine.program.signals):
        if name.startswith(SCORE):
            values[at] = [score.value if score.model == name.removeprefix(SCORE) else np.nan for score in scores]
    vehicles = np.array([engine.number(score.vehicle_id) for score in scores], np.int64)
    return Rows(vehicles, ts, minor, np.zeros(len(scores), np.int64), np.full(len(scores), clock_ms, np.int64), values)


def _rows(engine: Numbering, rows: pa.Table, kind: int) -> Rows:
    """Identity and time; no values yet."""
    values = np.full((len(engine.program.signals), rows.num_rows), np.nan)
    minor = minor_of(kind, boots(rows["boot_id"]), rows["seq"].to_numpy()) if rows.num_rows else np.empty(0, np.uint64)
    vehicles = coded(rows["vehicle_id"], engine.number)
    regions = coded(rows["region"], engine.region)
    return Rows(vehicles, milliseconds(rows["event_ts"]), minor, regions, milliseconds(rows["known_at"]), values)


def _matched(event: OnEvent, name: str, attributes: str | None) -> float:
    if name == event.clears:
        return 0.0
    if name != event.name:
        return float("nan")
    try:
        given = json.loads(attributes or "{}")
    except ValueError:
        given = {}
    meets = all(given.get(field) in listed for field, listed in event.where.items()) if isinstance(given, dict) else not event.where
    return 1.0 if meets else float("nan")
