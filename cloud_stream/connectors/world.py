"""What the live flow changes in the world: alerts and scores in Kafka, online features in Redis, and its own checkpoint."""

import logging
import time
from collections import Counter
from collections.abc import Callable

import pyarrow as pa

from cloud_stream.connectors.alert_store import AlertStore
from cloud_stream.connectors.delta import Committed
from cloud_stream.connectors.kafka import Outbox
from cloud_stream.connectors.score_store import ScoreStore
from cloud_stream.steps.alert_checkpoint import alert_pieces
from cloud_stream.steps.alert_checkpoint import dump as dump_alerts
from cloud_stream.steps.checkpoint import dump
from cloud_stream.steps.live import Effects, Reactor
from cloud_stream.waiting import patiently
from contracts.codec import encode
from contracts.topics import ALERTS, SCORES
from features.online import OnlineWriter
from features.transforms import VEHICLE_LIVE
from lakehouse import writer
from lakehouse.reader import open_table

CHECKPOINT_S = 5.0
"""How often the memory is written down: bounds what a restart reads again."""
CHECKPOINT_SHARE = 0.05
"""More of the time than this is never spent on writing it down: a large fleet's memory is written less often."""
log = logging.getLogger(__name__)


class World:
    """Effects go out at once; the checkpoint follows when all of them have arrived."""

    def __init__(self, lake: str, kafka: str, online: OnlineWriter, reactor: Reactor, observe: Callable[[pa.Table], None]) -> None:
        self._table, self._alerts, self._scores = open_table(lake, "state.live"), AlertStore(lake), ScoreStore(lake)
        self._outbox = Outbox(kafka)
        self._online, self._reactor, self._observe = online, reactor, observe
        self._next = time.monotonic() + CHECKPOINT_S
        self._sent: Counter[str] = Counter()
        self._late = self._too_late()

    def add(self, item: Effects) -> None:
        """Send alerts and scores, then write the online rows. A Redis that came back empty is filled again."""
        for alert in item.alerts:
            log.info("alert %s %s %s: %s", alert.change, alert.alert_id, alert.vehicle_id, alert.message)
            self._outbox.send(ALERTS, alert.vehicle_id, encode(alert))
        for score in item.scores:
            self._outbox.send(SCORES, score.vehicle_id, encode(score))
        self._scores.keep(item.scores)
        views = item.views()
        if any(rows.num_rows for rows in views.values()) and patiently(lambda: self._online.write_views(views)):
            everything = self._reactor.everything()
            log.info("another Redis answers: writing the online rows of all %d vehicles", everything[VEHICLE_LIVE].num_rows)
            patiently(lambda: self._online.write_views(everything))
        self._sent.update({"online": sum(rows.num_rows for rows in views.values()), ALERTS: len(item.alerts), SCORES: len(item.scores)})
        self._observe(item.online)

    def commit(self) -> Committed:
        """Wait for Kafka's acknowledgements; every few seconds write the memory down with its positions."""
        self._outbox.flush()
        sent, self._sent = self._sent, Counter()
        if time.monotonic() >= self._next:
            self._checkpoint()
        late, self._late = self._late, self._too_late()
        return Committed(sent, self._late - late)

    def _too_late(self) -> Counter[str]:
        """Rows so far that came after what they belong to was told."""
        return Counter(too_late_for_alerts=self._reactor.alarms.too_late, too_late_for_scores=self._reactor.state.packs.late)

    def _checkpoint(self) -> None:
        started = time.monotonic()
        state, alarms = self._reactor.state, self._reactor.alarms
        every = [state.reached, *alarms.state.reached.values()]
        reached = {source: position for read in every for source, position in read.items() if position.offset >= 0}
        if reached:
            partitions = ", ".join(str(partition) for partition in sorted({source.partition for source in state.reached}))
            self._alerts.upsert([(alarms.partition_of(alert.vehicle_id), alert) for alert in alarms.changed.values()])
            alarms.changed = {}
            self._scores.write(alarms.partition_of)
            pieces, chunks = dump_alerts(alarms, alarms.written)
            self._alerts.write(chunks)
            table = pa.concat_tables([dump(state), alert_pieces(alarms, pieces)])
            writer.replace(self._table, "state.live", table, f"partition IN ({partitions})", reached)
        took = time.monotonic() - started
        self._next = time.monotonic() + max(CHECKPOINT_S, took / CHECKPOINT_SHARE)
