"""The way into the edge Kafka: the only place of ingest that knows librdkafka.

Idempotent, acks from all in-sync replicas. Delivery reports are served by a thread of its own; a request costs the event loop one
wake-up, however many records it has.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from contracts.errors import Terminal

log = logging.getLogger(__name__)

_POLL_S = 0.2
_HEALTH_TIMEOUT_S = 2.0
_WARN_EVERY_S = 10.0
_NEVER = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE, KafkaError.INVALID_RECORD})


class Placed(NamedTuple):
    """Where Kafka keeps a record."""

    partition: int
    offset: int


class Failed(NamedTuple):
    """Why Kafka has not acknowledged a record. `passes` is False where it never will."""

    why: str
    passes: bool


Outcome = Placed | Failed


class _Waiting:
    """One request on its way: outcomes in its order. `delivered` runs in the polling thread, the rest in the event loop's."""

    __slots__ = ("_arrived", "_expected", "_future", "_loop", "outcomes")

    def __init__(self, records: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()
        self._arrived = 0
        self._expected = -1
        self.outcomes: list[Outcome | None] = [None] * records

    def delivered(self, at: int, error: KafkaError | None, message: Message) -> None:
        self.outcomes[at] = _failed(error) if error is not None else Placed(message.partition() or 0, message.offset() or 0)
        self._arrived += 1
        if self._arrived == self._expected:
            self._loop.call_soon_threadsafe(self._finish)

    async def all(self, expected: int) -> list[Outcome]:
        """The outcomes, once `expected` reports have come."""
        self._expected = expected
        if self._arrived == expected:
            self._finish()
        await self._future
        return [outcome or Failed("no report came", passes=True) for outcome in self.outcomes]

    def _finish(self) -> None:
        if not self._future.done():
            self._future.set_result(None)


class EdgeKafka:
    """A producer for the edge cluster."""

    def __init__(self, bootstrap: str, *, delivery_timeout_ms: int, linger_ms: int, queue_records: int, fatal: Callable[[str], None]) -> None:
        """`fatal` is called in the event loop when the producer is lost for good. Raises Terminal for a malformed address."""
        self._loop = asyncio.get_running_loop()
        self._fatal = fatal
        self._bootstrap = bootstrap
        self._stopping = threading.Event()
        self._warned_at: dict[int, float] = {}
        try:
            self._producer = Producer(
                {
                    "bootstrap.servers": bootstrap,
                    "client.id": "ingest",
                    "acks": "all",
                    "enable.idempotence": True,
                    "partitioner": "murmur2_random",
                    "compression.type": "lz4",
                    "linger.ms": linger_ms,
                    "delivery.timeout.ms": delivery_timeout_ms,
                    "queue.buffering.max.messages": queue_records,
                    "queue.buffering.max.kbytes": 2**20,
                    "reconnect.backoff.ms": 100,
                    "reconnect.backoff.max.ms": 1000,
                    "log.connection.close": False,
                    "error_cb": self._error,
                    "logger": log,
                    # What the library finds worth a line comes through error_cb as well, and there it can be kept seldom.
                    "log_level": 2,
                }
            )
        except KafkaException as error:
            raise Terminal(f"setting INGEST_KAFKA {bootstrap!r} cannot be used: {error.args[0].str()}") from None
        self._poller = threading.Thread(target=self._poll, name="kafka-reports", daemon=True)
        self._poller.start()

    async def produce(self, topic: str, keys: Sequence[str], values: Sequence[bytes]) -> list[Outcome]:
        """Send the records and wait until each is acknowledged or has failed."""
        waiting = _Waiting(len(keys))
        delivered = waiting.delivered
        messages: list[dict[str, Any]] = [
            {"key": key, "value": value, "callback": partial(delivered, at)} for at, (key, value) in enumerate(zip(keys, values, strict=True))
        ]
        try:
            queued = self._producer.produce_batch(topic, messages)
        except (KafkaException, BufferError) as error:
            return [Failed(str(error), passes=True)] * len(messages)
        if queued < len(messages):
            for at, message in enumerate(messages):
                if "_error" in message:
                    waiting.outcomes[at] = _failed(message["_error"])
        return await waiting.all(queued)

    async def up(self) -> bool:
        """Whether a broker answers now."""
        try:
            await asyncio.to_thread(self._producer.list_topics, timeout=_HEALTH_TIMEOUT_S)
        except KafkaException:
            return False
        return True

    async def close(self, timeout_s: float) -> None:
        """Wait for what is under way, then stop."""
        left = await asyncio.to_thread(self._producer.flush, timeout_s)
        if left:
            log.warning("%d records were not acknowledged by Kafka before the stop; their gateways were not told otherwise", left)
        self._stopping.set()
        await asyncio.to_thread(self._poller.join, 2 * _POLL_S)

    def _poll(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(_POLL_S)

    def _error(self, error: KafkaError) -> None:
        if error.fatal():
            self._loop.call_soon_threadsafe(self._fatal, f"the Kafka producer is lost for good: {error.str()}; start ingest again")
            return
        now = time.monotonic()
        if now - self._warned_at.get(error.code(), -_WARN_EVERY_S) >= _WARN_EVERY_S:
            self._warned_at[error.code()] = now
            log.warning("Kafka at %s: %s", self._bootstrap, error.str())


def _failed(error: KafkaError) -> Failed:
    return Failed(error.str(), passes=error.code() not in _NEVER)
