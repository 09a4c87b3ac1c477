"""Every example of docs/contracts.md is what the code reads."""

import re
from pathlib import Path

import msgspec
import pytest

from contracts.codec import decode, decode_payload
from contracts.events import Ack, Alert, AlertCommand, Cells, Envelope, Event, Rejection, Score, State, Telemetry
from contracts.report import Report
from contracts.signals import BY_NAME

PAGE = Path(__file__).parents[2] / "docs" / "contracts.md"
EXAMPLES = dict(re.findall(r"```json (\w+)\n(.*?)```", PAGE.read_text(), re.DOTALL))


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    value: Envelope


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    records: list[_Record]


TYPES = {
    "telemetry": Telemetry,
    "cells": Cells,
    "event": Event,
    "state": State,
    "ack": Ack,
    "request": _Request,
    "envelope": Envelope,
    "rejection": Rejection,
    "alert": Alert,
    "command": AlertCommand,
    "score": Score,
    "report": Report,
}


def test_each_type_has_an_example() -> None:
    assert EXAMPLES.keys() == TYPES.keys()


@pytest.mark.parametrize("name", sorted(TYPES))
def test_an_example_is_complete_and_has_nothing_strange(name: str) -> None:
    value = decode(EXAMPLES[name].encode(), TYPES[name])
    written = msgspec.json.decode(EXAMPLES[name])
    assert written.keys() <= {field.name for field in msgspec.structs.fields(TYPES[name])}
    assert value


def test_the_frame_uses_signals_of_the_catalogue() -> None:
    frame = decode_payload("telemetry", EXAMPLES["telemetry"].encode())
    assert isinstance(frame, Telemetry)
    assert frame.signals.keys() <= BY_NAME.keys()
