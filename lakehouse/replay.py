"""Silver made again from bronze, window by window, as the silver flow made it: what it would hold, without writing it."""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from contracts.identity import Kind
from lakehouse.positions import Position, Source, reached_by, upto
from lakehouse.reader import dataset, open_table
from lakehouse.seen import Seen, forget
from lakehouse.silver import clocks, refine
from lakehouse.tables import BRONZE_OF, SILVER_OF, TIME
from lakehouse.tail import Tail


def again(lake: str, kind: Kind, until: Mapping[Source, Position]) -> Iterator[pa.Table]:
    """Silver rows of a kind up to positions, each source in offset order. Memory depends on vehicles, not on messages."""
    bronze = open_table(lake, BRONZE_OF[kind])
    partitions = sorted({source.partition for source in until})
    seen: Seen = {}
    clock_ms: dict[Source, int] = {}
    for window in Tail(bronze, partitions).backlog({}):
        rows = upto(window, until)
        if rows.num_rows:
            known = clocks(rows, clock_ms)
            refined = refine(rows, kind, seen, known)
            for source, at in reached_by(rows.append_column("known_at", pa.array(known * 1000, pa.int64()).cast(TIME))).items():
                clock_ms[source] = at.clock_ms
            forget(seen, clock_ms)
            yield refined.rows


def standing(lake: str, kind: Kind, columns: list[str], until: Mapping[Source, Position]) -> Iterator[pa.Table]:
    """Silver rows of a kind as they stand, up to positions, in batches and in no order."""
    table = open_table(lake, SILVER_OF[kind])
    for batch in dataset(table).to_batches(columns=columns):
        rows = upto(pa.Table.from_batches([batch]), until)
        if rows.num_rows:
            yield rows


def reaches_back(lake: str, kind: Kind) -> bool:
    """Whether bronze holds all that silver was made of: its retention may be shorter."""
    bronze, silver = (_first(lake, names[kind]) for names in (BRONZE_OF, SILVER_OF))
    return all(source in bronze and bronze[source] <= offset for source, offset in silver.items())


def _first(lake: str, name: str) -> dict[tuple[str, int], int]:
    """The least offset of each topic and partition that a table holds."""
    found: dict[tuple[str, int], int] = {}
    for batch in dataset(open_table(lake, name)).to_batches(columns=["topic_id", "partition", "offset"]):
        for row in pa.Table.from_batches([batch]).group_by(["topic_id", "partition"]).aggregate([("offset", "min")]).to_pylist():
            source = row["topic_id"], row["partition"]
            found[source] = min(found.get(source, row["offset_min"]), row["offset_min"])
    return found
