"""Where feeds, each in its thread, leave what they read, and the hub, in the server's, picks it up.

Every value is immutable and handed over whole, so a reader never sees half of a change.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

import msgspec

from contracts.events import Alert, AlertCommand, Cells, Score
from dashboards import maintenance
from dashboards.live.fleet import Frames


class Status(msgspec.Struct, frozen=True):
    """How a feed does: live or not, and one sentence for a person."""

    live: bool
    text: str


class Sample(msgspec.Struct, frozen=True):
    """One reading of a process's metrics: values by metric and labels, as `name{label="value"}`. Empty where it did not answer."""

    at_ms: int
    values: Mapping[str, float]


class Online(msgspec.Struct, frozen=True):
    """The online features of one vehicle in one view. `event_ms` is None where the store has never heard of it."""

    features: Mapping[str, float | None]
    event_ms: int | None


class Freshness(msgspec.Struct, frozen=True):
    """How old the online features of a view are, over a sample of the fleet."""

    fresh: int
    stale: int
    missing: int
    median_age_s: float | None


class News(msgspec.Struct):
    """What came since it was asked for last, each in the order in which it came."""

    frames: list[Frames] = []
    alerts: list[Alert] = []
    scores: list[Score] = []


class Board:
    """The meeting point."""

    def __init__(self, feeds: Mapping[str, str]) -> None:
        """`feeds`: what each feed waits for at first, by its name."""
        self._lock = threading.Lock()
        self._news = News()
        self._wake: Callable[[], object] = _nobody
        self._chosen: Counter[str] = Counter()
        self.statuses: Mapping[str, Status] = {name: Status(live=False, text=text) for name, text in feeds.items()}
        self.messages_per_s: float | None = None
        self.gold_version = -1
        self.online: Mapping[str, Online] = {}
        self.windows: Mapping[str, Mapping[str, Online]] = {}
        self.freshness: Mapping[str, Freshness] = {}
        self.maintenance: maintenance.Windows = {}
        self.known: Sequence[str] = ()
        self.cells: dict[str, Cells] = {}
        self.samples: dict[str, deque[Sample]] = {}

    def wake_with(self, wake: Callable[[], object]) -> None:
        """Call this, from a feed's thread, when something came that must not wait for the next tick."""
        self._wake = wake

    def tell(self, feed: str, status: Status) -> None:
        """How a feed does."""
        with self._lock:
            self.statuses = {**self.statuses, feed: status}

    def put_frames(self, frames: Frames) -> None:
        """New frames of vehicles; they are picked up at the next tick."""
        with self._lock:
            self._news.frames.append(frames)

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        """More changes from `alerts.v1`, in order; they are picked up at once."""
        with self._lock:
            self._news.alerts.extend(alerts)
        self._wake()

    def put_commands(self, commands: Sequence[AlertCommand]) -> None:
        """More of people's commands; only maintenance windows are kept of them."""
        self.maintenance = maintenance.fold(self.maintenance, commands)

    def put_scores(self, scores: Sequence[Score]) -> None:
        """More predictions from `model.scores.v1`."""
        with self._lock:
            self._news.scores.extend(scores)

    def news(self) -> News:
        """What came since the last call."""
        with self._lock:
            news, self._news = self._news, News()
            return news

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


def _nobody() -> None:
    """Nobody waits yet."""
