"""The live flow's memory: what was seen, the order, the newest frame and the alert of each vehicle."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from cloud_stream.alerting import PACK_OVERHEAT, Threshold, Watch, evaluate
from cloud_stream.ordering import Order, release
from cloud_stream.steps.silver import Memory, Refiner
from contracts.events import Alert, Score
from features.transforms import live_columns, newest
from lakehouse.positions import Source
from lakehouse.tables import SILVER_TELEMETRY

Predict = Callable[[pa.Table], list[Score]]
"""Scores of live rows; an empty list where there is no model."""


class Effects(NamedTuple):
    """What a batch changes: online rows (one a vehicle, newer ones only), alerts, scores."""

    online: pa.Table
    alerts: list[Alert]
    scores: list[Score]


class LiveState(msgspec.Struct):
    """All that a restart needs, by source."""

    memories: dict[Source, Memory] = msgspec.field(default_factory=dict)
    orders: dict[Source, Order] = msgspec.field(default_factory=dict)
    watches: dict[Source, dict[str, Watch]] = msgspec.field(default_factory=dict)
    online: dict[Source, pa.Table] = msgspec.field(default_factory=dict)


class Reactor:
    """Telemetry records in, effects out. It is the only one that writes a vehicle's online row and alerts."""

    def __init__(self, state: LiveState, predict: Predict, rule: Threshold = PACK_OVERHEAT) -> None:
        self.state = state
        self._refiner = Refiner("telemetry", state.memories)
        self._predict = predict
        self._rule = rule

    def step(self, records: pa.Table) -> Effects:
        """React to a batch of records."""
        batch = self._refiner.step(records)
        online, alerts = [], []
        for source in sorted(batch.reached):
            here = pc.equal(batch.refined.rows["partition"], source.partition)
            order = self.state.orders.setdefault(source, Order())
            rows = release(order, batch.refined.rows.filter(here), batch.reached[source].clock_ms)
            if rows.num_rows:
                alerts += evaluate(self.state.watches.setdefault(source, {}), rows, self._rule)
                online.append(self._newer(source, rows))
        changed = pa.concat_tables(online) if online else live_columns(SILVER_TELEMETRY.empty_table())
        return Effects(changed, alerts, self._predict(changed) if changed.num_rows else [])

    def everything(self) -> pa.Table:
        """The online row of every vehicle, for a Redis that came back empty."""
        tables = list(self.state.online.values())
        return pa.concat_tables(tables) if tables else live_columns(SILVER_TELEMETRY.empty_table())

    def _newer(self, source: Source, rows: pa.Table) -> pa.Table:
        """The rows that are newer than what stands online, one a vehicle; the state takes them in."""
        candidates = newest(live_columns(rows))
        standing = self.state.online.get(source)
        if standing is None:
            self.state.online[source] = candidates
            return candidates
        merged = newest(pa.concat_tables([standing, candidates]))
        self.state.online[source] = merged
        return _minus(candidates, merged)


def _minus(candidates: pa.Table, merged: pa.Table) -> pa.Table:
    """The candidates that won: those whose times stand in the merged table."""
    key = ["vehicle_id", "event_ts", "known_at"]
    return candidates.join(merged.select(key), key, join_type="left semi").select(candidates.column_names)
