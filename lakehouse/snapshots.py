"""What was seen, written down with its position: a restart reads this and the rows after it, not the horizon's history."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from contracts.identity import Kind
from contracts.ranges import Ranges
from lakehouse import writer
from lakehouse.positions import Position, Source, position
from lakehouse.reader import arrow, dataset, open_table
from lakehouse.seen import Entry, Seen, Sender, restore
from lakehouse.tables import SEEN, SILVER_OF

_MS = pa.timestamp("ms", tz="UTC")


def write_seen(table: DeltaTable, kind: Kind, seen: Seen, reached: Mapping[Source, Position]) -> None:
    """Replace the snapshot of one kind for the partitions of these sources, tagged with their positions."""
    rows = [
        {
            "kind": kind,
            "partition": entry.partition,
            "vehicle_id": sender.vehicle_id,
            "boot_id": sender.boot_id,
            "known_at": entry.clock_ms * 1000,
            "accepted": _flat(entry.accepted),
            "quarantined": _flat(entry.quarantined),
        }
        for sender, entry in seen.items()
    ]
    partitions = ", ".join(str(partition) for partition in sorted({source.partition for source in reached}))
    if partitions:
        predicate = f"kind = '{kind}' AND partition IN ({partitions})"
        writer.replace(table, "silver.seen", pa.Table.from_pylist(rows, SEEN), predicate, reached)


def read_seen(lake: str, kind: Kind, reached: Mapping[Source, Position]) -> Seen:
    """What was seen of these sources up to their positions in the silver table: the snapshot and the rows after it."""
    table = open_table(lake, "silver.seen")
    written = {source: position(table, source) for source in reached}
    partitions = [source.partition for source, at in written.items() if at.offset >= 0]
    mine = (ds.field("kind") == kind) & ds.field("partition").isin(partitions)
    seen: Seen = {
        Sender(row["vehicle_id"], row["boot_id"]): Entry(
            _ranges(row["accepted"]), _ranges(row["quarantined"]), row["partition"], round(row["known_at"].timestamp() * 1000)
        )
        for row in dataset(table).to_table(filter=mine).to_pylist()
    }
    for source, until in reached.items():
        for name, accepted in ((SILVER_OF[kind], True), ("silver.quarantine", False)):
            restore(seen, _after(lake, name, source, written[source], until), source.partition, accepted=accepted)
    return seen


def _after(lake: str, name: str, source: Source, since: Position, until: Position) -> list[tuple[str, str, int, int]]:
    """The identities that a table holds between two positions of a source."""
    place = (ds.field("partition") == source.partition) & (ds.field("topic_id") == source.topic_id)
    between = place & (ds.field("offset") > since.offset) & (ds.field("offset") <= until.offset)
    rows = arrow(lake, name, ["vehicle_id", "boot_id", "seq", "known_at"], between & ds.field("vehicle_id").is_valid())
    clocks = pc.cast(rows["known_at"].cast(_MS, safe=False), pa.int64()).to_pylist()
    return list(zip(rows["vehicle_id"].to_pylist(), rows["boot_id"].to_pylist(), rows["seq"].to_pylist(), clocks, strict=True))


def _flat(ranges: Ranges) -> list[int]:
    return [end for pair in ranges.pairs() for end in pair]


def _ranges(flat: Sequence[int]) -> Ranges:
    return Ranges(zip(flat[::2], flat[1::2], strict=True))
