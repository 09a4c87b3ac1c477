"""The point-in-time join by one sort and one search: what nearly every question needs, and several times as fast as an ASOF join. Pure.

Key and instant are put into one whole number, so that the newest row at an instant is the last one at or before it in that order.
Where they do not fit into 63 bits, there is no answer here, and the caller joins in DuckDB.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Ints = np.ndarray
_FITS = 1 << 62
_NEVER = np.iinfo(np.int64).min


class Given(NamedTuple):
    """Rows that may answer, those without a key left out: key code, event time, time known (`_NEVER` for null), and the row's number."""

    codes: Ints
    at: Ints
    known: Ints
    places: Ints


class Scale(NamedTuple):
    """How key code and instant become one number."""

    base: int
    span: int

    def of(self, codes: Ints, instants: Ints) -> Ints:
        """One number each."""
        return codes * self.span + (instants - self.base)


class Prepared(NamedTuple):
    """Rows and questions (`codes` -1: a key that no row has) on one scale."""

    given: Given
    codes: Ints
    at: Ints
    scale: Scale


def prepare(questions: pa.Table, rows: pa.Table, keys: Sequence[str]) -> Prepared | None:
    """Both sides as numbers; None where they do not fit. Columns as for `features.point_in_time.match`."""
    mine, theirs, count = np.zeros(questions.num_rows, np.int64), np.zeros(rows.num_rows, np.int64), 1
    for key in keys:
        names = pc.unique(rows[key]).drop_null()
        if count * max(len(names), 1) > _FITS:
            return None
        for codes, column in ((mine, questions[key]), (theirs, rows[key])):
            found = pc.fill_null(pc.index_in(column, names, skip_nulls=True), -1).to_numpy().astype(np.int64)
            codes[:] = np.where((codes < 0) | (found < 0), -1, codes * len(names) + found)
        count *= max(len(names), 1)
    at = rows["at"].to_numpy()
    known = pc.fill_null(rows["known"].cast(pa.int64()), _NEVER).to_numpy()
    asked = questions["at"].to_numpy()
    low, high = min(int(at.min()), int(asked.min())), max(int(at.max()), int(asked.max()), int(known.max()))
    if count * (high - low + 1) > _FITS:
        return None
    places = np.flatnonzero(theirs >= 0)
    return Prepared(Given(theirs[places], at[places], known[places], places), mine, asked, Scale(low, high - low + 1))


def by_event(prepared: Prepared, chosen: Ints) -> Ints:
    """Row numbers for some questions, -1 for none: the newest by event time, whenever it became known."""
    given, scale = prepared.given, prepared.scale
    order = _order(scale.of(given.codes, given.at), (given.known, given.places))
    return _last(prepared, chosen, scale.of(given.codes, given.at)[order], given.places[order])


def as_lived(prepared: Prepared, chosen: Ints) -> Ints:
    """The same of the rows that were known at the instant itself.

    A row counts from `max(at, known)` on. In that order only rows that are the newest so far can ever be an answer.
    """
    scale, there = prepared.scale, np.flatnonzero(prepared.given.known != _NEVER)
    given = Given(*(column[there] for column in prepared.given))
    since = scale.of(given.codes, np.maximum(given.at, given.known))
    order = _order(since, (given.at, given.known, given.places))
    event = scale.of(given.codes, given.at)[order]
    records = order[event == np.maximum.accumulate(event)] if len(order) else order
    return _last(prepared, chosen, since[records], given.places[records])


def _order(first: Ints, others: tuple[Ints, ...]) -> Ints:
    """By the first column; by the others only where there are ties."""
    order = np.argsort(first, kind="stable")
    ordered = first[order]
    return np.lexsort((*reversed(others), first)) if (ordered[1:] == ordered[:-1]).any() else order


def _last(prepared: Prepared, chosen: Ints, ordered: Ints, places: Ints) -> Ints:
    """The last row at or before each question, of the same key."""
    codes = prepared.codes[chosen]
    if not len(ordered):
        return np.full(len(chosen), -1, np.int64)
    found = np.searchsorted(ordered, prepared.scale.of(codes, prepared.at[chosen]), "right") - 1
    right = (codes >= 0) & (found >= 0) & (ordered[found] // prepared.scale.span == codes)
    return np.where(right, places[found], -1)
