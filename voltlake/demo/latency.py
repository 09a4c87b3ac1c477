"""How long from the instant a frame was due to the instant its effect can be read: measured by readers of the effect.

Each meter reads in a thread of its own and counts only after `begin`, so that the start of the servers is not measured.
"""

import threading
import time
from collections.abc import Sequence

from confluent_kafka import Consumer, TopicPartition
from hdrh.histogram import HdrHistogram

from contracts.codec import Malformed, decode_alert
from contracts.errors import Transient
from contracts.topics import ALERTS, PARTITIONS
from features import online
from lakehouse import reader
from lakehouse.tail import Tail
from voltlake.stack.plan import Plan

LONGEST_MS = 600_000


class Meter(threading.Thread):
    """Latencies of one effect in milliseconds."""

    look_s = 0.05

    def __init__(self, plan: Plan) -> None:
        super().__init__(daemon=True, name=type(self).__name__)
        self.plan = plan
        self.measures = threading.Event()
        self._ends = threading.Event()
        self._histogram = HdrHistogram(1, LONGEST_MS, 3)

    def begin(self) -> None:
        """From now on latencies count."""
        self.measures.set()

    def end(self) -> None:
        """Stop reading."""
        self._ends.set()
        self.join(10)

    @property
    def count(self) -> int:
        """How many were measured."""
        return int(self._histogram.get_total_count())

    def percentile_ms(self, percent: float) -> float | None:
        """None where nothing was measured."""
        return float(self._histogram.get_value_at_percentile(percent)) if self._histogram.get_total_count() else None

    def note(self, event_ms: float, seen_ms: float) -> None:
        """One effect, seen at `seen_ms`, of a frame that was due at `event_ms`."""
        if self.measures.is_set():
            self._histogram.record_value(int(min(max(seen_ms - event_ms, 1), LONGEST_MS)))

    def run(self) -> None:
        """Look again and again; what does not answer is asked again."""
        try:
            while not self._ends.wait(self.look_s):
                try:
                    self.look()
                except Transient:
                    self._ends.wait(0.5)
        finally:
            self.leave()

    def look(self) -> None:
        """Note what is new."""
        raise NotImplementedError

    def leave(self) -> None:
        """Let go of what is open."""


class SilverMeter(Meter):
    """Frames in `silver.telemetry`: seen when the commit is."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._tail: Tail | None = None

    def look(self) -> None:
        """The rows of commits since the last look."""
        if self._tail is None:
            self._tail = Tail(reader.open_table(str(self.plan.layout.lake), "silver.telemetry"), range(PARTITIONS))
        for rows in self._tail.poll():
            seen_ms = time.time() * 1000
            for event_us in rows["event_ts"].cast("int64").to_pylist():
                self.note(event_us / 1000, seen_ms)


class OnlineMeter(Meter):
    """Online features of some vehicles: seen when Redis has a newer row."""

    look_s = 0.02

    def __init__(self, plan: Plan, vehicles: Sequence[str]) -> None:
        super().__init__(plan)
        self._vehicles = list(vehicles)
        self._client = online.connect(plan.redis_url)
        self._last: list[int | None] = [None] * len(self._vehicles)

    def look(self) -> None:
        """The rows that are newer than at the last look."""
        events = online.read(self._client, self._vehicles, ())["event_ts"].cast("int64").to_pylist()
        seen_ms = time.time() * 1000
        for before, event_us in zip(self._last, events, strict=True):
            if event_us is not None and event_us != before:
                self.note(event_us / 1000, seen_ms)
        self._last = events

    def leave(self) -> None:
        """Close the connection."""
        self._client.close()


class AlertMeter(Meter):
    """Alerts as their condition comes, or comes back; and how many alerts there are, the earlier ones included."""

    look_s = 0.0

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.ids: set[str] = set()
        self._consumer = Consumer(
            {"bootstrap.servers": plan.kafka("central"), "group.id": "voltlake-demo", "enable.auto.commit": False, "log_level": 2}
        )
        self._consumer.assign([TopicPartition(ALERTS, number, 0) for number in range(PARTITIONS)])

    def look(self) -> None:
        """What has come since the last look."""
        record = self._consumer.poll(0.2)
        if record is None or record.error():
            return
        seen_ms = time.time() * 1000
        try:
            alert = decode_alert(record.value() or b"")
        except Malformed as error:
            raise Transient(f"{ALERTS} holds what is no alert: {error}") from error
        if alert.change == "raised":
            self.note(alert.event_ts, seen_ms)
        self.ids.add(alert.alert_id)

    def leave(self) -> None:
        """Leave the cluster."""
        self._consumer.close()
