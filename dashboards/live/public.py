"""The public live feed: vehicles, alerts and scores as JSON, filtered; `docs/live_feed.md` is its contract.

Readers with the same wish form a group and are told the same bytes, which are made once. A message: `{"at": ms, "updates": […]}`;
the first has `"snapshot": true` and the newest state; the first after a gap has `"skipped": n` and the newest state of what changed since.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import numpy as np

from contracts.events import Alert, Score
from dashboards import alert_log
from dashboards.live.frames import Pipe
from dashboards.live.hub import Hub, Turn
from dashboards.live.readers import Reader, encode
from dashboards.live.states import STATES
from dashboards.live.wishes import Wish
from dashboards.metrics import Metrics

SHOWN = ("lat", "lon", "speed_kmh", "soc_pct", "pack_w", "pack_temp_c")
Dress = Callable[[bytes], bytes]
"""Makes of a JSON text what the connection's protocol sends."""


class Subscriber(Reader):
    """One reader of the public feed."""

    def __init__(self, pipe: Pipe, dress: Dress) -> None:
        super().__init__(pipe)
        self.dress = dress
        self.is_new = True
        self.since_ms = 0


class _Group:
    """The readers with one wish, and which places of the fleet it is about."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.readers: set[Subscriber] = set()
        self._mask = np.zeros(0, bool)

    def of(self, hub: Hub, places: np.ndarray) -> np.ndarray:
        """Those of the places that the wish is about."""
        if "vehicle" not in self.wish.kinds:
            return places[:0]
        known, fleet = len(self._mask), hub.fleet
        if known < len(fleet):
            more = [self.wish.of_vehicle(*pair) for pair in zip(fleet.vehicles[known:], fleet.regions[known:], strict=True)]
            self._mask = np.concatenate([self._mask, np.array(more, bool)])
        return places[self._mask[places]]


class Public:
    """All readers of the public feed."""

    def __init__(self, hub: Hub, metrics: Metrics) -> None:
        self._hub = hub
        self._metrics = metrics
        self._groups: dict[Wish, _Group] = {}

    def join(self, wish: Wish, pipe: Pipe, dress: Dress) -> Subscriber:
        """One more; it is told the newest state at the next turn."""
        reader = Subscriber(pipe, dress)
        self._groups.setdefault(wish, _Group(wish)).readers.add(reader)
        self._metrics.subscribers.inc()
        return reader

    def leave(self, wish: Wish, reader: Subscriber) -> None:
        """One less."""
        group = self._groups[wish]
        group.readers.discard(reader)
        if not group.readers:
            del self._groups[wish]
        self._metrics.subscribers.dec()

    def tell(self, turn: Turn) -> None:
        """Tell every group what is new for it."""
        written: dict[int, dict[str, Any]] = {}
        for group in self._groups.values():
            updates = self._updates(group, turn.places, turn.alerts, turn.scores, written)
            text = encode({"at": turn.now_ms, "updates": updates}) if updates else b""
            dressed: dict[Dress | tuple[Dress, int, int], bytes] = {}
            for reader in group.readers:
                self._tell_one(group, reader, turn, text, dressed)

    def _tell_one(self, group: _Group, reader: Subscriber, turn: Turn, text: bytes, dressed: dict[Dress | tuple[Dress, int, int], bytes]) -> None:
        if not reader.has_room(turn.now_ms):
            reader.skipped += bool(text)
            self._metrics.skipped.inc(bool(text))
            return
        if reader.is_new or reader.is_behind:
            if not turn.full:
                return
            lacks = reader.dress, reader.seen if reader.is_behind else -1, reader.skipped
            if lacks not in dressed:  # all who come at once, after a restart say, lack the same
                dressed[lacks] = reader.dress(self._catch_up(group, reader, turn.now_ms))
            reader.is_new, reader.skipped = False, 0
            reader.pipe.write(dressed[lacks])
        elif text:
            if reader.dress not in dressed:
                dressed[reader.dress] = reader.dress(text)
            reader.pipe.write(dressed[reader.dress])
            self._metrics.published.inc()
        if turn.full:
            reader.seen, reader.since_ms = self._hub.fleet.revision, turn.now_ms

    def _catch_up(self, group: _Group, reader: Subscriber, now_ms: int) -> bytes:
        """The newest state of all that it has not seen: not what happened meanwhile."""
        hub = self._hub
        places = hub.fleet.since(reader.seen if reader.is_behind else -1)
        alerts = [alert for alert in hub.log.values() if alert_log.is_open(alert) or reader.is_behind]
        scores = list(hub.scores.values())
        note = {"skipped": reader.skipped} if reader.is_behind else {"snapshot": True}
        return encode({"at": now_ms, **note, "updates": self._updates(group, places, alerts, scores, {})})

    def _updates(
        self, group: _Group, places: np.ndarray, alerts: Iterable[Alert], scores: Iterable[Score], written: dict[int, dict[str, Any]]
    ) -> list[dict[str, Any]]:
        wish, fleet = group.wish, self._hub.fleet
        updates: list[dict[str, Any]] = []
        for place in group.of(self._hub, places).tolist():
            if place not in written:
                written[place] = self._vehicle(place)
            updates.append(written[place])
        updates += [{"kind": "alert", **msgspec.to_builtins(alert)} for alert in alerts if wish.of_alert(alert)]
        regions = {score.vehicle_id: fleet.regions[fleet.place[score.vehicle_id]] for score in scores if score.vehicle_id in fleet.place}
        updates += [{"kind": "score", **msgspec.to_builtins(score)} for score in scores if wish.of_score(score, regions.get(score.vehicle_id, ""))]
        return updates

    def _vehicle(self, place: int) -> dict[str, Any]:
        fleet = self._hub.fleet
        facts = {name: _known(fleet.columns[name][place]) for name in SHOWN}
        who = {"kind": "vehicle", "vehicle_id": fleet.vehicles[place], "region": fleet.regions[place]}
        return {**who, "ts": int(fleet.event_ms[place]), "state": STATES[fleet.state[place]], **facts}


def _known(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)
