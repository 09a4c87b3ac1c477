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

from contracts.identity import Kind
from contracts.quality import REPLAYED
from contracts.signals import BY_NAME, SIGNALS
from lakehouse.parse import parse
from lakehouse.positions import Source, by_source
from lakehouse.quality.frame import Columns, Examined, Mark, cells_out_of_range, examine
from lakehouse.quality.marks import changes, listed
from lakehouse.rules import judge
from lakehouse.seen import Arrivals, Seen, admit
from lakehouse.tables import COORDINATES, SCHEMAS, SILVER_OF, TIME
from lakehouse.verdicts import identities, quarantine, verdicts

_MS = pa.timestamp("ms", tz="UTC")


class Refined(NamedTuple):
    """What a batch became: rows for the silver table, rows for quarantine, and how many had been seen before."""

    rows: pa.Table
    quarantine: pa.Table
    duplicates: int


def clocks(bronze: pa.Table, start_ms: Mapping[Source, int]) -> np.ndarray:
    """The clock (ms) of each row's source at that row: the running maximum of the Kafka timestamp, from `start_ms` on.

    The rows of a source are in offset order. A source has a clock of its own, so that what is known of a row does not depend on what
    other sources of its partition there are, nor on which of them was read first.
    """
    stamps = bronze["kafka_ts"].cast(_MS).cast(pa.int64()).to_numpy().copy()
    sources, places = by_source(bronze)
    for place, source in enumerate(sources):
        rows = places == place
        stamps[rows] = np.maximum.accumulate(np.maximum(stamps[rows], start_ms.get(source, 0)))
    return stamps


def refine(bronze: pa.Table, kind: Kind, seen: Seen, known: np.ndarray) -> Refined:
    """Judge a batch of one bronze table, each partition in offset order; `seen` takes in what is new.

    `known` are the clocks of the rows (see `clocks`).
    """
    size = bronze.num_rows
    values = bronze["value"].to_pylist()
    parsed = parse(values, kind)
    table, at = parsed.table, parsed.table["row"].to_numpy()
    payload = table["payload"].combine_chunks()
    examined = examine(payload.field("signals")) if kind == "telemetry" else Examined({}, cells_out_of_range(payload) if kind == "cells" else [], [])
    keys = bronze["key"] if len(at) == size else bronze["key"].take(table["row"])
    verdict = verdicts(size, parsed, *judge(table, kind, keys, examined.refusals))
    who = identities(parsed, values)
    accepted, quarantined = np.zeros(size, bool), np.ones(size, bool)
    if who.num_rows:
        rows = who["row"].to_numpy()
        seqs, (sources, places) = who["seq"].to_numpy(), by_source(bronze)
        arrivals = Arrivals(who["vehicle_id"], who["boot_id"], seqs, verdict.good[rows], sources, places[rows], known[rows])
        accepted[rows], quarantined[rows] = admit(seen, arrivals)
    silver = _rows(_believed(table, examined, accepted[at]), bronze, known, seen)
    bad = np.flatnonzero(quarantined)
    return Refined(silver, quarantine(bronze, known, kind, bad, (verdict, who)), size - silver.num_rows - len(bad))


class _Believed(NamedTuple):
    """The accepted records of a batch, and what was found about them; all aligned."""

    table: pa.Table
    columns: Columns
    marks: list[Mark]


def _believed(table: pa.Table, examined: Examined, accepted: np.ndarray) -> _Believed:
    marks = examined.marks
    if table["repaired"].null_count < table.num_rows:
        marks = [*marks, Mark(REPLAYED, pc.is_valid(table["repaired"]).to_numpy())]
    if accepted.all():
        return _Believed(table, examined.columns, marks)
    columns = {name: values[accepted] for name, values in examined.columns.items()}
    return _Believed(table.filter(pa.array(accepted)), columns, [Mark(name, rows[accepted]) for name, rows in marks])


def _rows(believed: _Believed, bronze: pa.Table, known: np.ndarray, seen: Seen) -> pa.Table:
    """Believed records as rows of their silver table."""
    table, at = believed.table, believed.table["row"]
    payload = table["payload"].combine_chunks()
    ts_ms = pc.struct_field(payload, "ts")
    event_ts = ts_ms.cast(_MS).cast(TIME)
    whole = table.num_rows == bronze.num_rows
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "date": dates(event_ts),
        **{name: table[name] for name in ("vehicle_id", "region", "gateway_id", "boot_id", "seq")},
        "event_ts": event_ts,
        "received_at": table["received_at"].cast(_MS).cast(TIME),
        "known_at": pa.array(known[at.to_numpy()], pa.int64()).cast(_MS).cast(TIME),
        **{field.name: bronze[field.name] if whole else bronze[field.name].take(at) for field in COORDINATES},
    }
    marks = believed.marks
    if "signals" in payload.type.names:
        signals = payload.field("signals")  # no believed row lacks its payload or its signals
        marks = [*marks, *changes(seen, table, ts_ms.to_numpy(), believed.columns)]
        columns["unknown_signals"] = _unknown(signals)
        columns |= {signal.name: _values(believed.columns.get(signal.name), table.num_rows) for signal in SIGNALS}
        schema = SCHEMAS[SILVER_OF["telemetry"]]
    elif "cell_v" in payload.type.names:
        columns |= {name: pc.struct_field(payload, name) for name in ("cell_v", "probe_c")}
        schema = SCHEMAS[SILVER_OF["cells"]]
    else:
        columns["event"] = pc.struct_field(payload, "event")
        columns["attributes"] = _attributes(bronze, at)
        schema = SCHEMAS[SILVER_OF["event"]]
    columns["marks"] = listed(marks, table.num_rows)
    return pa.table([columns[name] for name in schema.names], names=schema.names).cast(schema)


def _values(values: np.ndarray | None, size: int) -> pa.Array:
    return pa.nulls(size, pa.float64()) if values is None else pa.array(values, pa.float64(), from_pandas=True)


def dates(times: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The UTC day of each time as text; a batch spans few."""
    days = times.cast(pa.date32()).dictionary_encode()
    days = days.combine_chunks() if isinstance(days, pa.ChunkedArray) else days
    return days.dictionary.cast(pa.string()).take(days.indices)


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
