"""The live flow's memory: what was seen, the order, and the newest frame of each vehicle; `alerts` has that of the alerts."""

from typing import NamedTuple

import msgspec
import pyarrow as pa

from cloud_stream.alerting.reading import load as load_rules
from cloud_stream.ordering import Order, release
from cloud_stream.steps import currents, live_cells, live_stays, live_windows
from cloud_stream.steps.alerts import Alarms, AlertState
from cloud_stream.steps.asked import Ask, stamped
from cloud_stream.steps.live_cells import Packs
from cloud_stream.steps.live_stays import Stays
from cloud_stream.steps.live_windows import WindowState
from cloud_stream.steps.silver import Refiner
from contracts.events import Alert, Score
from features.served import ENERGY_PER_KM
from features.transforms import VEHICLE_LIVE, WINDOWS_VIEW, live_columns, newest
from lakehouse.positions import Reached
from lakehouse.seen import Seen
from lakehouse.tables import SILVER_TELEMETRY


class Effects(NamedTuple):
    """What a batch changes: online rows of both views (one a vehicle, newer ones only), alerts, scores."""

    online: pa.Table
    windows: pa.Table
    alerts: list[Alert]
    scores: list[Score]

    def views(self) -> dict[str, pa.Table]:
        """The online rows by feature view."""
        return {VEHICLE_LIVE: self.online, WINDOWS_VIEW: self.windows}


class LiveState(msgspec.Struct):
    """All that a restart needs. `online` has one row a vehicle."""

    reached: Reached = msgspec.field(default_factory=dict)
    seen: Seen = msgspec.field(default_factory=dict)
    order: Order = msgspec.field(default_factory=Order)
    online: pa.Table = msgspec.field(default_factory=lambda: live_columns(SILVER_TELEMETRY.empty_table()))
    windows: WindowState = msgspec.field(default_factory=WindowState)
    packs: Packs = msgspec.field(default_factory=Packs)
    stays: Stays = msgspec.field(default_factory=Stays)


class Reactor:
    """Telemetry records in, effects out. It is the only one that writes a vehicle's online row and alerts."""

    def __init__(self, state: LiveState, ask: Ask, alarms: Alarms | None = None) -> None:
        self.state = state
        self.alarms = alarms or Alarms(AlertState(), load_rules())
        self._refiner = Refiner("telemetry", state.reached, state.seen)
        self._ask = ask

    def react(self, name: str, records: pa.Table) -> Effects:
        """React to a batch of records of `telemetry`, `cells`, `event` or `commands`, or to nothing (`pulse`: one row, Kafka's time)."""
        match name:
            case "telemetry":
                return self.step(records)
            case "cells":
                return self._cells(records)
            case "commands":
                alerts = self.alarms.commands(records, self._refiner.clocks())
            case "pulse":
                alerts = self.alarms.pulse(records["clock_ms"][0].as_py(), self._refiner.clocks())
            case _:
                alerts = self.alarms.rows("event", self.alarms.refined("event", records))
        return self._told(alerts, [])

    def step(self, records: pa.Table) -> Effects:
        """React to a batch of telemetry records. Features take frames as they come; alerts in the order of their seqs."""
        batch = self._refiner.step(records)
        self.state.reached, clocks = self._refiner.reached, self._refiner.clocks()
        frames = batch.refined.rows
        online = self._newer(frames) if frames.num_rows else self.state.online.slice(0, 0)
        windows = live_windows.step(self.state.windows, frames, clocks)
        currents.frames(self.state.packs.currents, frames, clocks)
        ordered = release(self.state.order, frames, clocks)
        alerts = self.alarms.telemetry(ordered, clocks) if ordered.num_rows else []
        scores = self._next_minute(online) + live_cells.step(self.state.packs, clocks, self._ask)
        scores += live_stays.step(self.state.stays, frames, clocks, self._ask)
        return self._told(alerts, scores)._replace(online=online, windows=windows)

    def _cells(self, records: pa.Table) -> Effects:
        rows = self.alarms.refined("cells", records)
        alerts = self.alarms.rows("cells", rows)
        currents.cells(self.state.packs.currents, rows)
        return self._told(alerts, live_cells.step(self.state.packs, self._refiner.clocks(), self._ask))

    def _next_minute(self, online: pa.Table) -> list[Score]:
        if not online.num_rows:
            return []
        rows = live_windows.beside(self.state.windows, online)
        return stamped(self._ask(ENERGY_PER_KM.name, rows), rows, ENERGY_PER_KM.unit)

    def _told(self, alerts: list[Alert], scores: list[Score]) -> Effects:
        """Alerts and scores, and the alerts that those scores raise."""
        raised = self.alarms.scores(scores, max(self._refiner.clocks().values(), default=0)) if scores else []
        return Effects(self.state.online.slice(0, 0), self.state.windows.rows.slice(0, 0), alerts + raised, scores)

    def everything(self) -> dict[str, pa.Table]:
        """All that stands online, by feature view: for a Redis that came back empty."""
        return {VEHICLE_LIVE: self.state.online, WINDOWS_VIEW: self.state.windows.rows}

    def _newer(self, rows: pa.Table) -> pa.Table:
        """The rows that are newer than what stands online, one a vehicle; the state takes them in."""
        candidates = newest(live_columns(rows))
        self.state.online = newest(pa.concat_tables([self.state.online, candidates]))
        key = ["vehicle_id", "event_ts", "known_at"]
        return candidates.join(self.state.online.select(key), key, join_type="left semi").select(candidates.column_names)
