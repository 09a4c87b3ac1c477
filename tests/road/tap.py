"""A TCP relay between a gateway and its broker that writes down what passes, with the system's monotonic clock.

It sees what only the two of them know: which message the gateway acknowledged, and when.
"""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

_PUBLISH, _PUBACK = 3, 4
_USER_PROPERTY = 38
_FIXED = {1: 1, 2: 4, 35: 2}


class Seen(NamedTuple):
    """`what` is received, acknowledged or told; times are in nanoseconds of the monotonic clock."""

    what: str
    at_ns: int
    topic: str
    message_id: str
    payload: bytes


class Tap:
    """Where a gateway connects instead of the broker."""

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.seen: list[Seen] = []
        self._sockets: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def all(self, what: str) -> list[Seen]:
        return [seen for seen in list(self.seen) if seen.what == what]

    def message_ids(self, what: str) -> list[str]:
        return [seen.message_id for seen in self.all(what)]

    def close(self) -> None:
        for open_socket in [self._listener, *self._sockets]:
            _shut(open_socket)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._broker_port))
            except OSError:
                near.close()
                continue
            for peer in (near, far):
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets |= {near, far}
            pending: dict[int, tuple[str, str]] = {}
            threading.Thread(target=self._relay, args=(far, near, pending, self._from_broker), daemon=True).start()
            threading.Thread(target=self._relay, args=(near, far, pending, self._from_gateway), daemon=True).start()

    def _relay(self, source, sink, pending, note) -> None:  # type: ignore[no-untyped-def]
        buffer = b""
        try:
            while data := source.recv(65536):
                at_ns = time.monotonic_ns()
                buffer += data
                while (packet := _packet(buffer)) is not None:
                    first, body, size = packet
                    buffer = buffer[size:]
                    note(first, body, pending, at_ns)
                sink.sendall(data)
        except OSError:
            pass
        finally:
            _shut(source)
            _shut(sink)

    def _from_broker(self, first: int, body: bytes, pending: dict[int, tuple[str, str]], at_ns: int) -> None:
        if first >> 4 == _PUBLISH and (first >> 1) & 3 == 1:
            packet_id, topic, names, _ = _publish(body, with_id=True)
            pending[packet_id] = (topic, names.get("id", ""))
            self.seen.append(Seen("received", at_ns, topic, names.get("id", ""), b""))

    def _from_gateway(self, first: int, body: bytes, pending: dict[int, tuple[str, str]], at_ns: int) -> None:
        if first >> 4 == _PUBACK:
            topic, message_id = pending.pop(struct.unpack(">H", body[:2])[0])
            self.seen.append(Seen("acknowledged", at_ns, topic, message_id, b""))
        elif first >> 4 == _PUBLISH:
            _, topic, _, payload = _publish(body, with_id=False)
            self.seen.append(Seen("told", at_ns, topic, "", payload))


@contextmanager
def tapped(broker_port: int) -> Iterator[Tap]:
    tap = Tap(broker_port)
    try:
        yield tap
    finally:
        tap.close()


def _shut(open_socket: socket.socket) -> None:
    with suppress(OSError):
        open_socket.shutdown(socket.SHUT_RDWR)
    open_socket.close()


def _varint(data: bytes, at: int) -> tuple[int, int] | None:
    value, shift = 0, 0
    while at < len(data):
        value |= (data[at] & 127) << shift
        at += 1
        if not data[at - 1] & 128:
            return value, at
        shift += 7
    return None


def _packet(buffer: bytes) -> tuple[int, bytes, int] | None:
    if len(buffer) < 2 or (found := _varint(buffer, 1)) is None:
        return None
    length, start = found
    if len(buffer) < start + length:
        return None
    return buffer[0], buffer[start : start + length], start + length


def _text(body: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">H", body, at)
    return body[at + 2 : at + 2 + length].decode(), at + 2 + length


def _publish(body: bytes, *, with_id: bool) -> tuple[int, str, dict[str, str], bytes]:
    topic, at = _text(body, 0)
    packet_id = 0
    if with_id:
        (packet_id,) = struct.unpack_from(">H", body, at)
        at += 2
    found = _varint(body, at)
    assert found is not None
    length, at = found
    end, names = at + length, {}
    while at < end:
        kind, at = body[at], at + 1
        if kind == _USER_PROPERTY:
            name, at = _text(body, at)
            names[name], at = _text(body, at)
        elif kind in _FIXED:
            at += _FIXED[kind]
        else:
            _, at = _text(body, at)
    return packet_id, topic, names, body[end:]
