"""What the live flow changes in the world: alerts and scores in Kafka, online features in Redis, and its own checkpoint."""

import logging
from collections import Counter
from collections.abc import Callable

import pyarrow as pa

from cloud_stream.connectors.checkpoints import Checkpoints
from cloud_stream.connectors.delta import Committed
from cloud_stream.connectors.kafka import Outbox
from cloud_stream.steps.live import Effects, Reactor
from cloud_stream.waiting import patiently
from contracts.codec import encode
from contracts.topics import ALERTS, SCORES
from features.online import OnlineWriter
from features.transforms import VEHICLE_LIVE

log = logging.getLogger(__name__)


class World:
    """Effects go out at once; the checkpoint follows when all of them have arrived."""

    def __init__(self, lake: str, kafka: str, online: OnlineWriter, reactor: Reactor, observe: Callable[[pa.Table], None]) -> None:
        self._outbox, self._checkpoints = Outbox(kafka), Checkpoints(lake, reactor)
        self._online, self._reactor, self._observe = online, reactor, observe
        self._sent: Counter[str] = Counter()
        self._late = self._too_late()

    def add(self, item: Effects) -> None:
        """Send alerts and scores, then write the online rows. A Redis that came back empty is filled again."""
        for alert in item.alerts:
            log.info("alert %s %s %s: %s", alert.change, alert.alert_id, alert.vehicle_id, alert.message)
            self._outbox.send(ALERTS, alert.vehicle_id, encode(alert))
        for score in item.scores:
            self._outbox.send(SCORES, score.vehicle_id, encode(score))
        self._checkpoints.keep(item.scores)
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
        self._checkpoints.turn()
        sent, self._sent = self._sent, Counter()
        late, self._late = self._late, self._too_late()
        return Committed(sent, self._late - late)

    def _too_late(self) -> Counter[str]:
        """Rows so far that came after what they belong to was told."""
        return Counter(too_late_for_alerts=self._reactor.alarms.too_late, too_late_for_scores=self._reactor.state.packs.late)
