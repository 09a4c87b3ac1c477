"""Exact de-duplication: per vehicle and boot, the seqs that were accepted or quarantined, as a few intervals.

A vehicle's records all come from one Kafka partition, its key's; but that may have several sources: a topic that was made again, simulated
history beside live data. They are seen together, and each has a clock of its own: what came from a source is remembered until that source's
clock has gone on by the horizon, in whatever order the sources are read.

Quarantined identities are kept apart: a repaired row re-enters through bronze under the same identity and is then accepted.
Memory depends on vehicles and gaps, not on messages.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from contracts.ranges import Ranges
from lakehouse.positions import Source


class Sender(NamedTuple):
    """Whose seqs count together, within one kind."""

    vehicle_id: str
    boot_id: str


class Entry(msgspec.Struct):
    """What was seen of one sender, the Kafka partition that it comes from, and of each source the clock (ms) at its newest row.

    A duplicate does not move the clock, so that the entry can be made again from the rows of the tables.
    """

    accepted: Ranges = msgspec.field(default_factory=Ranges)
    quarantined: Ranges = msgspec.field(default_factory=Ranges)
    partition: int = 0
    clocks: dict[Source, int] = msgspec.field(default_factory=dict)
    last_seq: int = -1
    memory: np.ndarray | None = None
    """Of telemetry, with `last_seq`: what the rules of change remember of the newest accepted frame (`lakehouse.quality.change`)."""


HORIZON_MS = 7 * 24 * 3600 * 1000
"""A sender that has been silent for this long by the clocks of its sources is forgotten: the horizon of de-duplication."""

Seen = dict[Sender, Entry]
"""The state of one kind. A step changes it in place: its owner rebuilds it from the tables after a crash."""


class Arrivals(NamedTuple):
    """Identities of a batch, each source in Kafka order, with the place of each one's source and its clock (ms) there; `good` passed the checks."""

    vehicles: pa.ChunkedArray
    boots: pa.ChunkedArray
    seqs: np.ndarray
    good: np.ndarray
    sources: Sequence[Source]
    places: np.ndarray
    clock_ms: np.ndarray


class Admission(NamedTuple):
    """Which rows of a batch are new: masks over the rows, aligned with the batch."""

    accepted: np.ndarray
    quarantined: np.ndarray


def admit(seen: Seen, arrivals: Arrivals) -> Admission:
    """Take in a batch. What did not pass the checks is for quarantine.

    A row is new where its identity was not accepted before and, for a bad one, not quarantined before either.
    """
    seqs, clock_ms = arrivals.seqs, arrivals.clock_ms
    admission = Admission(np.zeros(len(seqs), bool), np.zeros(len(seqs), bool))
    codes, senders = group(arrivals.vehicles, arrivals.boots)
    order = np.lexsort((seqs, codes))
    taken = np.zeros(len(senders), bool)
    for code, first, last, in_line, oldest_ms, newest_ms, place in _runs(order, codes, arrivals):
        source = arrivals.sources[place]
        entry = seen.get(senders[code])
        if entry is None:
            entry = seen[senders[code]] = Entry(partition=source.partition)
        if in_line and first == entry.accepted.end and newest_ms - entry.clocks.get(source, oldest_ms) <= HORIZON_MS:
            entry.accepted.add_range(first, last)
            entry.clocks[source] = newest_ms
            entry.partition, taken[code] = source.partition, True
    admission.accepted[:] = taken[codes]
    for row in np.flatnonzero(~admission.accepted).tolist():  # by arrival
        sender, source = senders[codes[row]], arrivals.sources[arrivals.places[row]]
        entry = _remembered(seen, sender, source, int(clock_ms[row]))
        _admit_one(entry, row, arrivals, admission)
    return admission


def _runs(order: np.ndarray, codes: np.ndarray, arrivals: Arrivals) -> Iterator[tuple[int, int, int, bool, int, int, int]]:
    """For each sender: its code, least and greatest seq, whether all are good, in line and of one source, oldest and newest clock (ms), source."""
    if not len(order):
        return
    ordered, seqs, clock_ms, places = codes[order], arrivals.seqs[order], arrivals.clock_ms[order], arrivals.places[order]
    begins = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    ends = np.append(begins[1:], len(order)) - 1
    steps = np.ones(len(order), bool)
    steps[1:] = (seqs[1:] - seqs[:-1] == 1) & (places[1:] == places[:-1])
    steps[begins] = True
    in_line = np.logical_and.reduceat(steps & arrivals.good[order], begins)
    clocks = np.minimum.reduceat(clock_ms, begins), np.maximum.reduceat(clock_ms, begins)
    columns = (ordered[begins], seqs[begins], seqs[ends], in_line, *clocks, places[begins])
    yield from zip(*(column.tolist() for column in columns), strict=True)


def _remembered(seen: Seen, sender: Sender, source: Source, clock_ms: int) -> Entry:
    """The entry, or a new one where the sender's only source has not had it for longer than the horizon."""
    entry = seen[sender]
    if entry.clocks.keys() == {source} and clock_ms - entry.clocks[source] > HORIZON_MS:
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


def _admit_one(entry: Entry, row: int, arrivals: Arrivals, admission: Admission) -> None:
    seq, source = int(arrivals.seqs[row]), arrivals.sources[arrivals.places[row]]
    if seq in entry.accepted:
        return
    if arrivals.good[row]:
        entry.accepted.add(seq)
        entry.partition = source.partition  # a record under another vehicle's key is never good
        admission.accepted[row] = True
    elif entry.quarantined.add(seq):
        admission.quarantined[row] = True
    else:
        return
    entry.clocks[source] = max(entry.clocks.get(source, 0), int(arrivals.clock_ms[row]))


def forget(seen: Seen, clocks: Mapping[Source, int]) -> None:
    """Drop the senders of whom every source has gone on by more than the horizon, given the clocks (ms) of all sources.

    A source without a clock is not read any more: the newest clock of its partition counts.
    """
    newest: dict[int, int] = {}
    for source, clock_ms in clocks.items():
        newest[source.partition] = max(newest.get(source.partition, 0), clock_ms)

    def gone(entry: Entry) -> bool:
        return all(clocks.get(source, newest.get(source.partition, 0)) - at_ms > HORIZON_MS for source, at_ms in entry.clocks.items())

    for sender in [sender for sender, entry in seen.items() if gone(entry)]:
        del seen[sender]


def restore(seen: Seen, rows: Iterable[tuple[str, str, int, int]], source: Source, *, accepted: bool) -> None:
    """Take in identities that a table holds of a source: `(vehicle_id, boot_id, seq, clock_ms)`."""
    for vehicle_id, boot_id, seq, clock_ms in rows:
        entry = seen.setdefault(Sender(vehicle_id, boot_id), Entry(partition=source.partition))
        if accepted:
            entry.partition = source.partition
        (entry.accepted if accepted else entry.quarantined).add(seq)
        entry.clocks[source] = max(entry.clocks.get(source, 0), clock_ms)
