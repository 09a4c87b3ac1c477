"""One vehicle's MQTT 5 connection on a non-blocking socket, driven from outside: an event loop of many shares one thread.

    IDLE -> open() -> DIALLING -> (SECURING, with TLS) -> GREETING (CONNECT sent) -> SUBSCRIBING -> READY -> IDLE again when it is lost

The owner hears `ready`, `acknowledged`, `heard` and `lost`; nothing here raises for a broken network.
"""

import errno
import os
import selectors
import socket
import ssl
from typing import Protocol

import msgspec

from simulators import mqtt_packets as mqtt
from simulators.mqtt_packets import Incoming, Welcome, Will
from simulators.tls import LATER, reason

IDLE, DIALLING, SECURING, GREETING, SUBSCRIBING, READY = range(6)
_CHUNK = 65_536
_GREETING_S = 10.0
_READS, _WRITES = selectors.EVENT_READ, selectors.EVENT_WRITE


class Options(msgspec.Struct, frozen=True):
    """How to reach the broker; `login` is user name and password; with TLS its certificate must be for `name`."""

    address: tuple[str, int]
    family: int = socket.AF_INET
    keep_alive_s: int = 20
    login: tuple[str, str] | None = None
    tls: ssl.SSLContext | None = None
    name: str = ""


class Owner(Protocol):
    """Who uses the connection."""

    def will(self) -> Will:
        """What the broker says when the connection dies."""

    def ready(self, welcome: Welcome, now_s: float) -> None:
        """Connected and subscribed."""

    def acknowledged(self, packet_id: int, reason: int, now_s: float) -> None:
        """The broker has taken a PUBLISH, or refused it (reason 0x80 and above)."""

    def heard(self, message: Incoming, now_s: float) -> None:
        """A message on the subscribed topic."""

    def lost(self, why: str, now_s: float) -> None:
        """The connection is gone; whatever was in flight may or may not have arrived."""


