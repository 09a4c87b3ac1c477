"""The live flow's memory: what was seen, the order, and the newest frame of each vehicle; `alerts` has that of the alerts."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pyarrow as pa

from cloud_stream.alerting.reading import load as load_rules
from cloud_stream.ordering import Order, release
from cloud_stream.steps.alerts import Alarms, AlertState
from cloud_stream.steps.silver import Refiner
from contracts.events import Alert, Score
from features.transforms import live_columns, newest
from lakehouse.positions import Reached
from lakehouse.seen import Seen
from lakehouse.tables import SILVER_TELEMETRY

Predict = Callable[[pa.Table], list[Score]]
"""Scores of live rows; an empty list where there is no model."""


class Effects(NamedTuple):
    """What a batch changes: online rows (one a vehicle, newer ones only), alerts, scores."""

    online: pa.Table
    alerts: list[Alert]
    scores: list[Score]


class LiveState(msgspec.Struct):
    """All that a restart needs. `online` has one row a vehicle."""

    reached: Reached = msgspec.field(default_factory=dict)
    seen: Seen = msgspec.field(default_factory=dict)
    order: Order = msgspec.field(default_factory=Order)
    online: pa.Table = msgspec.field(default_factory=lambda: live_columns(SILVER_TELEMETRY.empty_table()))


class Reactor:
    """Telemetry records in, effects out. It is the only one that writes a vehicle's online row and alerts."""

    def __init__(self, state: LiveState, predict: Predict, alarms: Alarms | None = None) -> None:
        self.state = state
        self.alarms = alarms or Alarms(AlertState(), load_rules())
        self._refiner = Refiner("telemetry", state.reached, state.seen)
        self._predict = predict

    def react(self, name: str, records: pa.Table) -> Effects:
        """React to a batch of records of `telemetry`, `cells`, `event` or `commands`, or to nothing (`pulse`: one row, Kafka's time)."""
        match name:
            case "telemetry":
                return self.step(records)
            case "commands":
                alerts = self.alarms.commands(records)
            case "pulse":
                alerts = self.alarms.pulse(records["clock_ms"][0].as_py(), self._refiner.clocks())
            case _:
                alerts = self.alarms.records("cells" if name == "cells" else "event", records)
        return Effects(self.state.online.slice(0, 0), alerts, [])

    def step(self, records: pa.Table) -> Effects:
        """React to a batch of telemetry records."""
        batch = self._refiner.step(records)
        self.state.reached = self._refiner.reached
        rows = release(self.state.order, batch.refined.rows, self._refiner.clocks())
        if not rows.num_rows:
            return Effects(self.state.online.slice(0, 0), [], [])
        clocks = self._refiner.clocks()
        alerts = self.alarms.telemetry(rows, clocks)
        online = self._newer(rows)
        scores = self._predict(online) if online.num_rows else []
        return Effects(online, alerts + self.alarms.scores(scores, max(clocks.values())), scores)

    def _newer(self, rows: pa.Table) -> pa.Table:
        """The rows that are newer than what stands online, one a vehicle; the state takes them in."""
        candidates = newest(live_columns(rows))
        self.state.online = newest(pa.concat_tables([self.state.online, candidates]))
        key = ["vehicle_id", "event_ts", "known_at"]
        return candidates.join(self.state.online.select(key), key, join_type="left semi").select(candidates.column_names)
