"""The point-in-time join over tables that memory does not hold: once over the keys and times, once over what is needed.

The first pass keeps a few bytes a row: the number of the key among those asked for, and the times. It is joined in ranges of keys.
The second takes the features of the rows that answer, wherever they stand. A table keeps its order between the passes, since
both read the same version of it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from features import point_in_time

LARGE_BYTES = 1 << 30
"""A table of more than this, by rows and columns, is read in two passes."""
RANGE_ROWS = 12_000_000
_BATCH_ROWS = 1 << 17
_CODE = "code"


class Wanted(NamedTuple):
    """What to read: the dataset, its columns for key, event time and created time (empty: none), and a condition."""

    data: ds.Dataset
    key: str
    time: str
    created: str
    condition: ds.Expression | None


class Narrow(NamedTuple):
    """The first pass: of each row that is about an entity asked for, its key's code, its times, and its number."""

    codes: np.ndarray
    at: np.ndarray
    known: np.ndarray | None
    rows: np.ndarray


def match(wanted: Wanted, questions: pa.Table, key: str, ttl_us: int | None) -> np.ndarray:
    """For each question the number of the row that answers it, -1 where none does. questions as for `point_in_time.match`, with one key."""
    names = pc.unique(questions[key])
    asked = pc.index_in(questions[key], names).to_numpy().astype(np.int32)
    narrow = _narrow(wanted, names)
    found = np.full(questions.num_rows, -1, np.int64)
    for low, high in _ranges(narrow.codes, len(names)):
        mine, theirs = np.flatnonzero((asked >= low) & (asked < high)), np.flatnonzero((narrow.codes >= low) & (narrow.codes < high))
        given = pa.table(
            {
                _CODE: narrow.codes[theirs],
                point_in_time.AT: narrow.at[theirs],
                point_in_time.KNOWN: pa.nulls(len(theirs), pa.int64()) if narrow.known is None else narrow.known[theirs],
            }
        )
        times = {name: questions[name].take(mine) for name in (point_in_time.AT, point_in_time.KNOWN_UNTIL)}
        places = point_in_time.match(pa.table({_CODE: asked[mine], **times}), given, [_CODE], ttl_us)
        there = pc.fill_null(places, -1).to_numpy(zero_copy_only=False)
        found[mine] = np.where(there >= 0, narrow.rows[theirs][there], -1) if len(theirs) else -1
    return found


def take(wanted: Wanted, columns: Sequence[str], rows: np.ndarray) -> list[pa.Array]:
    """The columns at some rows, in that order, null where a row is -1."""
    distinct, back = np.unique(rows[rows >= 0], return_inverse=True)
    parts: list[pa.Table] = []
    first = 0
    for batch in _batches(wanted, columns):
        low, high = np.searchsorted(distinct, [first, first + batch.num_rows])
        if high > low:
            parts.append(pa.table(batch).take(pa.array(distinct[low:high] - first)))
        first += batch.num_rows
    places = np.full(len(rows), -1, np.int64)
    places[rows >= 0] = back
    some = pa.concat_tables(parts) if parts else None
    at = pa.array(places, mask=places < 0)
    types = [wanted.data.schema.field(name).type for name in columns]
    return [pa.nulls(len(rows), kind) if some is None else some[name].combine_chunks().take(at) for name, kind in zip(columns, types, strict=True)]


def _narrow(wanted: Wanted, names: pa.Array) -> Narrow:
    parts: list[tuple[np.ndarray, ...]] = []
    first = 0
    for batch in _batches(wanted, [wanted.key, wanted.time, *([wanted.created] if wanted.created else [])]):
        codes = pc.fill_null(pc.index_in(batch.column(0).cast(names.type), names), -1).to_numpy(zero_copy_only=False)
        here = np.flatnonzero(codes >= 0)
        times = [_micros(batch.column(place))[here] for place in range(1, batch.num_columns)]
        parts.append((codes[here].astype(np.int32), *times, here + first))
        first += batch.num_rows
    if not parts:
        nothing = np.zeros(0, np.int64)
        return Narrow(nothing.astype(np.int32), nothing, nothing if wanted.created else None, nothing)
    columns = []
    while parts[0]:  # column by column, so that not all is held twice
        columns.append(np.concatenate([part[0] for part in parts]))
        parts = [part[1:] for part in parts]
    return Narrow(columns[0], columns[1], columns[2] if wanted.created else None, columns[-1])


def _ranges(codes: np.ndarray, count: int) -> Iterator[tuple[int, int]]:
    """Ranges of keys with not much more than `RANGE_ROWS` rows each."""
    totals = np.cumsum(np.bincount(codes, minlength=count)) if count else np.zeros(0)
    low = 0
    while low < count:
        before = totals[low - 1] if low else 0
        high = max(int(np.searchsorted(totals, before + RANGE_ROWS, "right")), low + 1)
        yield low, high
        low = high


def _batches(wanted: Wanted, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """In the table's own order, few at a time."""
    yield from wanted.data.to_batches(
        columns=list(columns), filter=wanted.condition, batch_size=_BATCH_ROWS, batch_readahead=2, fragment_readahead=1, use_threads=True
    )


def _micros(column: pa.Array) -> np.ndarray:
    unit = pa.timestamp("us", tz=column.type.tz) if pa.types.is_timestamp(column.type) else pa.timestamp("us")
    return column.cast(unit, safe=False).cast(pa.int64()).to_numpy(zero_copy_only=False)
