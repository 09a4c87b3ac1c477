"""What becomes of a message that arrives: an entry for the spool. Pure.

The payload stays unopened: it is embedded as it came. What can never be delivered becomes a rejection at once.
"""

import base64
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from contracts import codec
from contracts.events import Envelope, Rejection
from contracts.identity import ID_PROPERTY, KINDS, Kind, parse_message_id
from contracts.topics import BY_KIND, REJECTED, parse_topic
from edge_gateway.frames import Entry

HEAD_BYTES = 256
"""How much of a rejected payload its rejection keeps."""
TRACE_PROPERTY = "traceparent"
_TRACE_LENGTH = 55
_KINDS: dict[str, Kind] = {kind: kind for kind in KINDS}

_parse_topic = lru_cache(maxsize=2**17)(parse_topic)


class Station(NamedTuple):
    """The gateway, as far as its envelopes show it."""

    gateway_id: str
    region: str
    payload_max_bytes: int


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record of a produce request."""

    key: str
    value: Envelope | Rejection


class Admission(NamedTuple):
    """An entry for the spool, and the reason where it is a rejection."""

    entry: Entry
    reason: str | None


def admit(station: Station, topic: str, payload: bytes, properties: Mapping[str, Any], received_at: int) -> Admission:
    """The entry of one MQTT message. `properties` is gmqtt's mapping; `received_at` is in epoch milliseconds."""
    address = _parse_topic(topic)
    if address is None or (kind := _KINDS.get(address.leaf)) is None or address.region != station.region:
        return _refuse(station, Entry(REJECTED, "", "", "", -1, received_at, b""), payload, "bad_topic", f"topic {topic[:200]!r}")
    named = dict(properties.get("user_property", ()))
    identity = parse_message_id(named.get(ID_PROPERTY, ""))
    if identity is None:
        detail = f"user property {ID_PROPERTY!r} is {named.get(ID_PROPERTY)!r}, not boot_id/seq"[:300]
        return _refuse(station, Entry(REJECTED, address.vehicle_id, kind, "", -1, received_at, b""), payload, "bad_identity", detail)
    boot_id, seq = identity
    if len(payload) > station.payload_max_bytes:
        detail = f"payload of {len(payload)} bytes is over the limit of {station.payload_max_bytes}"
        return _refuse(station, Entry(REJECTED, address.vehicle_id, kind, boot_id, seq, received_at, b""), payload, "too_large", detail)
    raw, text = codec.seal(payload)
    envelope = Envelope(
        station.gateway_id,
        station.region,
        address.vehicle_id,
        kind,
        boot_id,
        seq,
        received_at,
        raw,
        text,
        _traceparent(named),
    )
    record = codec.encode(Record(address.vehicle_id, envelope))
    return Admission(Entry(BY_KIND[kind], address.vehicle_id, kind, boot_id, seq, received_at, record), None)


def _traceparent(named: Mapping[str, str]) -> str | None:
    """W3C trace context of the sensor, where it is one; anything longer is not."""
    text = named.get(TRACE_PROPERTY)
    return text if text is None or len(text) == _TRACE_LENGTH else None


def _refuse(station: Station, known: Entry, payload: bytes, reason: str, detail: str) -> Admission:
    return Admission(rejection(station, known, payload, reason, detail), reason)


def rejection(station: Station, known: Entry, message: bytes, reason: str, detail: str) -> Entry:
    """The entry that tells why a message cannot be delivered, with its identity as far as `known` has it."""
    value = Rejection(
        gateway_id=station.gateway_id,
        region=station.region,
        vehicle_id=known.vehicle_id,
        kind=known.kind,
        boot_id=known.boot_id,
        seq=known.seq,
        received_at=known.received_at,
        reason=reason,
        detail=detail,
        size=len(message),
        sha256=hashlib.sha256(message).hexdigest(),
        head_base64=base64.b64encode(message[:HEAD_BYTES]).decode(),
    )
    return known._replace(topic=REJECTED, record=codec.encode(Record(known.vehicle_id, value)))
