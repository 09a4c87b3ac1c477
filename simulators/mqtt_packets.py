"""MQTT 5 packets to bytes and back: as much of the standard as a sensor unit needs. Pure.

Numbers of sections are those of "MQTT Version 5.0", OASIS Standard, 7 March 2019. Written by hand because a client library
costs several times the rest: on two cores, 1,000 connections and frames made meanwhile, paho 2 with one external loop publishes
7,500 messages a CPU-second, this 25,000 (5 Hz) to 36,000 (15 Hz).
"""

from typing import NamedTuple

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP, DISCONNECT = 0x20, 0x30, 0x40, 0x90, 0xD0, 0xE0
PINGREQ = b"\xc0\x00"
GOODBYE = b"\xe0\x00"
"""DISCONNECT with reason 0: the broker drops the will."""

# Properties (2.2.2.2) by the shape of their value.
_BYTE = frozenset((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A))
_TWO = frozenset((0x13, 0x21, 0x22, 0x23))
_FOUR = frozenset((0x02, 0x11, 0x18, 0x27))
_TEXT = frozenset((0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F))
_VARINT, _PAIR = 0x0B, 0x26
_RECEIVE_MAXIMUM, _SERVER_KEEP_ALIVE = 0x21, 0x13

REASONS = {
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x84: "protocol version not supported (MQTT 5 is needed)",
    0x85: "client identifier not valid",
    0x86: "bad user name or password",
    0x87: "not authorised",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8B: "server shutting down",
    0x8D: "keep alive timeout",
    0x8E: "another client took over the session: two simulators use the same vehicle ids",
    0x93: "receive maximum exceeded",
    0x95: "packet too large",
    0x97: "quota exceeded",
}


class ProtocolError(ValueError):
    """The peer sent bytes that are no MQTT 5."""


class Will(NamedTuple):
    """What the broker publishes, retained and with QoS 1, when the connection dies."""

    topic: str
    payload: bytes


class Welcome(NamedTuple):
    """A CONNACK: reason (0 is success), and the limits that the broker sets."""

    reason: int
    receive_maximum: int
    keep_alive_s: int | None


class Incoming(NamedTuple):
    """A PUBLISH of the broker with QoS 0."""

    topic: str
    payload: bytes


def varint(number: int) -> bytes:
    """Variable byte integer (1.5.5)."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def text(value: str) -> bytes:
    """UTF-8 string with its length (1.5.4)."""
    raw = value.encode()
    return len(raw).to_bytes(2, "big") + raw


def connect(client_id: str, keep_alive_s: int, will: Will, login: tuple[str, str] | None = None) -> bytes:
    """CONNECT (3.1) with a clean start; the session ends with the connection. `login` is user name and password."""
    flags = 0b0010_1110 | (0b1100_0000 if login else 0)
    payload = text(client_id) + b"\x00" + text(will.topic) + len(will.payload).to_bytes(2, "big") + will.payload
    if login:
        payload += text(login[0]) + text(login[1])
    body = text("MQTT") + bytes((5, flags)) + keep_alive_s.to_bytes(2, "big") + b"\x00" + payload
    return b"\x10" + varint(len(body)) + body


def subscribe(packet_id: int, topic: str) -> bytes:
    """SUBSCRIBE (3.8) to one topic with QoS 0, without what is retained there."""
    body = packet_id.to_bytes(2, "big") + b"\x00" + text(topic) + b"\x20"
    return b"\x82" + varint(len(body)) + body


def publish(topic: bytes, packet_id: int, properties: bytes, payload: bytes, *, retain: bool = False) -> bytes:
    """PUBLISH (3.3) with QoS 1. `topic` and `properties` come ready from `text` and `user_property`: they are the hot path."""
    size = len(topic) + 2 + len(properties) + len(payload)
    if size < 128:
        head = bytes((0x33 if retain else 0x32, size))
    elif size < 16_384:
        head = bytes((0x33 if retain else 0x32, size & 0x7F | 0x80, size >> 7))
    else:
        head = (b"\x33" if retain else b"\x32") + varint(size)
    return b"".join((head, topic, packet_id.to_bytes(2, "big"), properties, payload))


NO_PROPERTIES = b"\x00"


def user_property(name: bytes, value: bytes) -> bytes:
    """A properties field that holds one user property; both texts together below 120 bytes."""
    return b"%c\x26\x00%c%b\x00%c%b" % (len(name) + len(value) + 5, len(name), name, len(value), value)


def split(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Whole packets as (first byte, body), and the bytes that are left of one that is not whole yet. Raises ProtocolError."""
    packets: list[tuple[int, bytes]] = []
    at, end = 0, len(data)
    while end - at >= 2:
        size, body = data[at + 1], at + 2
        if size & 0x80:
            size &= 0x7F
            shift = 7
            while True:
                if body >= end:
                    return packets, data[at:]
                more = data[body]
                size |= (more & 0x7F) << shift
                body += 1
                if not more & 0x80:
                    break
                shift += 7
                if shift > 21:
                    raise ProtocolError("a packet's length has more than four bytes")
        if body + size > end:
            break
        packets.append((data[at], data[body : body + size]))
        at = body + size
    return packets, data[at:]


