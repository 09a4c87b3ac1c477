"""Many small files become few sorted ones, while writers append and readers read.

Files of a day are merged by size class, so that a row is rewritten a few times and not once a minute. When the day is over, its
files are merged once more into files that each hold some of the vehicles: one vehicle's day is then one file.
A merged file carries no new data (`dataChange` false): who follows the table passes it over.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any, NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from lakehouse.files import DENSE, HOT, Storage, write
from lakehouse.tables import PARTITIONED_BY, SCHEMAS
from lakehouse.upkeep.fence import fenced
from lakehouse.upkeep.policy import Policy

FEWEST = 16
"""So many files of a class are merged at once."""
CLASSES = (5_000, 80_000)
"""Rows that end a size class: files of the last class stay until the day is over."""
MOST_ROWS = 250_000
"""Rows of a merged file, and what a merge holds in memory."""


class Held(NamedTuple):
    """A file of a table as the log knows it. `first` and `last` bound the first sort column; None where the log does not say."""

    path: str
    rows: int
    size: int
    partition: tuple[tuple[str, str | None], ...]
    first: Any
    last: Any


class Job(NamedTuple):
    """Files of one partition to be merged into one, or by ranges of the first sort column where these are too many rows."""

    files: list[Held]


def held(table: DeltaTable, sort: Sequence[str]) -> list[Held]:
    """The files of a table, by partition."""
    actions = pa.table(table.get_add_actions(flatten=False))
    bounds = [pc.struct_field(actions[side].combine_chunks(), sort[0]).to_pylist() if sort else [None] * len(actions) for side in ("min", "max")]
    facts = zip(*(actions[name].to_pylist() for name in ("path", "num_records", "size_bytes", "partition")), *bounds, strict=True)
    files = [Held(path, rows or 0, size, _texts(values), first, last) for path, rows, size, values, first, last in facts]
    return sorted(files, key=lambda file: (str(file.partition), file.path))


def _texts(values: dict[str, object] | None) -> tuple[tuple[str, str | None], ...]:
    return tuple((name, None if value is None else str(value)) for name, value in (values or {}).items())


def jobs(files: Sequence[Held], policy: Policy, now: datetime) -> Iterator[Job]:
    """What is worth merging: many files of a class, or a day that is over and whose files still overlap."""
    today = (now - timedelta(hours=1)).strftime("%Y-%m-%d")  # an hour's grace for what comes around midnight
    for partition, group in groupby(files, key=lambda file: file.partition):
        mine = list(group)
        day = dict(partition).get(policy.day)
        if policy.settles and day is not None and day < today and _overlap(mine):
            yield Job(mine)
            continue
        by_class: dict[int, list[Held]] = {}
        for file in mine:
            by_class.setdefault(sum(file.rows >= rows for rows in CLASSES), []).append(file)
        for size_class, alike in sorted(by_class.items()):
            if size_class < len(CLASSES) and len(alike) >= FEWEST:
                yield from _bounded(alike)


def _overlap(files: Sequence[Held]) -> bool:
    """Whether enough of the files hold rows of the same vehicles for a rewrite of the day to pay."""
    if len(files) < 2 or any(file.first is None or file.last is None for file in files):
        return False
    ordered = sorted(files, key=lambda file: (file.first, file.last))
    overlapping = [later for earlier, later in pairwise(ordered) if later.first < earlier.last]
    return len(overlapping) >= FEWEST or sum(file.rows for file in overlapping) * 10 > sum(file.rows for file in files)


def _bounded(files: Sequence[Held]) -> Iterator[Job]:
    chosen: list[Held] = []
    for file in files:
        if chosen and sum(one.rows for one in chosen) + file.rows > MOST_ROWS:
            yield Job(chosen)
            chosen = []
        chosen.append(file)
    if len(chosen) > 1:
        yield Job(chosen)


def merge(table: DeltaTable, name: str, job: Job, sort: Sequence[str]) -> int:
    """Do a job in one commit; the files saved. Raises CommitFailedError where another rewrote the table meanwhile."""
    storage, partition_by = Storage(table), PARTITIONED_BY[name]
    how = fenced(table)
    added: list[AddAction] = []
    for rows in _pieces(storage, job, sort):
        ordered = rows.sort_by([(column, "ascending") for column in sort])
        for column, text in job.files[0].partition:
            ordered = ordered.append_column(column, pa.array([text] * ordered.num_rows, pa.string()).cast(SCHEMAS[name].field(column).type))
        encoding = DENSE if ordered.num_rows >= CLASSES[-1] // 2 else HOT
        added += write(storage, ordered, partition_by, encoding, new_data=False)
    if not added:
        return 0
    now_ms = int(time.time() * 1000)
    removed = [RemoveAction(file.path, False, now_ms, file.size, dict(file.partition)) for file in job.files]
    table.create_write_transaction([*added, *removed], "append", table.schema(), partition_by, commit_properties=how)
    return len(removed) - len(added)


def _pieces(storage: Storage, job: Job, sort: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of a job in pieces that fit: all at once, or by ranges of the first sort column."""
    total = sum(file.rows for file in job.files)
    if total <= MOST_ROWS:
        yield pa.concat_tables([_read(storage, file) for file in job.files], promote_options="permissive")
        return
    keys = pa.concat_tables([_read(storage, file, columns=[sort[0]]) for file in job.files])[sort[0]]
    counted = keys.value_counts()
    values, counts = counted.field("values"), counted.field("counts")
    order = pc.sort_indices(values)
    ends = pc.cumulative_sum(counts.take(order)).to_pylist()
    distinct = values.take(order).to_pylist()
    first = 0
    while first < len(distinct):
        before = ends[first - 1] if first else 0
        last = first
        while last + 1 < len(distinct) and ends[last + 1] - before <= MOST_ROWS:
            last += 1
        span = [(sort[0], ">=", distinct[first]), (sort[0], "<=", distinct[last])]
        touched = [file for file in job.files if file.first is None or not (file.last < distinct[first] or file.first > distinct[last])]
        yield pa.concat_tables([_read(storage, file, filters=span) for file in touched], promote_options="permissive")
        first = last + 1


def _read(storage: Storage, file: Held, **what: object) -> pa.Table:
    with storage.reading.open_input_file(unquote(file.path)) as source:
        return pq.read_table(source, **what)


def today() -> datetime:
    """The clock that decides which day is over."""
    return datetime.now(UTC)
