"""Alerts, people's commands and predictions as they come on the central cluster."""

import logging
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from contracts import codec, topics
from contracts.events import Alert, AlertCommand, Score
from dashboards.board import Board
from dashboards.feeds.topic import TopicTail
from dashboards.metrics import Metrics

log = logging.getLogger(__name__)

HISTORY_S = 24 * 3600
"""Alerts of the last day; older open ones come from `gold.alerts`."""
LONGEST_WINDOW_S = 31 * 24 * 3600
"""No maintenance window that is open was told of earlier."""

T = TypeVar("T", Alert, AlertCommand, Score)


class RecordFeed(Generic[T]):
    """Puts every readable record of a topic on the board; what cannot be read is counted and passed."""

    pause_s = 0.0

    def __init__(
        self, name: str, tail: TopicTail, topic: str, read: Callable[[bytes], T], put: Callable[[Sequence[T]], None], metrics: Metrics
    ) -> None:
        self.name = name
        self._tail = tail
        self._topic = topic
        self._read: Callable[[bytes], T] = read
        self._put: Callable[[Sequence[T]], None] = put
        self._metrics = metrics

    def round(self) -> str:
        """Wait a moment for records. Raises Transient where Kafka or the topic is not there."""
        records = [record for value in self._tail.read() if (record := self._record(value)) is not None]
        if records:
            self._metrics.received.labels(self.name).inc(len(records))
            self._put(records)
        return f"following {self._topic}"

    def close(self) -> None:
        """Leave Kafka."""
        self._tail.close()

    def _record(self, value: bytes) -> T | None:
        try:
            return self._read(value)
        except codec.Malformed as malformed:
            self._metrics.rejected.labels("malformed").inc()
            log.warning("a record of %s is not shown: %s", self._topic, malformed)
            return None


def alert_feed(kafka: str, board: Board, metrics: Metrics) -> RecordFeed[Alert]:
    """Changes of alerts, from a day ago on."""
    tail = TopicTail(kafka, topics.ALERTS, HISTORY_S)
    return RecordFeed("alerts", tail, topics.ALERTS, codec.decode_alert, board.put_alerts, metrics)


def command_feed(kafka: str, board: Board, metrics: Metrics) -> RecordFeed[AlertCommand]:
    """What people did, for the maintenance windows in it."""
    tail = TopicTail(kafka, topics.ALERT_COMMANDS, LONGEST_WINDOW_S)
    return RecordFeed("commands", tail, topics.ALERT_COMMANDS, codec.decode_command, board.put_commands, metrics)


def score_feed(kafka: str, board: Board, metrics: Metrics) -> RecordFeed[Score]:
    """Predictions, from ten minutes ago on."""
    return RecordFeed("scores", TopicTail(kafka, topics.SCORES, 600), topics.SCORES, _score, board.put_scores, metrics)


def _score(value: bytes) -> Score:
    return codec.decode(value, Score)
