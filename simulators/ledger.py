"""The ledger of a run: what was published and what was told safe, per (vehicle, kind, boot), as JSON lines.

Written in one step about every second and at the end, so that it is at most that much behind after a kill: it then lacks
the youngest messages and never claims one too many. `read_ledgers` is what an audit starts from.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from contracts.errors import Terminal
from contracts.identity import KINDS
from contracts.ranges import Ranges
from simulators.sensor import Sensor

Pairs = list[tuple[int, int]]


class Line(msgspec.Struct, frozen=True):
    """One vehicle, kind and boot: ranges of seq, both ends included.

    `safe` and `held` were told to the sensor unit; `dropped` left a full outbox, which may have become safe all the same.
    """

    vehicle_id: str
    kind: str
    boot_id: str
    published: Pairs
    safe: Pairs
    dropped: Pairs
    held: Pairs = []


class Stream(NamedTuple):
    """Whose messages: the key of a ledger's line."""

    vehicle_id: str
    kind: str
    boot_id: str


class Entry(NamedTuple):
    """What the ledgers say of one stream."""

    published: Ranges
    safe: Ranges
    dropped: Ranges
    held: Ranges


_decode = msgspec.json.Decoder(Line).decode
_encode_lines = msgspec.json.Encoder().encode_lines


def lines(sensors: Iterable[Sensor]) -> list[Line]:
    """A line for every stream that has messages."""
    return [
        Line(
            sensor.unit.vehicle_id,
            kind,
            boot.boot_id,
            [(0, box.published - 1)],
            box.safe.pairs(),
            box.dropped.pairs(),
            box.held.pairs(),
        )
        for sensor in sensors
        for boot in sensor.boots
        for kind, box in zip(KINDS, boot.boxes, strict=True)
        if box.published
    ]


def replace(path: Path, content: bytes) -> None:
    """Write a file in one step. Raises Terminal where it cannot be written."""
    half = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half.write_bytes(content)
        half.replace(path)
    except OSError as error:
        raise Terminal(f"cannot write {path}: {error.strerror}; choose another folder or make room") from None


def write_ledger(path: Path, sensors: Iterable[Sensor]) -> None:
    """Write the ledger as it stands now. Raises Terminal."""
    replace(path, _encode_lines(lines(sensors)))


def read_ledgers(folder: Path) -> dict[Stream, Entry]:
    """All `ledger-*.jsonl` in a folder and below it, joined. Raises Terminal naming file and line that cannot be read."""
    found: dict[Stream, Entry] = {}
    for path in sorted(folder.rglob("ledger-*.jsonl")):
        for number, raw in enumerate(path.read_bytes().splitlines(), 1):
            if not raw.strip():
                continue
            try:
                line = _decode(raw)
            except msgspec.MsgspecError as error:
                raise Terminal(f"{path} line {number} is no ledger line: {error}") from None
            key = Stream(line.vehicle_id, line.kind, line.boot_id)
            entry = found.setdefault(key, Entry(Ranges(), Ranges(), Ranges(), Ranges()))
            for ranges, pairs in zip(entry, (line.published, line.safe, line.dropped, line.held), strict=True):
                ranges.update(Ranges(pairs))
    return found
