"""The heart of the live half: takes what feeds read, keeps the newest state, and tells everyone who listens. One task.

Vehicles are told ten times a second, alerts at once. A listener that does not read fast enough is skipped, and is told the
newest state when it reads again: nobody waits for it, and nothing is kept for it but the revision that it saw last.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from functools import partial
from typing import Protocol

import msgspec
import numpy as np

from contracts.events import Alert, Score
from dashboards import alert_log
from dashboards.board import Board
from dashboards.figures import Figures, figures
from dashboards.live.fleet import Fleet
from dashboards.metrics import Metrics

TICK_S = 0.1
OLDER_EVERY_MS = 1000


class Turn(msgspec.Struct, frozen=True):
    """What one turn of the hub brought.

    `full`: vehicles are told, those at `places`, which changed after the revision `before`. `second`: there are new figures.
    """

    now_ms: int
    places: np.ndarray
    before: int
    full: bool
    alerts: Sequence[Alert] = ()
    scores: Sequence[Score] = ()
    second: bool = False


class Audience(Protocol):
    """Some who listen."""

    def tell(self, turn: Turn) -> None:
        """Tell all of them. Must not wait."""
        ...


class Hub:
    """Fleet, open alerts, newest scores and figures of one process."""

    def __init__(self, board: Board, metrics: Metrics) -> None:
        self.board = board
        self.fleet = Fleet()
        self.log: alert_log.Log = {}
        self.scores: dict[tuple[str, str], Score] = {}
        self.figures = Figures()
        self._metrics = metrics
        self._audiences: list[Audience] = []
        self._told_revision = 0
        self._second_ms = 0

    def add(self, audience: Audience) -> None:
        """Tell these too."""
        self._audiences.append(audience)

    async def run(self) -> None:
        """Until cancelled."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        self.board.wake_with(partial(loop.call_soon_threadsafe, woken.set))
        next_s = loop.time()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), max(0.0, next_s - loop.time()))
            woken.clear()
            full = loop.time() >= next_s
            if full:
                next_s = max(next_s + TICK_S, loop.time())
            self.turn(time.time_ns() // 1_000_000, full=full)

    def turn(self, now_ms: int, *, full: bool = True) -> None:
        """Take the news and tell them. Not `full`: only what must not wait."""
        news = self.board.news()
        for frames in news.frames:
            self.fleet.take(frames, now_ms)
        fresh = self._fold(news.alerts, now_ms)
        for score in news.scores:
            self.scores[score.vehicle_id, score.model] = score
        second = full and now_ms - self._second_ms >= OLDER_EVERY_MS
        if second:
            self._second(now_ms)
        before, places = self._told_revision, np.zeros(0, np.int64)
        if full:
            places, self._told_revision = self.fleet.since(before), self.fleet.revision
        if full or fresh or news.scores:
            told = Turn(now_ms, places, before, full, fresh, news.scores, second)
            with self._metrics.turn.time():
                for audience in self._audiences:
                    audience.tell(told)

    def _fold(self, alerts: list[Alert], now_ms: int) -> list[Alert]:
        """The alerts that changed something."""
        after = alert_log.fold(self.log, alerts)
        if after is self.log:
            return []
        fresh = [alert for alert in alerts if after.get(alert.alert_id) == alert]
        self.log = after
        self.fleet.alert(alert_log.alerting(after), now_ms)
        return fresh

    def _second(self, now_ms: int) -> None:
        self._second_ms = now_ms
        self.board.known = self.fleet.vehicles
        self.fleet.alert(alert_log.alerting(self.log), now_ms)
        live = self.board.statuses.get("alerts")
        known = bool(self.log) or (live is not None and live.live)
        self.figures = figures(self.fleet, now_ms, alert_log.open_count(self.log) if known else None, self.board.messages_per_s)
        if self.figures.newest_age_s is not None:
            self._metrics.gold_age.set(self.figures.newest_age_s)