def read_connack(body: bytes) -> Welcome:
    """A CONNACK's body (3.2). Raises ProtocolError."""
    try:
        found = _properties(body, 2) if len(body) > 2 else {}
        return Welcome(body[1], found.get(_RECEIVE_MAXIMUM, 65_535), found.get(_SERVER_KEEP_ALIVE))
    except IndexError:
        raise ProtocolError("a CONNACK is cut short") from None


def read_publish(first: int, body: bytes) -> Incoming:
    """A PUBLISH's first byte and body, QoS 0 only, because that is all that is subscribed to. Raises ProtocolError."""
    if first & 0b0110:
        raise ProtocolError("the broker sent a message with QoS 1 or 2 on a subscription of QoS 0")
    try:
        at = 2 + int.from_bytes(body[:2], "big")
        size, start = _read_varint(body, at)
        return Incoming(body[2:at].decode(), body[start + size :])
    except (IndexError, UnicodeDecodeError):
        raise ProtocolError("a PUBLISH is cut short or its topic is not UTF-8") from None


def read_reason(body: bytes, at: int) -> int:
    """The reason code of a PUBACK (at 2) or DISCONNECT (at 0), which stands for success where it is left out."""
    return body[at] if len(body) > at else 0


def suback_reason(body: bytes) -> int:
    """The reason of the one topic of a SUBACK (3.9): the granted QoS, or 0x80 and above for a refusal."""
    return body[-1] if body else 0x80


def describe(reason: int) -> str:
    """A reason code in words."""
    return f"{REASONS.get(reason, 'reason')} (0x{reason:02X})"


def _read_varint(body: bytes, at: int) -> tuple[int, int]:
    number, shift = 0, 0
    while True:
        byte = body[at]
        number |= (byte & 0x7F) << shift
        at += 1
        if not byte & 0x80:
            return number, at
        shift += 7


def _properties(body: bytes, at: int) -> dict[int, int]:
    """The numeric properties of a packet. Raises ProtocolError, IndexError."""
    size, at = _read_varint(body, at)
    end, found = at + size, {}
    while at < end:
        name, at = body[at], at + 1
        if name in _BYTE:
            width = 1
        elif name in _TWO:
            width = 2
        elif name in _FOUR:
            width = 4
        elif name in _TEXT:
            at += 2 + int.from_bytes(body[at : at + 2], "big")
            continue
        elif name == _PAIR:
            at += 2 + int.from_bytes(body[at : at + 2], "big")
            at += 2 + int.from_bytes(body[at : at + 2], "big")
            continue
        elif name == _VARINT:
            found[name], at = _read_varint(body, at)
            continue
        else:
            raise ProtocolError(f"unknown property 0x{name:02X}")
        found[name] = int.from_bytes(body[at : at + width], "big")
        at += width
    return found
