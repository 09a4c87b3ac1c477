"""The newest frames of all vehicles as they come on the central cluster: what makes the map live.

What is shown for a second or two before gold has it passes the checks that silver makes of a value (its range, its clock);
duplicates and order do not matter, for only a newer frame wins.
"""

import msgspec
import numpy as np

from contracts import topics
from contracts.signals import BY_NAME
from dashboards.board import Board
from dashboards.feeds.topic import TopicTail
from dashboards.live.fleet import SIGNALS, Frames
from dashboards.metrics import Metrics
from lakehouse.rules import FUTURE_MS, LATE_MS

_LOW = {name: BY_NAME[name].low for name in SIGNALS}
_HIGH = {name: BY_NAME[name].high for name in SIGNALS}


class _Payload(msgspec.Struct, gc=False):
    ts: int
    signals: dict[str, float]


class _Envelope(msgspec.Struct, gc=False):
    vehicle_id: str
    region: str
    received_at: int
    payload: _Payload


_decode = msgspec.json.Decoder(_Envelope).decode


class TelemetryFeed:
    """Follows the mirrored telemetry topic from now on."""

    name = "telemetry"
    pause_s = 0.05

    def __init__(self, kafka: str, board: Board, metrics: Metrics) -> None:
        self._topic = topics.mirrored(topics.TELEMETRY)
        self._tail = TopicTail(kafka, self._topic, 0, gather_bytes=2**16)
        self._board = board
        self._metrics = metrics

    def round(self) -> str:
        """Put what came on the board. Raises Transient where Kafka or the topic is not there."""
        if values := self._tail.read(0.1):
            self._metrics.received.labels(self.name).inc(len(values))
            read = [envelope for value in values if (envelope := self._envelope(value)) is not None]
            if read:
                self._board.put_frames(frames(read))
        return f"following {self._topic}"

    def close(self) -> None:
        """Leave Kafka."""
        self._tail.close()

    def _envelope(self, value: bytes) -> _Envelope | None:
        try:
            envelope = _decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self._metrics.rejected.labels("malformed").inc()  # silver says in its quarantine what is wrong with it
            return None
        ahead_ms = envelope.payload.ts - envelope.received_at
        if ahead_ms > FUTURE_MS or -ahead_ms > LATE_MS:
            self._metrics.rejected.labels("clock").inc()
            return None
        return envelope


def frames(envelopes: list[_Envelope]) -> Frames:
    """The signals that are shown, a value out of its range as unknown."""
    event_ms = np.array([envelope.payload.ts for envelope in envelopes], np.int64)
    signals = {}
    for name in SIGNALS:
        values = np.array([envelope.payload.signals.get(name, np.nan) for envelope in envelopes], np.float64)
        with np.errstate(invalid="ignore"):
            values[(values < _LOW[name]) | (values > _HIGH[name])] = np.nan
        signals[name] = values
    return Frames([envelope.vehicle_id for envelope in envelopes], [envelope.region for envelope in envelopes], event_ms, signals)
