"""Envelope bytes to columns: telemetry that looks alike by its template (`lakehouse.templates`), the rest by Arrow's JSON reader.

A line that the reader refuses costs only that line: the batch is halved until the culprit stands alone. So what happens
to a record does not depend on the batch that it came in.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from contracts.identity import Kind
from contracts.signals import SIGNALS
from lakehouse import templates

_ENVELOPE = [
    ("gateway_id", pa.string()),
    ("region", pa.string()),
    ("vehicle_id", pa.string()),
    ("kind", pa.string()),
    ("boot_id", pa.string()),
    ("seq", pa.int64()),
    ("received_at", pa.int64()),
    ("repaired", pa.string()),
]
_SIGNALS = pa.struct([(signal.name, pa.float64()) for signal in SIGNALS])
_LIST = pa.list_(pa.float64())
PAYLOADS: dict[Kind, pa.DataType] = {
    "telemetry": pa.struct([("ts", pa.int64()), ("signals", _SIGNALS)]),
    "cells": pa.struct([("ts", pa.int64()), ("cell_v", _LIST), ("probe_c", _LIST)]),
    "event": pa.struct([("ts", pa.int64()), ("event", pa.string())]),
}


class Refused(NamedTuple):
    """A record that could not be read: its row in the batch, a reason code and what the reader said."""

    row: int
    reason: str
    detail: str


class Parsed(NamedTuple):
    """The readable records of a batch as columns (`row` = its row in the batch), and the refused ones."""

    table: pa.Table
    refused: list[Refused]


def parse(values: list[bytes], kind: Kind) -> Parsed:
    """Read a batch of envelopes whose payloads are of one kind."""
    schema = pa.schema([*_ENVELOPE, ("payload", PAYLOADS[kind]), ("payload_base64", pa.string())])
    tables: list[pa.Table] = []
    refused: list[Refused] = []
    rest = np.ones(len(values), bool)
    for alike in templates.read(values, schema) if kind == "telemetry" else ():
        tables.append(alike.table.append_column("row", pa.array(alike.rows, pa.int64())))
        rest[alike.rows] = False
    rows = np.flatnonzero(rest)
    others = values if len(rows) == len(values) else [values[row] for row in rows.tolist()]
    for first, last, outcome in _read(others, 0, len(others), schema):
        if isinstance(outcome, pa.Table):
            tables.append(outcome.append_column("row", pa.array(rows[first:last], pa.int64())))
        else:
            refused.append(Refused(int(rows[first]), _reason(others[first]), outcome))
    if not tables:
        empty = schema.append(pa.field("row", pa.int64())).empty_table()
        return Parsed(empty, refused)
    return Parsed(_in_order(tables), refused)


def _in_order(tables: list[pa.Table]) -> pa.Table:
    """One table, by row."""
    if len(tables) == 1:
        return tables[0]
    together = pa.concat_tables(tables, promote_options="permissive").combine_chunks()
    rows = together["row"].to_numpy()
    return together if (rows[1:] > rows[:-1]).all() else together.take(pa.array(np.argsort(rows)))


def _read(values: list[bytes], first: int, last: int, schema: pa.Schema) -> Iterator[tuple[int, int, pa.Table | str]]:
    """Stretches `[first, last)` of the batch with their table, or a single row with the reader's complaint."""
    if first == last:
        return
    try:
        yield first, last, _read_lines(values[first:last], schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        if last - first == 1:
            yield first, last, str(error).splitlines()[0][:200]
            return
        middle = (first + last) // 2
        yield from _read(values, first, middle, schema)
        yield from _read(values, middle, last, schema)


def _read_lines(lines: list[bytes], schema: pa.Schema) -> pa.Table:
    text = b"\n".join(lines)
    # A record that holds a line break, or two objects, would shift the rows behind it.
    if text.count(b"\n") != len(lines) - 1 or not all(line[:1] == b"{" and line[-1:] == b"}" for line in lines):
        raise ValueError("not one JSON object on one line")
    if not text.isascii():
        text.decode()  # the reader does not look; the error is a ValueError
    table = pj.read_json(
        pa.BufferReader(text),
        read_options=pj.ReadOptions(use_threads=False, block_size=len(text) + 1),
        parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior=_strange(schema)),
    )
    if table.num_rows != len(lines):
        raise ValueError("not one JSON object on one line")
    return table


def _strange(schema: pa.Schema) -> str:
    """Unknown signals are looked at, to be named; the attributes of an event are free and not opened here."""
    return "infer" if schema.field("payload").type == PAYLOADS["telemetry"] else "ignore"


def _reason(value: bytes) -> str:
    try:
        value.decode()
        msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "not_json"
    return "schema"
