"""What is known now, once for all browsers: feeds write it from their threads, `compose` makes a view of it, pages read that.

Every value is immutable and replaced whole, so a reader never sees half of a change.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import pyarrow as pa

from contracts.events import Alert
from dashboards import alert_log
from dashboards.figures import Figures, figures
from dashboards.vehicles import Shown, Vehicle, state


class Status(msgspec.Struct, frozen=True):
    """How a feed does: live or not, and one sentence for a person."""

    live: bool
    text: str


_UNKNOWN = Status(live=False, text="")


class Gold(msgspec.Struct, frozen=True):
    """One version of `gold.vehicle_current`."""

    version: int = -1
    rows: pa.Table | None = None
    vehicles: tuple[Vehicle, ...] = ()


class Online(msgspec.Struct, frozen=True):
    """The online features of one vehicle. `event_ms` is None where the store has never heard of it."""

    features: Mapping[str, float | None]
    event_ms: int | None


class View(msgspec.Struct, frozen=True):
    """What pages show at one instant."""

    revision: int = 0
    now_ms: int = 0
    fleet: Mapping[str, Shown] = {}
    figures: Figures = Figures()
    gold_version: int = -1
    alerts: Mapping[str, Alert] = {}
    statuses: Mapping[str, Status] = {}


class Board:
    """The state that all pages share."""

    def __init__(self, feeds: Mapping[str, str]) -> None:
        """`feeds`: what each feed waits for at first, by its name."""
        self.view = View()
        self._lock = threading.Lock()
        self._gold = Gold()
        self._online: dict[str, Online] = {}
        self._log: alert_log.Log = {}
        self._statuses = {name: Status(live=False, text=text) for name, text in feeds.items()}
        self._messages_per_s: float | None = None
        self._chosen: Counter[str] = Counter()
        self._dirty = True

    def tell(self, feed: str, status: Status) -> None:
        """How a feed does."""
        with self._lock:
            if self._statuses.get(feed) != status:
                self._statuses, self._dirty = {**self._statuses, feed: status}, True

    def put_gold(self, gold: Gold) -> None:
        """A new version of `gold.vehicle_current`."""
        with self._lock:
            self._gold, self._dirty = gold, True

    def put_alerts(self, alerts: Iterable[Alert]) -> None:
        """More changes from `alerts.v1`, in order."""
        with self._lock:
            after = alert_log.fold(self._log, alerts)
            self._dirty |= after is not self._log
            self._log = after

    def put_rate(self, messages_per_s: float | None) -> None:
        """Messages a second into bronze."""
        self._messages_per_s = messages_per_s

    def put_online(self, online: dict[str, Online]) -> None:
        """The online features of the chosen vehicles."""
        self._online = online

    def choose(self, vehicle_id: str) -> None:
        """One more page looks at this vehicle."""
        with self._lock:
            self._chosen[vehicle_id] += 1

    def leave(self, vehicle_id: str) -> None:
        """One page less looks at this vehicle."""
        with self._lock:
            self._chosen -= Counter([vehicle_id])

    def chosen(self) -> tuple[str, ...]:
        """The vehicles that any page looks at."""
        with self._lock:
            return tuple(self._chosen)

    def gold_row(self, vehicle_id: str) -> dict[str, Any] | None:
        """All columns of a vehicle in gold, or None where gold does not know it."""
        gold = self._gold
        for at, vehicle in enumerate(gold.vehicles):
            if vehicle.vehicle_id == vehicle_id and gold.rows is not None:
                return gold.rows.slice(at, 1).to_pylist()[0]
        return None

    def online(self, vehicle_id: str) -> Online | None:
        """The online features of a chosen vehicle; None until they are read."""
        return self._online.get(vehicle_id)

    def compose(self, *, every_ms: int = 1000) -> bool:
        """Make the next view if something is new, or the last one is a second old (vehicles fall silent without a message)."""
        now_ms = time.time_ns() // 1_000_000
        with self._lock:
            if not self._dirty and now_ms - self.view.now_ms < every_ms:
                return False
            gold, log, statuses, self._dirty = self._gold, self._log, self._statuses, False
        alerting = alert_log.alerting(log)
        fleet = {vehicle.vehicle_id: Shown(vehicle, state(vehicle, vehicle.vehicle_id in alerting, now_ms)) for vehicle in gold.vehicles}
        known = bool(log) or statuses.get("alerts", _UNKNOWN).live
        numbers = figures(fleet.values(), now_ms, alert_log.open_count(log) if known else None, self._messages_per_s)
        self.view = View(self.view.revision + 1, now_ms, fleet, numbers, gold.version, log, statuses)
        return True
