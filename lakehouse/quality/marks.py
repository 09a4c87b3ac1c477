"""From rules that hit to the column `marks`, and the rules of change applied to what was seen."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from lakehouse.quality.change import NEEDED, NOTHING, SIGNATURE, WIDTH, Senders, judge
from lakehouse.quality.frame import Columns, Mark
from lakehouse.seen import Entry, Seen, group


def listed(marks: Sequence[Mark], size: int) -> pa.Array:
    """For each row the names of the rules that marked it, null where none did."""
    if not marks:
        return pa.nulls(size, pa.list_(pa.string()))
    rows, rules = np.nonzero(np.stack([mark.rows for mark in marks], axis=1))
    counts = np.bincount(rows, minlength=size)
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    names = pa.array([mark.name for mark in marks], pa.string()).take(pa.array(rules))
    return pa.ListArray.from_arrays(pa.array(offsets), names, mask=pa.array(counts == 0))


def changes(seen: Seen, rows: pa.Table, ts_ms: np.ndarray, columns: Columns) -> list[Mark]:
    """What the rules of change say of accepted telemetry rows in arrival order (`vehicle_id`, `boot_id`, `seq`); `seen` remembers them."""
    if not rows.num_rows:
        return []
    codes, names = group(rows["vehicle_id"], rows["boot_id"])
    entries = [seen.setdefault(name, Entry()) for name in names]
    memory = np.empty((len(entries), WIDTH))
    for at, entry in enumerate(entries):
        memory[at] = NOTHING if entry.memory is None else entry.memory
    senders = Senders(codes, [entry.last_seq for entry in entries], memory)
    marks = judge(senders, rows["seq"].to_numpy(), ts_ms, columns)
    for entry, last_seq, row in zip(entries, senders.last_seq.tolist(), senders.memory, strict=True):
        entry.last_seq, entry.memory = last_seq, row.copy()  # a view would keep the whole batch's
    return marks


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[str, int, list[float]]).decode


def packed(entry: Entry) -> bytes | None:
    """What is remembered of a sender's newest frame, to be written down; None where nothing is."""
    return None if entry.memory is None else _pack((SIGNATURE, entry.last_seq, entry.memory.tolist()))


def unpack(raw: bytes | None, entry: Entry) -> None:
    """Put it back. What other rules remembered is of no use and passed over."""
    if raw is not None:
        signature, last_seq, row = _unpack(raw)
        if signature == SIGNATURE:
            entry.last_seq, entry.memory = last_seq, np.array(row)


def remember(seen: Seen, rows: pa.Table) -> None:
    """Take in rows of `silver.telemetry` in Kafka order, as `changes` did when they were made; needs `event_ts`, identity and `NEEDED`."""
    columns = {name: rows[name].to_numpy() for name in NEEDED if rows[name].null_count < rows.num_rows}
    changes(seen, rows, rows["event_ts"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).to_numpy(), columns)
