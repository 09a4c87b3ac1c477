"""What a fact is: how frames become exact rows, how exact rows become one, and how they are read. All pure functions."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.gold import spans
from lakehouse.gold.exact import TIME, Reading, combine, packed, struct, unpacked
from lakehouse.gold.frames import Frames, How

Columns = Mapping[str, pa.Array]
DATE = pa.field("date", pa.string())
PARTITION = pa.field("partition", pa.int32())


class Fact(NamedTuple):
    """One fact table of gold.

    `signals` are the silver columns that it needs; `partial` sums frames up; `read` makes all columns but `date`, `vehicle_id`, `region`,
    `partition`, `exact` out of exact rows and the clock (ms) of each row's partition. `keys` name a row; a fact of spans has none.
    `begins` is the column (ms) that its date is taken from.
    """

    name: str
    signals: list[str]
    how: dict[str, How]
    keys: list[str] | None
    begins: str
    partial: Callable[[Frames], pa.Table]
    read: Callable[[pa.Table, np.ndarray], Columns]
    fields: list[pa.Field]

    @property
    def measures(self) -> list[str]:
        """The whole numbers that the column `exact` holds."""
        return [*(key for key in self.keys or () if key != "vehicle_id"), *self.how]

    @property
    def fields_begin(self) -> str:
        """The table's column of the instant that date and vehicle key are taken from."""
        return {"start_ms": "start_ts", "hour_ms": "hour", "day_ms": "date"}[self.begins]

    @property
    def schema(self) -> pa.Schema:
        """The columns of the table."""
        names = [DATE, pa.field("vehicle_id", pa.string()), pa.field("region", pa.string()), PARTITION]
        dimensions = [pa.field("vehicle_key", pa.string()), pa.field("date_key", pa.int32())]
        return pa.schema([*names, *self.fields, *dimensions, struct(self.measures)])


AsOf = Callable[[Sequence[str], Sequence[int]], list[str]]
"""Surrogate keys of vehicles at instants (ms since the epoch)."""


def fold(fact: Fact, tables: Sequence[pa.Table]) -> pa.Table:
    """Exact rows as one table in canonical order, a row a key or span."""
    schema = _exact_schema(fact)
    alike = [table.select(schema.names).cast(schema) for table in tables]
    made = spans.join(alike, fact.how) if fact.keys is None else combine(alike, fact.keys, fact.how)
    return made.select(schema.names).cast(schema)


def empty(fact: Fact) -> pa.Table:
    """No exact rows."""
    return exact_of(fact, fact.schema.empty_table())


def exact_of(fact: Fact, rows: pa.Table) -> pa.Table:
    """The table's rows back as exact rows."""
    schema = _exact_schema(fact)
    return unpacked(rows, ["vehicle_id", "region", "partition"], fact.measures).select(schema.names).cast(schema)


def present(fact: Fact, exact: pa.Table, clocks_ms: Mapping[int, int], as_of: AsOf) -> pa.Table:
    """Exact rows as rows of the table. `clocks_ms` are the partitions' clocks: what is open is a matter of them."""
    clocks = np.array([clocks_ms.get(partition, 0) for partition in exact["partition"].to_pylist()], np.int64)
    begins = exact[fact.begins]
    date = Reading(exact).date(fact.begins)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "date": date,
        **{name: exact[name] for name in ("vehicle_id", "region", "partition")},
        **fact.read(exact, clocks),
        "vehicle_key": pa.array(as_of(exact["vehicle_id"].to_pylist(), begins.to_pylist()), pa.string()),
        "date_key": pa.array([int(day.replace("-", "")) for day in date.to_pylist()], pa.int32()),
        "exact": packed(exact, fact.measures),
    }
    schema = fact.schema
    return pa.table([columns[name] for name in schema.names], names=schema.names).cast(schema)


def dates(fact: Fact, exact: pa.Table) -> set[str]:
    """The days that exact rows belong to."""
    return set(Reading(exact).date(fact.begins).unique().to_pylist())


def milliseconds(instants: pa.ChunkedArray) -> list[int]:
    """Times, or days as text, as milliseconds since the epoch."""
    if pa.types.is_string(instants.type):
        instants = pc.strptime(instants, format="%Y-%m-%d", unit="us")
    return [value // 1000 for value in instants.cast(TIME).cast(pa.int64()).to_pylist()]


def concerned(fact: Fact, rows: pa.Table, fresh: pa.Table) -> pa.Array:
    """Which rows of the table may fold with fresh exact rows, or were open: the others stay as they are."""
    begin, end, gap = (fact.begins, fact.begins, 0) if fact.keys is not None else ("start_ms", "end_ms", spans.GAP_MS)
    reach = fresh.group_by("vehicle_id", use_threads=False).aggregate([(begin, "min"), (end, "max")])
    at = pc.index_in(rows["vehicle_id"].combine_chunks(), reach["vehicle_id"].combine_chunks())
    inside = rows["exact"].combine_chunks()
    first = pc.greater_equal(pc.struct_field(inside, end), pc.subtract(reach[f"{begin}_min"].combine_chunks().take(at), gap))
    last = pc.less_equal(pc.struct_field(inside, begin), pc.add(reach[f"{end}_max"].combine_chunks().take(at), gap))
    near = pc.fill_null(pc.and_(first, last), False)
    return pc.or_(near, rows["open"].combine_chunks()) if "open" in rows.column_names else near


def identifiers(kind: str, vehicles: Iterable[str], starts_ms: Iterable[int]) -> pa.Array:
    """Names of spans that follow from what they are: 16 hex digits of vehicle and start."""
    made = [
        hashlib.blake2b(f"{kind}/{vehicle}/{start}".encode(), digest_size=8).hexdigest() for vehicle, start in zip(vehicles, starts_ms, strict=True)
    ]
    return pa.array(made, pa.string())


def ends(exact: pa.Table, clocks: np.ndarray) -> dict[str, pa.Array]:
    """Columns that trips and sessions share. A span is open until its partition's clock is a gap past its last frame."""
    reading = Reading(exact)
    end = exact["end_ms"].to_numpy()
    return {
        "start_ts": reading.time("start_ms"),
        "end_ts": reading.time("end_ms"),
        "open": pa.array(clocks - end <= spans.GAP_MS),
        "duration_s": pa.array((end - exact["start_ms"].to_numpy()) / 1000.0),
        "frames": exact["frames"].combine_chunks(),
    }


END_FIELDS = [
    pa.field("start_ts", TIME),
    pa.field("end_ts", TIME),
    pa.field("open", pa.bool_()),
    pa.field("duration_s", pa.float64()),
    pa.field("frames", pa.int64()),
]


def _exact_schema(fact: Fact) -> pa.Schema:
    named = [pa.field("vehicle_id", pa.string()), pa.field("region", pa.string()), PARTITION]
    return pa.schema([*named, *(pa.field(name, pa.int64()) for name in fact.measures)])
