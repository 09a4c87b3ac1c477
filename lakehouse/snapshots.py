"""What was seen, written down with its position: a restart reads this and the rows after it, not the horizon's history."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from contracts.identity import Kind
from contracts.ranges import Ranges
from lakehouse import writer
from lakehouse.positions import START, Position, Source, position
from lakehouse.quality.change import NEEDED
from lakehouse.quality.marks import packed, remember, unpack
from lakehouse.reader import arrow, dataset, open_table
from lakehouse.seen import Entry, Seen, Sender, restore
from lakehouse.tables import SEEN, SILVER_OF

_MS = pa.timestamp("ms", tz="UTC")
_IDENTITY = ["vehicle_id", "boot_id", "seq", "known_at"]


def write_seen(table: DeltaTable, kind: Kind, seen: Seen, reached: Mapping[Source, Position]) -> None:
    """Replace the snapshot of one kind for the partitions of these sources, tagged with their positions."""
    rows = [
        {
            "kind": kind,
            "partition": entry.partition,
            "vehicle_id": sender.vehicle_id,
            "boot_id": sender.boot_id,
            "known_at": max(entry.clocks.values(), default=0) * 1000,
            "accepted": _flat(entry.accepted),
            "quarantined": _flat(entry.quarantined),
            "memory": packed(entry),
            "clocks": [{**source._asdict(), "at": clock_ms * 1000} for source, clock_ms in entry.clocks.items()],
        }
        for sender, entry in seen.items()
    ]
    partitions = ", ".join(str(partition) for partition in sorted({source.partition for source in reached}))
    if partitions:
        predicate = f"kind = '{kind}' AND partition IN ({partitions})"
        writer.replace(table, "silver.seen", pa.Table.from_pylist(rows, SEEN), predicate, reached)


def read_seen(lake: str, kind: Kind, reached: Mapping[Source, Position]) -> Seen:
    """What was seen of these sources up to their positions in the silver table: the snapshot and the rows after it.

    A partition's snapshot that is ahead of silver (which was restored to an earlier version) in any source is passed over: the rows alone are read.
    """
    table = open_table(lake, "silver.seen")
    written = {source: position(table, source) for source in reached}
    ahead = {source.partition for source, at in written.items() if at.offset > reached[source].offset}
    since = {source: START if source.partition in ahead else at for source, at in written.items()}
    partitions = sorted({source.partition for source, at in since.items() if at.offset >= 0})
    seen: Seen = {}
    for row in dataset(table).to_table(filter=(ds.field("kind") == kind) & ds.field("partition").isin(partitions)).to_pylist():
        entry = Entry(_ranges(row["accepted"]), _ranges(row["quarantined"]), row["partition"], _clocks(row, reached))
        unpack(row.get("memory"), entry)
        seen[Sender(row["vehicle_id"], row["boot_id"])] = entry
    for source, until in sorted(reached.items()):
        for name, accepted in ((SILVER_OF[kind], True), ("silver.quarantine", False)):
            rows = _after(lake, name, source, since[source], until)
            restore(seen, _identities(rows), source, accepted=accepted)
            if name == "silver.telemetry":
                remember(seen, rows)
    return seen


def _after(lake: str, name: str, source: Source, since: Position, until: Position) -> pa.Table:
    """The rows with an identity that a table holds between two positions of a source, by offset."""
    place = (ds.field("partition") == source.partition) & (ds.field("topic_id") == source.topic_id)
    between = place & (ds.field("offset") > since.offset) & (ds.field("offset") <= until.offset)
    columns = [*_IDENTITY, "offset", *(("event_ts", *NEEDED) if name == "silver.telemetry" else ())]
    return arrow(lake, name, columns, between & ds.field("vehicle_id").is_valid()).sort_by("offset")


def _identities(rows: pa.Table) -> list[tuple[str, str, int, int]]:
    clocks = pc.cast(rows["known_at"].cast(_MS, safe=False), pa.int64()).to_pylist()
    return list(zip(rows["vehicle_id"].to_pylist(), rows["boot_id"].to_pylist(), rows["seq"].to_pylist(), clocks, strict=True))


def _clocks(row: Mapping[str, Any], reached: Mapping[Source, Position]) -> dict[Source, int]:
    """A sender's clocks; one that was written before sources had clocks of their own is remembered by all sources of its partition."""
    if row.get("clocks"):
        return {Source(one["cluster"], one["topic_id"], one["partition"]): _ms(one["at"]) for one in row["clocks"]}
    return {source: _ms(row["known_at"]) for source in reached if source.partition == row["partition"]}


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _flat(ranges: Ranges) -> list[int]:
    return [end for pair in ranges.pairs() for end in pair]


def _ranges(flat: Sequence[int]) -> Ranges:
    return Ranges(zip(flat[::2], flat[1::2], strict=True))
