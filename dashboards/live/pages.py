"""Our own pages as listeners: vehicles as blocks of columns, alerts and figures as JSON.

Text messages have a `type`: `vehicles` (names by place), `alerts` (`all`: they replace what was known), `figures`, `vehicle` (the chosen one).
A binary message is a block of `dashboards.live.wire`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from contracts.events import Alert
from dashboards.board import Online
from dashboards.live import wire
from dashboards.live.frames import BINARY, Pipe, message
from dashboards.live.hub import Hub, Turn
from dashboards.live.readers import Reader, encode
from dashboards.metrics import Metrics


class PageReader(Reader):
    """One open page: whether it shows the fleet, and which vehicle it looks at."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__(pipe)
        self.fleet = False
        self.vehicle = ""
        self.named = 0
        self.is_new = True
        self.online: Online | None = None
        self.windows: Mapping[str, Online] | None = None


class Pages:
    """All open pages."""

    def __init__(self, hub: Hub, metrics: Metrics) -> None:
        self._hub = hub
        self._metrics = metrics
        self._readers: set[PageReader] = set()

    def join(self, pipe: Pipe) -> PageReader:
        """A page opened; it is told all it needs at the next turn."""
        reader = PageReader(pipe)
        self._readers.add(reader)
        self._metrics.browsers.inc()
        return reader

    def leave(self, reader: PageReader) -> None:
        """A page closed."""
        self._readers.discard(reader)
        self.look_at(reader, "")
        self._metrics.browsers.dec()

    def look_at(self, reader: PageReader, vehicle: str) -> None:
        """The page shows this vehicle, or none."""
        if reader.vehicle:
            self._hub.board.leave(reader.vehicle)
        if vehicle:
            self._hub.board.choose(vehicle)
        reader.vehicle, reader.online, reader.windows = vehicle, None, None

    def tell(self, turn: Turn) -> None:
        """Tell each page what it wants to know. The bytes that all of them get are made once."""
        if not self._readers:
            return
        shared = self._shared(turn)
        block: bytes | None = None
        for reader in tuple(self._readers):
            if not reader.has_room(turn.now_ms):
                reader.skipped += 1
                continue
            if reader.is_new or reader.is_behind:
                shared_now: tuple[bytes, ...] = (self._alerts(self._hub.log.values(), everything=True), self._figures())
                reader.is_new, reader.skipped = False, 0
            else:
                shared_now = shared
            for text in shared_now:
                reader.pipe.write(text)
            if turn.full and reader.fleet:
                if reader.seen == turn.before and reader.named == len(self._hub.fleet):
                    block = block or self._block(turn.places, turn.now_ms)
                    reader.pipe.write(block)
                else:
                    self._catch_up(reader, turn.now_ms)
                reader.seen = self._hub.fleet.revision
            if turn.full and reader.vehicle:
                self._tell_of_vehicle(reader)
            self._metrics.sent.inc()

    def _shared(self, turn: Turn) -> tuple[bytes, ...]:
        texts = []
        if turn.alerts:
            texts.append(self._alerts(turn.alerts, everything=False))
        if turn.second:
            texts.append(self._figures())
        return tuple(texts)

    def _alerts(self, alerts: Iterable[Alert], *, everything: bool) -> bytes:
        return message(encode({"type": "alerts", "all": everything, "alerts": list(alerts)}))

    def _figures(self) -> bytes:
        hub = self._hub
        told = {"type": "figures", "figures": hub.figures, "feeds": hub.board.statuses, "gold_version": hub.board.gold_version}
        return message(encode(told))

    def _block(self, places: np.ndarray, now_ms: int) -> bytes:
        return message(wire.block(self._hub.fleet, places, now_ms), BINARY)

    def _catch_up(self, reader: PageReader, now_ms: int) -> None:
        """All that this page has not seen: new names, and the newest state of what changed since."""
        fleet = self._hub.fleet
        names = {"type": "vehicles", "from": reader.named, "names": fleet.vehicles[reader.named :], "regions": fleet.regions[reader.named :]}
        reader.pipe.write(message(encode(names)))
        reader.named = len(fleet)
        reader.pipe.write(self._block(fleet.since(reader.seen), now_ms))

    def _tell_of_vehicle(self, reader: PageReader) -> None:
        online = self._hub.board.online.get(reader.vehicle)
        if online is None or online is reader.online:
            return
        reader.online = online
        told: dict[str, Any] = {"type": "vehicle", "id": reader.vehicle, "event_ms": online.event_ms, "values": online.features}
        windows = self._hub.board.windows.get(reader.vehicle)
        if windows is not None and windows is not reader.windows:
            reader.windows = windows
            told["windows"] = windows
        reader.pipe.write(message(encode(told)))
