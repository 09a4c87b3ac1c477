"""What rules may ask about the fleet: model and tags of a vehicle, and what is usual for its model by the days before.

What is usual on a day is a function of the seven days before it, so that the past, tried again, is judged as it was.
"""

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from cloud_stream.steps.alerts import Known
from contracts.errors import Broken
from contracts.signals import BY_NAME
from lakehouse import reader
from lakehouse.sql import query

log = logging.getLogger(__name__)
DAYS = 7
LEAST_VEHICLES = 5
"""So many of a model make it known what is usual."""
AGAIN_S = 60.0
DAY_MS = 86_400_000
Array = np.ndarray
Usual = dict[str, tuple[float, float]]
"""Median and robust spread by model."""


class Fleet:
    """Reads `gold.dim_vehicle` every minute where it is asked to, and `gold.vehicle_minutes` once a day and signal."""

    def __init__(self, lake: str) -> None:
        self._lake = lake
        self._facts: dict[str, tuple[str, frozenset[str]]] = {}
        self._usual: dict[tuple[int, str], tuple[float, Usual]] = {}
        self._read_s = 0.0

    @property
    def known(self) -> Known:
        """For the alarms; the facts are brought up to date in place."""
        return Known(self._facts, self.baseline)

    def refresh(self) -> None:
        """Read the dimension anew where it is older than a minute."""
        if time.monotonic() - self._read_s < AGAIN_S and self._read_s:
            return
        self._read_s = time.monotonic()
        try:
            if reader.exists(self._lake, "gold.dim_vehicle"):
                rows = reader.arrow(self._lake, "gold.dim_vehicle", ["vehicle_id", "model", "tags", "is_current"]).to_pylist()
                self._facts.update((row["vehicle_id"], (row["model"] or "", frozenset(row["tags"] or ()))) for row in rows if row["is_current"])
        except Broken as error:
            log.warning("models and tags of vehicles are as they were: %s", error)

    def baseline(self, vehicles: Sequence[str], ts: Array, signal: str) -> tuple[Array, Array]:
        """Median and spread of a signal for vehicles at times (ms); NaN where nothing is known."""
        median, spread = np.full(len(ts), np.nan), np.full(len(ts), np.nan)
        days = ts // DAY_MS
        for day in np.unique(days).tolist():
            usual = self._of(int(day), signal)
            if usual:
                for at in np.flatnonzero(days == day).tolist():
                    found = usual.get(self._facts.get(vehicles[at], ("", frozenset()))[0])
                    if found:
                        median[at], spread[at] = found
        return median, spread

    def _of(self, day: int, signal: str) -> Usual:
        read_s, found = self._usual.get((day, signal), (0.0, {}))
        if found or (read_s and time.monotonic() - read_s < 10 * AGAIN_S):
            return found
        try:
            found = self._read(day, signal)
        except Broken as error:
            log.warning("what is usual of %s is not known: %s", signal, error)
        self._usual = {key: value for key, value in self._usual.items() if key[0] >= day - 2}
        self._usual[day, signal] = (time.monotonic(), found)
        return found

    def _read(self, day: int, signal: str) -> Usual:
        if BY_NAME[signal].minute != "stats" or not self._facts or not reader.exists(self._lake, "gold.vehicle_minutes"):
            return {}
        end = datetime.fromtimestamp(day * 86_400, UTC)
        dates = ", ".join(f"'{end - timedelta(days=back):%Y-%m-%d}'" for back in range(1, DAYS + 1))
        asked = f"SELECT vehicle_id, sum({signal}_sum)::DOUBLE / sum({signal}_n) AS mean FROM gold.vehicle_minutes WHERE date IN ({dates}) GROUP BY 1"  # noqa: S608
        by_model: dict[str, list[float]] = {}
        for row in query(self._lake, asked, seconds=20).to_pylist():
            if row["mean"] is not None and (model := self._facts.get(row["vehicle_id"], ("", frozenset()))[0]):
                by_model.setdefault(model, []).append(row["mean"] / BY_NAME[signal].scale)
        return {model: robust(np.array(means), BY_NAME[signal].resolution) for model, means in by_model.items() if len(means) >= LEAST_VEHICLES}


def robust(values: Array, least: float) -> tuple[float, float]:
    """Median, and 1.4826 times the median distance from it, at least `least`."""
    median = float(np.median(values))
    return median, max(float(1.4826 * np.median(np.abs(values - median))), least)
