"""Runs feeds in threads: a round, a pause, and backoff where a server is down."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from contracts.errors import Terminal, Transient
from dashboards.board import Board, Status
from dashboards.metrics import Metrics

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0


class Feed(Protocol):
    """Something to read, round by round."""

    name: str
    pause_s: float

    def round(self) -> str:
        """Read once and put what was found on the board; says how it does. Raises Transient or Terminal."""
        ...

    def close(self) -> None:
        """Give connections back."""
        ...


class Runner:
    """Threads for feeds. Any error that is not of the world ends the process through `crashed`."""

    def __init__(self, board: Board, metrics: Metrics, crashed: Callable[[], None]) -> None:
        self._board = board
        self._metrics = metrics
        self._crashed = crashed
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, feed: Feed) -> None:
        """Run a feed until `stop`."""
        thread = threading.Thread(target=self._guard, args=(feed,), name=feed.name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """End all feeds; a round that is under way ends first, or is left behind after a second."""
        self._stop.set()
        until_s = time.monotonic() + 1.0
        for thread in self._threads:
            thread.join(timeout=max(0.0, until_s - time.monotonic()))

    def _guard(self, feed: Feed) -> None:
        try:
            self._run(feed)
            feed.close()
        except Exception:
            log.exception("feed %s broke down; the dashboard stops", feed.name)
            self._crashed()

    def _run(self, feed: Feed) -> None:
        pause_s, said = FIRST_PAUSE_S, ""
        while not self._stop.is_set():
            try:
                text = feed.round()
            except (Transient, Terminal) as broken:
                self._metrics.errors.labels(type(broken).__name__.lower()).inc()
                self._board.tell(feed.name, Status(live=False, text=str(broken)))
                if str(broken) != said:
                    said = str(broken)
                    log.log(logging.ERROR if isinstance(broken, Terminal) else logging.WARNING, "%s: %s; trying again", feed.name, said)
                self._stop.wait(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            self._board.tell(feed.name, Status(live=True, text=text))
            if text != said:
                said = text
                log.info("%s: %s", feed.name, text)
            pause_s = FIRST_PAUSE_S
            self._stop.wait(feed.pause_s)
