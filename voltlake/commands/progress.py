"""Live progress of simulated vehicles: one line that changes on a terminal, a line every few seconds elsewhere."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from voltlake.commands.options import say

if TYPE_CHECKING:
    from rich.status import Status

    from simulators.measured import Summary

_PLAIN_S = 5.0


class Progress:
    """A context in which it can be called with a summary, every second or so."""

    def __init__(self) -> None:
        self._status = _status() if sys.stderr.isatty() else None
        self._said_s = 0.0

    def __enter__(self) -> "Progress":
        if self._status:
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._status:
            self._status.stop()

    def __call__(self, summary: "Summary") -> None:
        """Show it."""
        if self._status:
            self._status.update(line(summary))
        elif summary.finished or time.monotonic() - self._said_s >= _PLAIN_S:
            self._said_s = time.monotonic()
            say(line(summary))


def _status() -> "Status":
    from rich.console import Console
    from rich.status import Status

    return Status("connecting", console=Console(stderr=True))


def line(summary: "Summary") -> str:
    """The state of a run in one line."""
    lag = "" if summary.send_lag_p99_ms is None else f"  send lag p99 {summary.send_lag_p99_ms:.0f} ms"
    return (
        f"{summary.seconds:7.1f} s  vehicles {summary.connected}/{summary.vehicles}  published {summary.published}  safe {summary.safe}  "
        f"pending {summary.pending}  late {summary.late}  resent {summary.resent}{lag}"
    )
