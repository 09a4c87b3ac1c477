"""Which alerts go out together, and when. Pure: time (ms) comes in as data.

A group waits for more from its first alert on. A channel sends at most so many messages a minute; a group that is due beyond that
waits on and takes in what comes, so that a storm becomes a few long messages and nothing is dropped.
"""

from collections import deque
from collections.abc import Sequence

import msgspec

from contracts.events import Alert

MINUTE_MS = 60_000
BACKOFF_MS = 1_000
LONGEST_MS = 60_000
Place = tuple[int, int]
"""Partition and offset of an alert on `alerts.v1`."""


class Bundle(msgspec.Struct):
    """Alerts of one group: the newest of each id. `next_ms`: not before then; `places`: what is done once it is delivered."""

    key: tuple[str, ...]
    next_ms: int
    alerts: dict[str, Alert]
    places: set[Place]
    attempts: int = 0


class Grouping:
    """The groups of one channel."""

    def __init__(self, by: Sequence[str], wait_ms: int, most_a_minute: int) -> None:
        self._by, self._wait_ms, self._most = by, wait_ms, most_a_minute
        self._open: dict[tuple[str, ...], Bundle] = {}
        self._again: list[Bundle] = []
        self._sent: deque[int] = deque()

    def add(self, alert: Alert, place: Place, now_ms: int) -> None:
        """An alert that is to be told."""
        key = tuple(str(getattr(alert, name)) for name in self._by)
        bundle = self._open.setdefault(key, Bundle(key, now_ms + self._wait_ms, {}, set()))
        bundle.alerts[alert.alert_id] = alert
        bundle.places.add(place)

    def due(self, now_ms: int) -> list[Bundle]:
        """What is to be sent now; the caller tells of each what became of it (`sent`, or `later`)."""
        while self._sent and self._sent[0] <= now_ms - MINUTE_MS:
            self._sent.popleft()
        found: list[Bundle] = []
        for bundle in [*self._again, *self._open.values()]:
            if bundle.next_ms <= now_ms and len(self._sent) < self._most:
                self._sent.append(now_ms)
                found.append(bundle)
        self._again = [bundle for bundle in self._again if bundle not in found]
        self._open = {key: bundle for key, bundle in self._open.items() if bundle not in found}
        return found

    def later(self, bundle: Bundle, now_ms: int) -> None:
        """It could not be delivered: again after a pause that doubles."""
        bundle.attempts += 1
        bundle.next_ms = now_ms + min(BACKOFF_MS << (bundle.attempts - 1), LONGEST_MS)
        self._again.append(bundle)

    def waiting(self) -> set[Place]:
        """Places of alerts that are not delivered yet."""
        return {place for bundle in (*self._again, *self._open.values()) for place in bundle.places}
