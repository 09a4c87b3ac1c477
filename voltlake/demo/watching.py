"""The live picture: a table that is drawn again on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.live import Live

from voltlake.demo.counters import Counts
from voltlake.demo.screen import Frame, line, table

DRAW_S, LINE_S = 1.0, 5.0
RATE_S = 5.0
"""Rates are means over this long."""


class Picture:
    """A context: shows while it is open."""

    def __init__(self, console: Console, address: str, began: float) -> None:
        """`began`: instant of the command, monotonic seconds."""
        self._console, self._address, self._began = console, address, began
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._past: list[tuple[float, Counts]] = []
        self._due = 0.0

    def __enter__(self) -> "Picture":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def show(self, count: Callable[[], Counts]) -> None:
        """Draw again if it is time to; `count` is only called then."""
        if time.monotonic() < self._due:
            return
        counts, now = count(), time.monotonic()
        self._due = now + (DRAW_S if self._live else LINE_S)
        self._past = [(at, one) for at, one in self._past if at >= now - RATE_S - 1] + [(now, counts)]
        since, before = self._past[0]
        frame = Frame(
            counts=counts,
            before=before,
            between_s=now - since,
            passed_s=now - self._began,
            title="from the sensor to the lake",
            footer=f"page: {self._address}   Ctrl-C ends it",
        )
        if self._live:
            self._live.update(table(frame), refresh=True)
        else:
            self._console.print(line(frame), highlight=False, soft_wrap=True)
