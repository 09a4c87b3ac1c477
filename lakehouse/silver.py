"""Bronze to silver: what a believed record looks like as a row, and what becomes of the others.

`refine` is a pure function of a batch in Kafka order and of what was seen before, so the same batch gives the same rows live,
in a replay and in a rebuild.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.codec import Malformed, decode_envelope
from contracts.identity import Kind
from contracts.signals import BY_NAME, SIGNALS
from lakehouse.parse import Refused, parse
from lakehouse.rules import judge
from lakehouse.seen import Arrivals, Seen, admit
from lakehouse.tables import COORDINATES, QUARANTINE, SCHEMAS, SILVER_OF, TIME

_MS = pa.timestamp("ms", tz="UTC")


class Refined(NamedTuple):
    """What a batch became: rows for the silver table, rows for quarantine, and how many had been seen before."""

    rows: pa.Table
    quarantine: pa.Table
    duplicates: int


def clocks(bronze: pa.Table, start_ms: Mapping[int, int]) -> np.ndarray:
    """The clock (ms) of each row's partition at that row: the running maximum of the Kafka timestamp, from `start_ms` on.

    The rows of a partition are in offset order.
    """
    stamps = bronze["kafka_ts"].cast(_MS).cast(pa.int64()).to_numpy().copy()
    partitions = bronze["partition"].to_numpy()
    for partition in np.unique(partitions):
        mine = partitions == partition
        stamps[mine] = np.maximum.accumulate(np.maximum(stamps[mine], start_ms.get(int(partition), 0)))
    return stamps


def refine(bronze: pa.Table, kind: Kind, seen: Seen, known: np.ndarray) -> Refined:
    """Judge a batch of one bronze table, each partition in offset order; `seen` takes in what is new.

    `known` are the clocks of the rows (see `clocks`).
    """
    size = bronze.num_rows
    values = bronze["value"].to_pylist()
    table, refused = parse(values, kind)
    at = table["row"].to_numpy()
    reasons, details = judge(table, kind, bronze["key"].take(table["row"]))
    verdict = _verdicts(size, at, reasons, details, refused)
    identities = pa.concat_tables([_identities(table), _unread_identities(values, refused)]).sort_by("row")
    accepted, quarantined = np.zeros(size, bool), np.ones(size, bool)
    if identities.num_rows:
        rows = identities["row"].to_numpy()
        good = np.array([verdict.reason[row] is None for row in rows.tolist()], bool)
        seqs, partitions = identities["seq"].to_numpy(), bronze["partition"].to_numpy()[rows]
        new = admit(seen, Arrivals(identities["vehicle_id"], identities["boot_id"], seqs, good, partitions, known[rows]))
        accepted[rows], quarantined[rows] = new
    silver = _rows(table.filter(pa.array(accepted[at])), bronze, known, kind)
    bad = np.flatnonzero(quarantined)
    return Refined(silver, _quarantine(bronze, known, kind, bad, verdict, identities), size - silver.num_rows - len(bad))


class _Verdict(NamedTuple):
    """A reason and a sentence for each row of the batch; None where it is believed."""

    reason: list[str | None]
    detail: list[str | None]


def _verdicts(size: int, at: np.ndarray, reasons: pa.Array, details: pa.Array, refused: list[Refused]) -> _Verdict:
    verdict = _Verdict([None] * size, [None] * size)
    for index in pc.indices_nonzero(pc.is_valid(reasons)).to_pylist():
        verdict.reason[at[index]], verdict.detail[at[index]] = reasons[index].as_py(), details[index].as_py()
    for item in refused:
        verdict.reason[item.row], verdict.detail[item.row] = item.reason, item.detail
    return verdict


def _identities(table: pa.Table) -> pa.Table:
    """Row, vehicle, boot and seq of the parsed records that have them."""
    named = pc.and_(pc.is_valid(table["vehicle_id"]), pc.and_(pc.is_valid(table["boot_id"]), pc.is_valid(table["seq"])))
    return table.select(["row", "vehicle_id", "boot_id", "seq"]).filter(named)


def _unread_identities(values: list[bytes], refused: list[Refused]) -> pa.Table:
    """The same of records whose shape was refused but whose envelope can be read."""
    found: list[tuple[int, str, str, int]] = []
    for item in refused:
        try:
            envelope = decode_envelope(values[item.row])
        except Malformed:
            continue
        found.append((item.row, envelope.vehicle_id, envelope.boot_id, envelope.seq))
    schema = pa.schema([("row", pa.int64()), ("vehicle_id", pa.string()), ("boot_id", pa.string()), ("seq", pa.int64())])
    columns = list(zip(*found, strict=True)) if found else [(), (), (), ()]
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema)


def _rows(table: pa.Table, bronze: pa.Table, known: np.ndarray, kind: Kind) -> pa.Table:
    """Believed records as rows of their silver table."""
    at = table["row"]
    payload = table["payload"].combine_chunks()
    event_ts = pc.struct_field(payload, "ts").cast(_MS).cast(TIME)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "date": pc.strftime(event_ts, format="%Y-%m-%d"),
        **{name: table[name] for name in ("vehicle_id", "region", "gateway_id", "boot_id", "seq")},
        "event_ts": event_ts,
        "received_at": table["received_at"].cast(_MS).cast(TIME),
        "known_at": pa.array(known, pa.int64()).take(at.combine_chunks()).cast(_MS).cast(TIME),
        **{field.name: bronze[field.name].take(at) for field in COORDINATES},
    }
    if kind == "telemetry":
        signals = payload.field("signals")  # no believed row lacks its payload or its signals
        columns["unknown_signals"] = _unknown(signals)
        columns |= {signal.name: signals.field(signal.name) for signal in SIGNALS}
    elif kind == "cells":
        columns |= {name: pc.struct_field(payload, name) for name in ("cell_v", "probe_c")}
    else:
        columns["event"] = pc.struct_field(payload, "event")
        columns["attributes"] = _attributes(bronze, at)
    schema = SCHEMAS[SILVER_OF[kind]]
    return pa.table([columns[name] for name in schema.names], names=schema.names).cast(schema)


def _unknown(signals: pa.StructArray) -> pa.Array:
    """Names that the catalogue lacks, a list a row, null where there are none: a warning, the row is believed."""
    strange = [field.name for field in signals.type if field.name not in BY_NAME]
    present = {name: pc.is_valid(pc.struct_field(signals, name)).to_pylist() for name in strange}
    if not any(any(mask) for mask in present.values()):
        return pa.nulls(len(signals), pa.list_(pa.string()))
    lists = [[name for name in sorted(strange) if present[name][row]] or None for row in range(len(signals))]
    return pa.array(lists, pa.list_(pa.string()))


class _EventPayload(msgspec.Struct):
    attributes: msgspec.Raw = msgspec.Raw(b"{}")


class _EventEnvelope(msgspec.Struct):
    payload: _EventPayload


_event_attributes = msgspec.json.Decoder(_EventEnvelope).decode


def _attributes(bronze: pa.Table, at: pa.ChunkedArray) -> pa.Array:
    """The free attributes of events as JSON text, byte for byte."""
    texts = []
    for value in bronze["value"].take(at).to_pylist():
        texts.append(bytes(_event_attributes(value).payload.attributes).decode())
    return pa.array(texts, pa.string())


def _quarantine(bronze: pa.Table, known: np.ndarray, kind: Kind, bad: np.ndarray, verdict: _Verdict, identities: pa.Table) -> pa.Table:
    if not len(bad):
        return QUARANTINE.empty_table()
    rows = bronze.take(pa.array(bad, pa.int64()))
    known_at = pa.array(known[bad], pa.int64()).cast(_MS).cast(TIME)
    who = {row["row"]: row for row in identities.filter(pc.is_in(identities["row"], pa.array(bad, pa.int64()))).to_pylist()}
    named = [who.get(row, {}) for row in bad.tolist()]
    columns = {
        "date": pc.strftime(known_at, format="%Y-%m-%d"),
        "kind": pa.repeat(kind, len(bad)),
        "reason": pa.array([verdict.reason[row] for row in bad.tolist()], pa.string()),
        "detail": pa.array([verdict.detail[row] for row in bad.tolist()], pa.string()),
        "vehicle_id": pa.array([row.get("vehicle_id") for row in named], pa.string()),
        "boot_id": pa.array([row.get("boot_id") for row in named], pa.string()),
        "seq": pa.array([row.get("seq") for row in named], pa.int64()),
        "known_at": known_at,
    }
    kept = {name: rows[name] for name in QUARANTINE.names if name not in columns}
    columns |= kept
    return pa.table([columns[name] for name in QUARANTINE.names], names=QUARANTINE.names).cast(QUARANTINE)
