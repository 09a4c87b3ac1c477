"""The live flow's memory, written down beside the flow: it is a value once it is dumped, and the flow goes on while it travels."""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import pyarrow as pa

from cloud_stream.connectors.alert_store import AlertStore
from cloud_stream.connectors.score_store import ScoreStore
from cloud_stream.steps.alert_checkpoint import Chunk, alert_pieces
from cloud_stream.steps.alert_checkpoint import dump as dump_alerts
from cloud_stream.steps.checkpoint import dump
from cloud_stream.steps.live import Reactor
from cloud_stream.waiting import patiently
from contracts.events import Alert, Score
from lakehouse import writer
from lakehouse.positions import Reached
from lakehouse.reader import open_table

EVERY_S = 5.0
"""How often the memory is written down: bounds what a restart reads again."""
SHARE = 0.05
"""For more of the time than this the flow never stands still for it: a large fleet's memory is written less often."""


class _Snapshot(NamedTuple):
    """All that one checkpoint writes: alerts and scores, with their partitions, since the one before, and the memory with its positions."""

    reached: Reached
    partitions: list[int]
    alerts: list[tuple[int, Alert]]
    scores: list[tuple[int, Score]]
    chunks: list[Chunk]
    memory: pa.Table


class Checkpoints:
    """One at a time, in a thread of its own, which waits for a lake that is down. What goes out must have arrived before `turn` is called."""

    def __init__(self, lake: str, reactor: Reactor) -> None:
        self._reactor = reactor
        self._table, self._alerts = open_table(lake, "state.live"), AlertStore(lake)
        self._scores = ScoreStore(lake, reactor.state.reached)
        self._made: list[Score] = []
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[None] | None = None
        self._next = time.monotonic() + EVERY_S

    def keep(self, scores: Sequence[Score]) -> None:
        """Take scores up to the next checkpoint."""
        self._made.extend(scores)

    def turn(self) -> None:
        """Begin a checkpoint if it is time for one. Raises Terminal where the one before can never be written."""
        if self._writing is not None:
            if not self._writing.done():
                return
            self._writing.result()
            self._writing = None
        began = time.monotonic()
        if began < self._next:
            return
        snapshot = self._snapshot()
        self._next = began + max(EVERY_S, (time.monotonic() - began) / SHARE)
        if snapshot.reached:
            self._writing = self._thread.submit(patiently, lambda: self._write(snapshot))

    def _snapshot(self) -> _Snapshot:
        state, alarms = self._reactor.state, self._reactor.alarms
        every: Iterable[Reached] = (state.reached, *alarms.state.reached.values())
        reached = {source: position for read in every for source, position in read.items() if position.offset >= 0}
        alerts = [(alarms.partition_of(alert.vehicle_id), alert) for alert in alarms.changed.values()]
        scores = [(alarms.partition_of(score.vehicle_id), score) for score in self._made]
        alarms.changed, self._made = {}, []
        pieces, chunks = dump_alerts(alarms, alarms.written)
        partitions = sorted({source.partition for source in state.reached})  # also those that nothing was read of yet
        return _Snapshot(reached, partitions, alerts, scores, chunks, pa.concat_tables([dump(state), alert_pieces(alarms, pieces)]))

    def _write(self, snapshot: _Snapshot) -> None:
        """Scores and chunks come before the positions: written again after a crash, they change nothing. Alerts come behind: `gold.alerts` shows
        no act that a crash could still undo, and a restart writes anew what the memory holds.
        """
        self._scores.append(snapshot.scores)
        self._alerts.write(snapshot.chunks)
        own = f"partition IN ({', '.join(map(str, snapshot.partitions))})"
        writer.replace(self._table, "state.live", snapshot.memory, own, snapshot.reached)
        self._alerts.upsert(snapshot.alerts)
