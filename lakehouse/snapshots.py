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
from lakehouse.reader import arrow, dataset
from lakehouse.seen import Entry, Seen, Sender, restore
from lakehouse.tables import SEEN, SILVER_OF

_MS = pa.timestamp("ms", tz="UTC")


def write_seen(table: DeltaTable, kind: Kind, memories: Mapping[Source, tuple[Seen, Position]]) -> None:
    """Replace the snapshot of one kind for these sources, tagged with their positions."""
    rows = [
        {
            "kind": kind,
            "partition": source.partition,
            "vehicle_id": sender.vehicle_id,
            "boot_id": sender.boot_id,
            "known_at": entry.clock_ms * 1000,
            "accepted": _flat(entry.accepted),
            "quarantined": _flat(entry.quarantined),
        }
        for source, (seen, _) in memories.items()
        for sender, entry in seen.items()
    ]
    partitions = ", ".join(str(source.partition) for source in memories)
    if partitions:
        predicate = f"kind = '{kind}' AND partition IN ({partitions})"
        reached = {source: reached for source, (_, reached) in memories.items()}
        writer.replace(table, "silver.seen", pa.Table.from_pylist(rows, SEEN), predicate, reached)


def read_seen(lake: str, seen_table: DeltaTable, kind: Kind, sources: Sequence[Source], reached: Mapping[Source, Position]) -> dict[Source, Seen]:
    """What was seen of each source up to its position in the silver table: the snapshot and the rows after it."""
    seen: dict[Source, Seen] = {source: {} for source in sources}
    snapshot = dataset(seen_table).to_table(filter=ds.field("kind") == kind).to_pylist()
    by_partition = {source.partition: source for source in sources if position(seen_table, source).offset >= 0}
    for row in snapshot:
        source = by_partition.get(row["partition"])
        if source is not None:
            entry = Entry(_ranges(row["accepted"]), _ranges(row["quarantined"]), int(row["known_at"].timestamp() * 1000))
            seen[source][Sender(row["vehicle_id"], row["boot_id"])] = entry
    for source in sources:
        since = position(seen_table, source)
        for name, accepted in ((SILVER_OF[kind], True), ("silver.quarantine", False)):
            restore(seen[source], _after(lake, name, source, since, reached[source]), accepted=accepted)
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
