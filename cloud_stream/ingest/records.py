"""The records of a produce request, checked as far as the envelope tells. Pure; the values stay the bytes that came."""

from typing import Annotated, NamedTuple

import msgspec

from cloud_stream.ingest.fault import Fault
from cloud_stream.ingest.permit import Permit
from contracts.identity import BOOT_ID, REGION, VEHICLE_ID
from contracts.topics import BY_KIND, REJECTED

_ANY_ID_MAX = 64


def _whole(pattern: str) -> msgspec.Meta:
    return msgspec.Meta(pattern=rf"^(?:{pattern})\Z")


class _Record(msgspec.Struct, frozen=True, gc=False):
    key: str
    value: msgspec.Raw


class _Request(msgspec.Struct, frozen=True, gc=False):
    records: list[_Record]


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    """What is looked at of an envelope; the rest is skipped."""

    gateway_id: str
    region: Annotated[str, _whole(REGION.pattern)]
    vehicle_id: Annotated[str, _whole(VEHICLE_ID.pattern)]
    kind: str
    boot_id: Annotated[str, _whole(BOOT_ID.pattern)]
    seq: Annotated[int, msgspec.Meta(ge=0)]
    received_at: Annotated[int, msgspec.Meta(ge=0)]


class _Rejection(msgspec.Struct, frozen=True, gc=False):
    """The same of a rejection, whose message may have had no identity."""

    gateway_id: str
    region: Annotated[str, _whole(REGION.pattern)]
    vehicle_id: Annotated[str, msgspec.Meta(max_length=_ANY_ID_MAX)]
    kind: str
    boot_id: str
    seq: Annotated[int, msgspec.Meta(ge=-1)]
    reason: str


class Checked(NamedTuple):
    """Keys and values for Kafka, in the request's order."""

    keys: list[str]
    values: list[bytes]


_request = msgspec.json.Decoder(_Request).decode
_envelope = msgspec.json.Decoder(_Envelope).decode
_rejection = msgspec.json.Decoder(_Rejection).decode
_KIND_OF = {topic: kind for kind, topic in BY_KIND.items()}
_SHAPE = 'send {"records": [{"key": vehicle id, "value": envelope}, …]}'


def check(topic: str, content: bytes, permit: Permit, record_max_bytes: int) -> Checked | Fault:
    """All records of a request, or why it is not taken and which record is to blame."""
    records = _parse(content)
    if isinstance(records, Fault):
        return records
    decode = _rejection if topic == REJECTED else _envelope
    keys, values = [], []
    for at, record in enumerate(records):
        try:
            envelope = decode(record.value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return Fault(42203, f"the value of record {at} is no envelope: {error}", "docs/contracts.md shows one", at)
        fault = _blame(topic, at, record.key, envelope, permit)
        if fault is not None:
            return fault
        value = bytes(record.value)
        if len(value) > record_max_bytes:
            return Fault(41303, f"record {at} is larger than {record_max_bytes} bytes", "send a rejection in its place", at)
        keys.append(record.key)
        values.append(value)
    return Checked(keys, values)


def _parse(content: bytes) -> list[_Record] | Fault:
    try:
        records = _request(content).records
    except msgspec.ValidationError as error:
        return Fault(42201, f"the request is not of the right shape: {error}", _SHAPE)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Fault(40002, f"the body is no JSON text: {error}", _SHAPE)
    return records or Fault(42202, "the request has no records", _SHAPE)


def _blame(topic: str, at: int, key: str, envelope: _Envelope | _Rejection, permit: Permit) -> Fault | None:
    """What is wrong with an envelope of the right shape."""
    if envelope.region not in permit.regions or envelope.gateway_id != permit.gateway_id:
        return _not_permitted(at, envelope.gateway_id, envelope.region, permit)
    if key != envelope.vehicle_id:
        return Fault(42204, f"the key of record {at} is not its vehicle_id", "use the vehicle_id as key: it keeps a vehicle in order", at)
    kind = _KIND_OF.get(topic, envelope.kind)
    if envelope.kind != kind:
        home = next((topic for known, topic in BY_KIND.items() if known == envelope.kind), None)
        hint = f"post it to {home}" if home else f"known kinds are {', '.join(BY_KIND)}"
        return Fault(42205, f"record {at} is of kind {envelope.kind[:40]!r}, which does not belong on {topic}", hint, at)
    return None


def _not_permitted(at: int, gateway_id: str, region: str, permit: Permit) -> Fault:
    return Fault(
        40301,
        f"record {at} is of gateway {gateway_id[:40]!r} in region {region!r}; the certificate is of {permit.gateway_id!r} for "
        f"{', '.join(sorted(permit.regions)) or 'no region'}",
        "use a certificate of that gateway and region",
        at,
    )
