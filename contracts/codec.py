"""Values to bytes and back: the only place that knows the wire format."""

import base64
from collections.abc import Callable
from typing import TypeVar

import msgspec

from contracts.events import Alert, AlertCommand, Cells, Envelope, Event, Telemetry

T = TypeVar("T")

encode = msgspec.json.Encoder().encode
_raw = msgspec.json.Decoder(msgspec.Raw).decode
_envelope = msgspec.json.Decoder(Envelope).decode
_alert = msgspec.json.Decoder(Alert).decode
_command = msgspec.json.Decoder(AlertCommand).decode
_payloads: dict[str, Callable[[bytes], Telemetry | Cells | Event]] = {
    "telemetry": msgspec.json.Decoder(Telemetry).decode,
    "cells": msgspec.json.Decoder(Cells).decode,
    "event": msgspec.json.Decoder(Event).decode,
}


class Malformed(ValueError):
    """The bytes are not what they should be; the text says where."""


def decode(raw: bytes, kind: type[T]) -> T:
    """Decode one value of a known type. Raises Malformed."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(str(error)) from None


def decode_envelope(raw: bytes) -> Envelope:
    """The envelope of a Kafka record; its payload stays unopened. Raises Malformed."""
    try:
        return _envelope(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(str(error)) from None


def decode_alert(raw: bytes) -> Alert:
    """A record of `alerts.v1`. Raises Malformed."""
    try:
        return _alert(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from None


def decode_command(raw: bytes) -> AlertCommand:
    """A record of `alerts.commands.v1`. Raises Malformed."""
    try:
        return _command(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from None


def decode_payload(kind: str, raw: bytes) -> Telemetry | Cells | Event:
    """The payload of a message of that kind. Raises Malformed."""
    try:
        return _payloads[kind](raw)
    except KeyError:
        raise Malformed(f"unknown kind {kind!r}; known are {', '.join(_payloads)}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(str(error)) from None


def seal(payload: bytes) -> tuple[msgspec.Raw, str | None]:
    """`(payload, payload_base64)` of an envelope: JSON text goes as it is, anything else as base64."""
    try:
        payload.decode()
        _raw(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return msgspec.Raw(b"null"), base64.b64encode(payload).decode()
    return msgspec.Raw(payload), None
