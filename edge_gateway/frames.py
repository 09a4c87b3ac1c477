"""A record of the spool to bytes and back.

    frame = length of body (u32) · CRC-32 of body (u32) · body          little endian
    body  = topic (u8) · kind (u8) · length of vehicle id (u8) · 0 · seq (i64) · received_at (i64) · boot id (8) · vehicle id · record

`record` is the finished JSON text `{"key": …, "value": …}` of the produce request: encoded once, at reception.
"""

import struct
import zlib
from typing import NamedTuple

from contracts.identity import KINDS
from contracts.topics import CELLS, EVENTS, REJECTED, TELEMETRY

PREFIX = struct.Struct("<II")
_HEADER = struct.Struct("<BBBxqq8s")
# Numbers on disk: add, never change.
_TOPICS = {1: TELEMETRY, 2: CELLS, 3: EVENTS, 4: REJECTED}
_TOPIC_NUMBERS = {topic: number for number, topic in _TOPICS.items()}
_KINDS = dict(enumerate(("", *KINDS)))
_KIND_NUMBERS = {kind: number for number, kind in _KINDS.items()}


class Entry(NamedTuple):
    """One spooled record. Without an identity (`seq` -1, `boot_id` and `kind` maybe empty) nobody is told about it."""

    topic: str
    vehicle_id: str
    kind: str
    boot_id: str
    seq: int
    received_at: int
    record: bytes


class Torn(ValueError):
    """The bytes from some offset on are no whole frames. `.at` is that offset."""

    def __init__(self, at: int, why: str) -> None:
        super().__init__(f"{why} at byte {at}")
        self.at = at


def pack(entry: Entry) -> bytes:
    """The frame of an entry."""
    vehicle = entry.vehicle_id.encode()
    body = b"".join(
        (
            _HEADER.pack(_TOPIC_NUMBERS[entry.topic], _KIND_NUMBERS[entry.kind], len(vehicle), entry.seq, entry.received_at, entry.boot_id.encode()),
            vehicle,
            entry.record,
        )
    )
    return PREFIX.pack(len(body), zlib.crc32(body)) + body


def unpack(data: bytes, limit: int) -> tuple[list[Entry], int]:
    """At most `limit` whole frames from the start of `data`, and the bytes they take. Raises Torn at a broken frame."""
    entries: list[Entry] = []
    at, size = 0, len(data)
    while len(entries) < limit and at + PREFIX.size <= size:
        length, crc = PREFIX.unpack_from(data, at)
        if length < _HEADER.size:
            raise Torn(at, "no frame")
        start, end = at + PREFIX.size, at + PREFIX.size + length
        if end > size:
            break
        body = data[start:end]
        if zlib.crc32(body) != crc:
            raise Torn(at, "wrong checksum")
        topic, kind, width, seq, received_at, boot = _HEADER.unpack_from(body)
        named = _HEADER.size + width
        entries.append(
            Entry(
                _TOPICS[topic],
                body[_HEADER.size : named].decode(),
                _KINDS[kind],
                boot.rstrip(b"\0").decode(),
                seq,
                received_at,
                body[named:],
            )
        )
        at = end
    return entries, at
