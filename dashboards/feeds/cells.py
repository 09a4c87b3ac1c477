"""The newest cell voltages and probe temperatures of each vehicle, as they come on the central cluster, from twenty minutes ago on."""

import msgspec

from contracts import topics
from contracts.events import Cells
from dashboards.board import Board
from dashboards.feeds.topic import TopicTail
from dashboards.metrics import Metrics

HISTORY_S = 1200


class _Envelope(msgspec.Struct, gc=False):
    vehicle_id: str
    payload: Cells


_decode = msgspec.json.Decoder(_Envelope).decode


class CellsFeed:
    """One record a vehicle is kept: the newest."""

    name = "cells"
    pause_s = 0.2

    def __init__(self, kafka: str, board: Board, metrics: Metrics) -> None:
        self._topic = topics.mirrored(topics.CELLS)
        self._tail = TopicTail(kafka, self._topic, HISTORY_S)
        self._board = board
        self._metrics = metrics

    def round(self) -> str:
        """Put what came on the board. Raises Transient where Kafka or the topic is not there."""
        for value in self._tail.read():
            try:
                record = _decode(value)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                self._metrics.rejected.labels("malformed").inc()
                continue
            self._metrics.received.labels(self.name).inc()
            known = self._board.cells.get(record.vehicle_id)
            if known is None or record.payload.ts >= known.ts:
                self._board.cells[record.vehicle_id] = record.payload
        return f"following {self._topic}"

    def close(self) -> None:
        """Leave Kafka."""
        self._tail.close()
