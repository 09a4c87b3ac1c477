"""Exact de-duplication: per vehicle and boot, the seqs that were accepted or quarantined, as a few intervals.

A vehicle's records all come from one Kafka partition, its key's.

Quarantined identities are kept apart: a repaired row re-enters through bronze under the same identity and is then accepted.
Memory depends on vehicles and gaps, not on messages.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from contracts.ranges import Ranges


class Sender(NamedTuple):
    """Whose seqs count together, within one kind."""

    vehicle_id: str
    boot_id: str


class Entry(msgspec.Struct):
    """What was seen of one sender, the Kafka partition that it comes from, and that partition's clock (ms) at its newest row.

    A duplicate does not move the clock, so that the entry can be made again from the rows of the tables.
    """

    accepted: Ranges = msgspec.field(default_factory=Ranges)
    quarantined: Ranges = msgspec.field(default_factory=Ranges)
    partition: int = 0
    clock_ms: int = 0
    last_seq: int = -1
    memory: np.ndarray | None = None
    """Of telemetry, with `last_seq`: what the rules of change remember of the newest accepted frame (`lakehouse.quality.change`)."""


HORIZON_MS = 7 * 24 * 3600 * 1000
"""A sender that has been silent for this long by its partition's clock is forgotten: the horizon of de-duplication."""

Seen = dict[Sender, Entry]
"""The state of one kind. A step changes it in place: its owner rebuilds it from the tables after a crash."""


class Arrivals(NamedTuple):
    """Identities of a batch in Kafka order, with the partition and its clock (ms) at each; `good` passed the checks."""

    vehicles: pa.ChunkedArray
    boots: pa.ChunkedArray
    seqs: np.ndarray
    good: np.ndarray
    partitions: np.ndarray
    clock_ms: np.ndarray


class Admission(NamedTuple):
    """Which rows of a batch are new: masks over the rows, aligned with the batch."""

    accepted: np.ndarray
    quarantined: np.ndarray


def admit(seen: Seen, arrivals: Arrivals) -> Admission:
    """Take in a batch. What did not pass the checks is for quarantine.

    A row is new where its identity was not accepted before and, for a bad one, not quarantined before either.
    """
    seqs, good, clock_ms = arrivals.seqs, arrivals.good, arrivals.clock_ms
    admission = Admission(np.zeros(len(seqs), bool), np.zeros(len(seqs), bool))
    codes, senders = group(arrivals.vehicles, arrivals.boots)
    order = np.lexsort((seqs, codes))
    for rows in stretches(order, codes):
        sender = senders[codes[rows[0]]]
        entry = seen.setdefault(sender, Entry(partition=int(arrivals.partitions[rows[0]])))
        newest_ms = int(clock_ms[rows].max())
        if good[rows].all() and _continues(entry, seqs[rows]) and newest_ms - (entry.clock_ms or int(clock_ms[rows].min())) <= HORIZON_MS:
            entry.accepted.add_range(int(seqs[rows[0]]), int(seqs[rows[-1]]))
            entry.clock_ms = newest_ms
            admission.accepted[rows] = True
        else:
            for row in np.sort(rows).tolist():
                entry = _remembered(seen, sender, entry, int(clock_ms[row]))
                _admit_one(entry, row, arrivals, admission)
    return admission


def _remembered(seen: Seen, sender: Sender, entry: Entry, clock_ms: int) -> Entry:
    """The entry, or a new one where the sender was silent for longer than the horizon."""
    if entry.clock_ms and clock_ms - entry.clock_ms > HORIZON_MS:
        entry = seen[sender] = Entry(partition=entry.partition)
    return entry


def group(vehicles: pa.ChunkedArray, boots: pa.ChunkedArray) -> tuple[np.ndarray, list[Sender]]:
    """A code a row for its sender, and the senders that the codes stand for."""
    names, units = vehicles.combine_chunks().dictionary_encode(), boots.combine_chunks().dictionary_encode()
    both = names.indices.to_numpy(zero_copy_only=False).astype(np.int64) * max(len(units.dictionary), 1) + units.indices.to_numpy(
        zero_copy_only=False
    )
    unique, codes = np.unique(both, return_inverse=True)
    vehicle_names, boot_names = names.dictionary.to_pylist(), units.dictionary.to_pylist()
    width = max(len(boot_names), 1)
    return codes, [Sender(vehicle_names[code // width], boot_names[code % width]) for code in unique.tolist()]


def stretches(order: np.ndarray, codes: np.ndarray) -> list[np.ndarray]:
    """Rows that are ordered by code, cut where the code changes: a stretch a sender."""
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1) if len(order) else []


def _continues(entry: Entry, seqs: np.ndarray) -> bool:
    """Whether sorted seqs go on without a gap or a repeat where the accepted ones ended."""
    return bool(seqs[0] == entry.accepted.end and seqs[-1] - seqs[0] == len(seqs) - 1 and (len(seqs) == 1 or (np.diff(seqs) == 1).all()))


def _admit_one(entry: Entry, row: int, arrivals: Arrivals, admission: Admission) -> None:
    seq = int(arrivals.seqs[row])
    if seq in entry.accepted:
        return
    if arrivals.good[row]:
        entry.accepted.add(seq)
        admission.accepted[row] = True
    elif entry.quarantined.add(seq):
        admission.quarantined[row] = True
    else:
        return
    entry.clock_ms = max(entry.clock_ms, int(arrivals.clock_ms[row]))


def forget(seen: Seen, before_ms: Mapping[int, int]) -> None:
    """Drop senders whose newest row is older than their partition's clock of `before_ms`; `admit` would take them for new ones."""
    for sender in [sender for sender, entry in seen.items() if entry.clock_ms < before_ms.get(entry.partition, 0)]:
        del seen[sender]


def restore(seen: Seen, rows: Iterable[tuple[str, str, int, int]], partition: int, *, accepted: bool) -> None:
    """Take in identities that a table holds of a partition: `(vehicle_id, boot_id, seq, clock_ms)`."""
    for vehicle_id, boot_id, seq, clock_ms in rows:
        entry = seen.setdefault(Sender(vehicle_id, boot_id), Entry(partition=partition))
        (entry.accepted if accepted else entry.quarantined).add(seq)
        entry.clock_ms = max(entry.clock_ms, clock_ms)
