"""Who sent each record of a batch, why it is not believed, and the row of quarantine that says so."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.codec import Malformed, decode_envelope
from contracts.identity import Kind
from lakehouse.parse import Parsed
from lakehouse.tables import QUARANTINE, TIME

_MS = pa.timestamp("ms", tz="UTC")
_WHO = pa.schema([("row", pa.int64()), ("vehicle_id", pa.string()), ("boot_id", pa.string()), ("seq", pa.int64())])


class Verdicts(NamedTuple):
    """Whether each row of a batch is believed, and for those that are not `(reason, sentence)` by row."""

    good: np.ndarray
    why: dict[int, tuple[str, str]]


def verdicts(size: int, parsed: Parsed, reasons: pa.Array, details: pa.Array) -> Verdicts:
    """What the reader and the checks said, by row of the batch."""
    good, why = np.ones(size, bool), {}
    for index in pc.indices_nonzero(pc.is_valid(reasons)).to_pylist():
        why[parsed.table["row"][index].as_py()] = (reasons[index].as_py(), details[index].as_py())
    for item in parsed.refused:
        why[item.row] = (item.reason, item.detail)
    good[list(why)] = False
    return Verdicts(good, why)


def identities(parsed: Parsed, values: list[bytes]) -> pa.Table:
    """Row, vehicle, boot and seq of the records that have them, by row; also of those whose payload alone could not be read."""
    table = parsed.table.select(_WHO.names)
    if any(table[name].null_count for name in _WHO.names):
        table = table.filter(pc.and_(pc.is_valid(table["vehicle_id"]), pc.and_(pc.is_valid(table["boot_id"]), pc.is_valid(table["seq"]))))
    found = []
    for item in parsed.refused:
        try:
            envelope = decode_envelope(values[item.row])
        except Malformed:
            continue
        found.append({"row": item.row, "vehicle_id": envelope.vehicle_id, "boot_id": envelope.boot_id, "seq": envelope.seq})
    return pa.concat_tables([table, pa.Table.from_pylist(found, _WHO)]).sort_by("row") if found else table


def quarantine(bronze: pa.Table, known: np.ndarray, kind: Kind, bad: np.ndarray, judged: tuple[Verdicts, pa.Table]) -> pa.Table:
    """The rows `bad` of a batch as rows of quarantine; `judged` are the batch's verdicts and identities."""
    if not len(bad):
        return QUARANTINE.empty_table()
    verdict, who = judged
    rows = bronze.take(pa.array(bad, pa.int64()))
    known_at = pa.array(known[bad], pa.int64()).cast(_MS).cast(TIME)
    by_row = {row["row"]: row for row in who.filter(pc.is_in(who["row"], pa.array(bad, pa.int64()))).to_pylist()}
    named = [by_row.get(row, {}) for row in bad.tolist()]
    columns = {
        "date": pc.strftime(known_at, format="%Y-%m-%d"),
        "kind": pa.repeat(kind, len(bad)),
        "reason": pa.array([verdict.why[row][0] for row in bad.tolist()], pa.string()),
        "detail": pa.array([verdict.why[row][1] for row in bad.tolist()], pa.string()),
        "vehicle_id": pa.array([row.get("vehicle_id") for row in named], pa.string()),
        "boot_id": pa.array([row.get("boot_id") for row in named], pa.string()),
        "seq": pa.array([row.get("seq") for row in named], pa.int64()),
        "known_at": known_at,
    }
    columns |= {name: rows[name] for name in QUARANTINE.names if name not in columns}
    return pa.table([columns[name] for name in QUARANTINE.names], names=QUARANTINE.names).cast(QUARANTINE)