class Connection:
    """A client with one subscription. All methods are cheap and never block."""

    __slots__ = ("_client_id", "_out", "_owner", "_rest", "_said_s", "_selector", "_since_s", "_socket", "_topic", "_welcome", "options", "state")

    def __init__(self, client_id: str, topic: str | None, owner: Owner, selector: selectors.BaseSelector) -> None:
        """`topic` is subscribed to after each connect, where there is one."""
        self._client_id = client_id
        self._topic = topic
        self._owner = owner
        self._selector = selector
        self._socket: socket.socket | None = None
        self._out = bytearray()
        self._rest = b""
        self._welcome = Welcome(0, 1, None)
        self._since_s = self._said_s = 0.0
        self.options = Options(("", 0))
        self.state = IDLE

    @property
    def backlog(self) -> int:
        """Bytes that the socket did not take yet."""
        return len(self._out)

    def open(self, options: Options, now_s: float) -> None:
        """Begin to connect; `ready` or `lost` follows."""
        self.options, self.state = options, DIALLING
        self._out.clear()
        self._rest = b""
        self._since_s = self._said_s = now_s
        try:
            self._socket = socket.socket(options.family, socket.SOCK_STREAM)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            failed = self._socket.connect_ex(options.address)
        except OSError as error:
            self._lose(reason(error), now_s)
            return
        if failed not in {0, errno.EINPROGRESS}:
            self._lose(os.strerror(failed), now_s)
            return
        self._selector.register(self._socket, _WRITES, self)

    def on_event(self, mask: int, now_s: float) -> None:
        """The selector says that the socket can be read or written."""
        try:
            if self.state == DIALLING:
                self._reached(now_s)
                return
            if self.state == SECURING:
                self._secure(now_s)
                return
            if mask & _READS:
                self._read(now_s)
            if mask & _WRITES and self._socket is not None:
                self._flush(now_s)
        except OSError as error:
            self._lose(reason(error), now_s)
        except mqtt.ProtocolError as error:
            self._lose(f"the broker does not speak MQTT 5: {error}", now_s)

    def write(self, packets: bytes, now_s: float) -> None:
        """Send now what the socket takes, keep the rest for later."""
        if self._socket is None:
            return
        self._said_s = now_s
        if self._out:
            self._out += packets
            return
        try:
            sent = self._socket.send(packets)
        except LATER:
            sent = 0
        except OSError as error:
            self._lose(reason(error), now_s)
            return
        if sent < len(packets):
            self._out += packets[sent:]
            self._selector.modify(self._socket, _READS | _WRITES, self)

    def upkeep(self, now_s: float) -> None:
        """Keep the connection alive, and give up on one that does not answer. Call it about every second."""
        if self.state in {DIALLING, SECURING, GREETING, SUBSCRIBING} and now_s - self._since_s > _GREETING_S:
            self._lose(f"no answer within {_GREETING_S:.0f} s", now_s)
        elif self.state == READY:
            keep_alive = self._welcome.keep_alive_s or self.options.keep_alive_s
            if now_s - self._since_s > 1.5 * keep_alive:
                self._lose(f"silent for {1.5 * keep_alive:.0f} s", now_s)
            elif now_s - self._said_s > 0.5 * keep_alive:
                self.write(mqtt.PINGREQ, now_s)

    def close(self, now_s: float, *, polite: bool) -> None:
        """Leave; politely means that the broker drops the will."""
        if polite and self.state == READY:
            self.write(mqtt.GOODBYE, now_s)
        self._drop()

    def _reached(self, now_s: float) -> None:
        sock = self._open_socket()
        failed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            self._lose(os.strerror(failed), now_s)
        elif self.options.tls is None:
            self._greet(now_s)
        else:
            self._selector.unregister(sock)
            sock = self.options.tls.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=self.options.name or None)
            self._socket, self.state = sock, SECURING
            self._selector.register(sock, _WRITES, self)
            self._secure(now_s)

    def _secure(self, now_s: float) -> None:
        sock = self._open_socket()
        try:
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
        except ssl.SSLWantReadError:
            self._selector.modify(sock, _READS, self)
        except ssl.SSLWantWriteError:
            self._selector.modify(sock, _WRITES, self)
        else:
            self._greet(now_s)

    def _greet(self, now_s: float) -> None:
        self._selector.modify(self._open_socket(), _READS, self)
        self.state = GREETING
        self.write(mqtt.connect(self._client_id, self.options.keep_alive_s, self._owner.will(), self.options.login), now_s)

    def _read(self, now_s: float) -> None:
        try:
            data = self._open_socket().recv(_CHUNK)
        except LATER:
            return
        if not data:
            self._lose("closed by the broker", now_s)
            return
        self._since_s = now_s
        packets, self._rest = mqtt.split(self._rest + data if self._rest else data)
        for first, body in packets:
            if first == mqtt.PUBACK:
                self._owner.acknowledged(body[0] << 8 | body[1], mqtt.read_reason(body, 2), now_s)
            elif first & 0xF0 == mqtt.PUBLISH:
                self._owner.heard(mqtt.read_publish(first, body), now_s)
            else:
                self._control(first, body, now_s)
            if self._socket is None:
                return

    def _control(self, first: int, body: bytes, now_s: float) -> None:
        if first == mqtt.CONNACK and self.state == GREETING:
            self._welcome = mqtt.read_connack(body)
            if self._welcome.reason:
                self._lose(f"the broker refused: {mqtt.describe(self._welcome.reason)}", now_s)
            elif self._topic is None:
                self._begin(now_s)
            else:
                self.state = SUBSCRIBING
                self.write(mqtt.subscribe(1, self._topic), now_s)
        elif first == mqtt.SUBACK and self.state == SUBSCRIBING:
            reason = mqtt.suback_reason(body)
            if reason >= 0x80:
                self._lose(f"the broker refused the subscription to its own acks: {mqtt.describe(reason)}", now_s)
            else:
                self._begin(now_s)
        elif first == mqtt.DISCONNECT:
            self._lose(f"the broker says {mqtt.describe(mqtt.read_reason(body, 0))}", now_s)
        elif first != mqtt.PINGRESP:
            raise mqtt.ProtocolError(f"packet 0x{first:02X} was not expected")

    def _begin(self, now_s: float) -> None:
        self.state = READY
        self._owner.ready(self._welcome, now_s)

    def _flush(self, now_s: float) -> None:
        sock = self._open_socket()
        if self._out:
            try:
                del self._out[: sock.send(self._out)]
            except LATER:
                return
            self._said_s = now_s
        if not self._out:
            self._selector.modify(sock, _READS, self)

    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self._socket

    def _lose(self, why: str, now_s: float) -> None:
        if self.state == GREETING and self.options.tls is not None and "certificate" not in why:
            why += "; does the broker ask for a client certificate, or for another one?"  # it may cut before its alert is read
        self._drop()
        self._owner.lost(why, now_s)

    def _drop(self) -> None:
        sock, self._socket, self.state = self._socket, None, IDLE
        self._out.clear()
        if sock is not None:
            if sock.fileno() in self._selector.get_map():
                self._selector.unregister(sock)
            sock.close()
