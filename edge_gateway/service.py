"""The composition root: joins subscriber, spool, delivery and acks, and ends them in the right order."""

import asyncio
import logging
import signal
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from contracts import codec
from contracts.errors import Transient
from contracts.events import State
from contracts.topics import parse_topic, publish_topic, shared_filters, state_filter
from edge_gateway.acks import SLICES, Acks
from edge_gateway.batching import Limits
from edge_gateway.commit import GroupCommit
from edge_gateway.delivery import Delivery, Pace
from edge_gateway.frames import Entry
from edge_gateway.metrics import Metrics
from edge_gateway.produce import Producer, client_context
from edge_gateway.reception import Station, admit
from edge_gateway.segments import Owner
from edge_gateway.settings import Settings
from edge_gateway.spool import Spool
from edge_gateway.subscriber import Receipt, Subscriber, acknowledge
from edge_gateway.uploader import Uploader

log = logging.getLogger(__name__)

_POLL_S = 0.05
_STATE = "/state"
_WARN_EVERY_S = 10.0


class Gateway:
    """One gateway process, from its settings to its end."""

    def __init__(self, settings: Settings) -> None:
        """Open the spool. Raises Terminal. Needs a running event loop."""
        self._settings = settings
        self._station = Station(settings.id, settings.region, settings.payload_max_bytes)
        self._metrics = Metrics()
        self._acks = Acks()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._warned_at = -_WARN_EVERY_S
        context = client_context(settings.ca, settings.cert, settings.key)
        self._spool = Spool(settings.spool, Owner(settings.id, settings.region), settings.segment_bytes)
        self._commit = GroupCommit[Receipt | None](
            self._spool,
            self._writer,
            self._durable,
            wait_s=settings.commit_ms / 1000,
            eager_records=settings.commit_records,
            backlog_max_bytes=settings.spool_max_bytes,
        )
        self._producer = Producer(
            settings.ingest_url,
            context,
            connections=settings.batches_in_flight,
            level=settings.compress_level,
            timeout_s=settings.request_timeout_s,
        )
        uploader = Uploader(
            self._station,
            self._producer.post,
            lambda reason: self._metrics.rejected.labels(reason).inc(),
            lambda kind: self._metrics.errors.labels(kind).inc(),
        )
        self._delivery = Delivery(
            self._spool,
            self._acks,
            uploader.deliver,
            self._metrics,
            Pace(Limits(settings.batch_records, settings.batch_bytes), settings.batches_in_flight, settings.linger_ms / 1000),
        )
        self._subscriber = Subscriber(
            settings.mqtt_host,
            settings.mqtt_port,
            f"gateway-{settings.id}",
            settings.receive_maximum,
            [*((name, 1) for name in shared_filters(settings.region)), (state_filter(settings.region), 0)],
            self._receive,
        )

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then end in order: take no more, commit, deliver what is under way, tell, close."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        self._metrics.serve(self._settings.metrics_port)
        self._metrics.watch(lambda: self._delivery.progress.oldest, lambda: self._spool.backlog_bytes, lambda: self._subscriber.connected)
        log.info("gateway %s of region %s: %d undelivered bytes on the spool", self._settings.id, self._settings.region, self._spool.backlog_bytes)
        async with asyncio.TaskGroup() as tasks:
            committing = tasks.create_task(self._commit.run())
            running = [tasks.create_task(work) for work in (self._subscriber.run(), self._delivery.run(), self._tell())]
            await stop.wait()
            log.info("stopping: no more messages are taken")
            await self._subscriber.stop()
            self._commit.close()
            await asyncio.wait([committing], timeout=self._settings.drain_s)
            await self._drain()
            committing.cancel()
            for task in running:
                task.cancel()
        await self._subscriber.close()
        await self._producer.close()
        self._writer.shutdown()
        self._spool.close()
        log.info("stopped: %d undelivered bytes stay on the spool", self._spool.backlog_bytes)

    def _receive(self, topic: str, payload: bytes, properties: Mapping[str, Any], receipt: Receipt | None) -> None:
        """One MQTT message; its receipt is given back when it is on disk."""
        if topic.endswith(_STATE):
            acknowledge([receipt])
            self._state(topic, payload)
            return
        entry, reason = admit(self._station, topic, payload, properties, time.time_ns() // 1_000_000)
        if reason is not None:
            self._metrics.rejected.labels(reason).inc()
            self._warn("a message on %s becomes a rejection: %s", topic, reason)
        self._commit.append(entry, receipt)

    def _state(self, topic: str, payload: bytes) -> None:
        address = parse_topic(topic)
        try:
            state = codec.decode(payload, State)
        except codec.Malformed as error:
            self._warn("the state on %s is malformed: %s", topic, error)
            return
        if address is not None and state.online:
            self._acks.back(address.vehicle_id, state.boot_id)

    def _durable(self, entries: list[Entry], receipts: list[Receipt | None]) -> None:
        acknowledge(receipts)
        self._acks.held(entries, time.monotonic())
        self._metrics.received.inc(len(entries))
        self._metrics.commit.observe(len(entries))
        self._delivery.arrived()

    async def _tell(self) -> None:
        """Publish acks, a slice of the vehicles at a time; without a broker nothing is told, and so the cursor stays."""
        while True:
            await asyncio.sleep(self._settings.ack_interval_ms / 1000 / SLICES)
            if self._subscriber.connected:
                self._publish_acks()
                if self._acks.cycle % SLICES == 0:
                    await self._delivery.retire(self._writer)

    def _publish_acks(self) -> None:
        acks = self._acks.due(time.monotonic())
        try:
            for vehicle_id, ack in acks:
                self._subscriber.publish(publish_topic(self._settings.region, vehicle_id, "ack"), codec.encode(ack))
        except Transient as broken:
            self._warn("acks could not be published: %s", broken)
        self._metrics.acks.inc(len(acks))

    async def _drain(self) -> None:
        """Wait a while until all that was read is safe, then tell all vehicles and persist the cursor."""
        try:
            async with asyncio.timeout(self._settings.drain_s):
                while not self._delivery.drained:
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            log.info("ingest did not take all in %.1f s: the rest is sent after the next start", self._settings.drain_s)
        if self._subscriber.connected:
            for _ in range(SLICES):
                self._publish_acks()
            await self._delivery.retire(self._writer)

    def _warn(self, text: str, *values: object) -> None:
        """A warning, at most one in a while: a broken sensor must not fill the log."""
        now = time.monotonic()
        if now - self._warned_at >= _WARN_EVERY_S:
            self._warned_at = now
            log.warning(text, *values)
