"""The MQTT side: the only place that knows gmqtt.

Two things are done differently from gmqtt's own way, because an acknowledgement here means "on disk":

- Each connection has a client of its own, with a clean session. gmqtt's reconnect would answer a message of the old connection
  with a PUBACK on the new one, where the same packet id belongs to another message.
- A QoS 1 message is handed over with a receipt, and `acknowledge` takes the receipts of a whole group commit: one write for
  all their PUBACKs. gmqtt would start a task a message to wait for each (twice the cost of all the rest).
"""

import asyncio
import logging
import random
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from gmqtt import Client, Subscription
from gmqtt.mqtt.handler import MQTTError

from contracts.errors import Transient

log = logging.getLogger(__name__)

_PUBACK = struct.Struct(">BBH")
_PUBACK_HEADER, _PUBACK_LENGTH = 0x40, 2

_CONNECT_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 2.0
_KEEPALIVE_S = 10
_STABLE_S = 10.0
_RETRY_MIN_S = 0.1
_RETRY_MAX_S = 5.0
_REFUSED = 128

_gmqtt_log = logging.getLogger("gmqtt")


class _Connection(Client):
    """One connection, never a second one; its QoS 1 messages stay unacknowledged until someone acknowledges them."""

    def __init__(self, client_id: str, receive_maximum: int, receive: "Receive") -> None:
        super().__init__(
            client_id,
            clean_session=True,
            optimistic_acknowledgement=False,
            logger=_gmqtt_log,
            session_expiry_interval=0,
            receive_maximum=receive_maximum,
        )
        self._receive = receive
        self.on_message = self._at_most_once
        self._package_handler._handle_qos_1_publish_packet = self._at_least_once

    async def reconnect(self, delay: bool = False) -> None:
        """Not here: see the module's docstring."""

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        """PUBACK with reason 0, in order, in one write. On a lost connection they go nowhere: the broker sends the messages anew."""
        if not self._connection.is_closing():
            self._connection.send_package(b"".join([_PUBACK.pack(_PUBACK_HEADER, _PUBACK_LENGTH, packet_id) for packet_id in packet_ids]))

    def _at_least_once(self, packet_id: int, payload: bytes, topic: str | bytes, properties: dict[str, Any]) -> None:
        self._receive(_text(topic), payload, properties, Receipt(self, packet_id))

    def _at_most_once(self, _client: Client, topic: str | bytes, payload: bytes, _qos: int, properties: dict[str, Any]) -> None:
        self._receive(_text(topic), payload, properties, None)


class Receipt(NamedTuple):
    """What acknowledges one QoS 1 message, on the connection that it came by."""

    connection: _Connection
    packet_id: int


Receive = Callable[[str, bytes, dict[str, Any], Receipt | None], None]
"""`(topic, payload, properties, receipt)`; without a receipt (QoS 0) there is nothing to acknowledge."""


def acknowledge(receipts: Iterable[Receipt | None]) -> None:
    """Tell the brokers that these messages, in this order, are taken for good."""
    for connection, group in groupby(filter(None, receipts), lambda receipt: receipt.connection):
        connection.acknowledge([receipt.packet_id for receipt in group])


class Subscriber:
    """Keeps a subscription alive through whatever happens to the broker."""

    def __init__(self, host: str, port: int, client_id: str, receive_maximum: int, filters: Sequence[tuple[str, int]], receive: Receive) -> None:
        """`filters` are `(topic filter, QoS)`."""
        _gmqtt_log.setLevel(logging.ERROR)
        self._address = (host, port)
        self._client_id = client_id
        self._receive_maximum = receive_maximum
        self._filters = filters
        self._receive = receive
        self._client: _Connection | None = None
        self._stopping = asyncio.Event()
        self.connections = 0

    @property
    def connected(self) -> bool:
        """True while subscribed."""
        return self._client is not None and self._client.is_connected

    async def run(self) -> None:
        """Connect, subscribe, and do so again after each loss, until `stop`."""
        failures = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                await self._serve()
            except Transient as broken:
                failures = 0 if time.monotonic() - started > _STABLE_S else failures + 1
                delay_s = min(_RETRY_MAX_S, _RETRY_MIN_S * 2**failures) * random.uniform(0.5, 1.0)
                log.warning("%s; trying again in %.1f s", broken, delay_s)
                await _within(self._stopping, delay_s)

    async def stop(self) -> None:
        """Take nothing more: the broker gives what comes to the region's other gateways. Publishing goes on until `close`."""
        self._stopping.set()
        client = self._client
        if client is None or not client.is_connected:
            return
        gone = asyncio.Event()
        client.on_unsubscribe = lambda *_: gone.set()
        client.unsubscribe([filter_ for filter_, _ in self._filters])
        await _within(gone, _CLOSE_TIMEOUT_S)

    async def close(self) -> None:
        """Say goodbye to the broker."""
        client, self._client = self._client, None
        if client is not None:
            await _drop(client)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send with QoS 0. Raises Transient without a connection."""
        if self._client is None or not self._client.is_connected:
            raise Transient(f"no connection to the MQTT broker at {self._address[0]}:{self._address[1]}")
        self._client.publish(topic, payload, qos=0)

    async def _serve(self) -> None:
        """One connection, until it is lost (Transient) or `stop`."""
        lost: asyncio.Event = asyncio.Event()
        subscribed: asyncio.Future[tuple[int, ...]] = asyncio.get_running_loop().create_future()
        client = _Connection(self._client_id, self._receive_maximum, self._receive)

        def on_subscribe(_client: Client, _mid: int, granted: tuple[int, ...], _properties: dict[str, Any]) -> None:
            if not subscribed.done():
                subscribed.set_result(granted)

        def on_disconnect(_client: Client, _packet: bytes, _error: Exception | None = None) -> None:
            lost.set()

        client.on_subscribe, client.on_disconnect = on_subscribe, on_disconnect
        host, port = self._address
        broker = f"the MQTT broker at {host}:{port}"
        try:
            await asyncio.wait_for(client.connect(host, port, keepalive=_KEEPALIVE_S), _CONNECT_TIMEOUT_S)
            client.subscribe([Subscription(filter_, qos=qos) for filter_, qos in self._filters])
            granted = await asyncio.wait_for(subscribed, _CONNECT_TIMEOUT_S)
        except (OSError, MQTTError) as error:
            await _drop(client)
            raise Transient(f"no connection to {broker}: {error or type(error).__name__}") from error
        if any(code >= _REFUSED for code in granted):
            await _drop(client)
            raise Transient(f"{broker} refuses the subscription (codes {granted}); let its access list allow client {self._client_id!r}")
        self._client = client
        self.connections += 1
        log.info("subscribed at %s", broker)
        await _either(lost, self._stopping)
        if not self._stopping.is_set():
            self._client = None
            await _drop(client)
            raise Transient(f"lost the connection to {broker}")


def _text(topic: str | bytes) -> str:
    """A topic that is no UTF-8 comes from gmqtt as bytes."""
    return topic if isinstance(topic, str) else topic.decode(errors="replace")


async def _drop(client: _Connection) -> None:
    """Close it; a broker that hangs is not waited for."""
    try:
        await asyncio.wait_for(client.disconnect(), _CLOSE_TIMEOUT_S)
    except OSError as error:
        log.info("the old connection did not close by itself: %s", error or type(error).__name__)


async def _within(event: asyncio.Event, timeout_s: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return


async def _either(*events: asyncio.Event) -> None:
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
