"""Which records are believed: the checks of silver, as data over the parsed columns of a batch.

A record is judged against its own `received_at`, never against the clock of the reader: a replay or a rebuild judges as the
first pass did. The first check that a record fails gives its reason.
"""

import base64
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from contracts.identity import BOOT_ID, REGION, VEHICLE_ID, Kind
from lakehouse.quality.frame import Refusal
from lakehouse.seen import HORIZON_MS

FUTURE_MS = 5 * 60 * 1000
"""A frame may be ahead of its gateway's clock by this much."""
LATE_MS = HORIZON_MS
"""A frame may be older than its reception by this much; so long are seqs remembered."""


def judge(table: pa.Table, kind: Kind, keys: pa.ChunkedArray, refusals: Sequence[Refusal]) -> tuple[pa.Array, pa.Array]:
    """A reason code and a sentence for each parsed row, both null where the row is believed. The first reason counts, `refusals` come last."""
    reason = pa.nulls(table.num_rows, pa.string())
    detail = pa.nulls(table.num_rows, pa.string())
    of_values = [(refusal.code, refusal.details, pa.array(refusal.rows)) for refusal in refusals]
    for code, text, mask in [*_checks(table, kind, keys), *of_values]:
        found = pc.and_(pc.is_null(reason), pc.fill_null(mask, True))
        if pc.any(found).as_py():
            reason = pc.if_else(found, pa.scalar(code), reason)
            detail = pc.if_else(found, text, detail)
    return _tell_no_json(reason, detail, table)


def _checks(table: pa.Table, kind: Kind, keys: pa.ChunkedArray) -> list[tuple[str, pa.Scalar | pa.Array, pa.Array]]:
    """`(reason, sentence, mask)` in the order of precedence; a null in a mask counts as true."""
    payload = table["payload"].combine_chunks()
    ts = pc.struct_field(payload, "ts")
    received = table["received_at"].combine_chunks()
    return [
        ("schema", pa.scalar("the payload has no ts, or none of the fields of its kind"), _lacks(payload, kind)),
        ("schema", pa.scalar("the envelope lacks a field"), _lacks_envelope(table)),
        ("identity_mismatch", pa.scalar("the record's key is not the vehicle of its envelope"), pc.not_equal(keys, table["vehicle_id"])),
        ("identity_mismatch", pa.scalar("the envelope's kind does not belong on this topic"), pc.not_equal(table["kind"], kind)),
        ("identity_mismatch", pa.scalar("a name is malformed"), _malformed_names(table)),
        ("future", pa.scalar("ts is more than 5 minutes after its reception"), pc.greater(pc.subtract(ts, received), FUTURE_MS)),
        ("too_late", pa.scalar("ts is more than 7 days before its reception"), pc.greater(pc.subtract(received, ts), LATE_MS)),
    ]


def _lacks(payload: pa.StructArray, kind: Kind) -> pa.Array:
    needed = {"telemetry": ["ts", "signals"], "cells": ["ts", "cell_v", "probe_c"], "event": ["ts", "event"]}[kind]
    missing = pc.is_null(payload)
    for name in needed:
        missing = pc.or_(missing, pc.is_null(pc.struct_field(payload, name)))
    return missing


def _lacks_envelope(table: pa.Table) -> pa.Array:
    missing = pc.less(table["seq"], 0)
    for name in ("gateway_id", "region", "vehicle_id", "kind", "boot_id", "seq", "received_at"):
        missing = pc.or_kleene(missing, pc.is_null(table[name]))
    return missing


def _malformed_names(table: pa.Table) -> pa.Array:
    wrong = pc.invert(pc.match_substring_regex(table["vehicle_id"], f"^{VEHICLE_ID.pattern}$"))
    for name, pattern in (("boot_id", BOOT_ID), ("region", REGION)):
        wrong = pc.or_(wrong, pc.invert(pc.match_substring_regex(table[name], f"^{pattern.pattern}$")))
    return wrong


def _tell_no_json(reason: pa.Array, detail: pa.Array, table: pa.Table) -> tuple[pa.Array, pa.Array]:
    """A payload that travelled as base64 is no JSON: say so instead of 'schema', with how it began."""
    encoded = pc.and_(pc.is_valid(table["payload_base64"]), pc.is_null(table["payload"]))
    if not pc.any(encoded).as_py():
        return reason, detail
    reason = pc.if_else(encoded, pa.scalar("not_json"), reason)
    heads = [_head(text) for text in table["payload_base64"].to_pylist()]
    return reason, pc.if_else(encoded, pa.array(heads, pa.string()), detail)


def _head(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return "the payload is neither JSON nor base64"
    return f"the payload of {len(raw)} bytes is no JSON; it begins {raw[:40]!r}"
