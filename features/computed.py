"""Feature views that are computed rather than stored: windows over revisions of minutes, evaluated at the instants asked for.

A source tagged `computed: NAME` is one of these; its path is the table that the revisions come from. Rows exist for every
instant: the value at t is what was known at t.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from features import days, transforms
from features.transforms import DAY_FEATURES, DAYS_VIEW, EVENT_TIME, JOIN_KEY, KNOWN_TIME, WINDOW_FEATURES, WINDOWS_TABLE, WINDOWS_VIEW
from features.windows import DAYS, MINUTES, Grid, Questions
from lakehouse import reader
from lakehouse.tables import SCHEMAS

COMPUTED = "computed"
"""The tag of a source."""
TIME = pa.timestamp("us", tz="UTC")
_FEW = 2000
_ENDLESS_US = 1 << 62


class View(NamedTuple):
    """How a view is computed: its table, its buckets, the columns it needs, revisions of buckets out of the table's, and the figures."""

    table: str
    grid: Grid
    features: tuple[str, ...]
    needs: Callable[[Sequence[str]], list[str]]
    prepare: Callable[[pa.Table], pa.Table]
    figures: Callable[[pa.Table, Questions, Sequence[str]], dict[str, pa.Array]]


VIEWS: dict[str, View] = {
    WINDOWS_VIEW: View(WINDOWS_TABLE, MINUTES, WINDOW_FEATURES, transforms.minute_columns, lambda rows: rows, transforms.windows),
    DAYS_VIEW: View(WINDOWS_TABLE, DAYS, DAY_FEATURES, transforms.minute_columns, days.revisions, transforms.days),
}


def schema(name: str) -> pa.Schema:
    """The columns of a computed view, as if it were a table."""
    times = [pa.field(EVENT_TIME, TIME), pa.field(KNOWN_TIME, TIME)]
    return pa.schema([pa.field(JOIN_KEY, pa.string()), *times, *(pa.field(feature, pa.float64()) for feature in VIEWS[name].features)])


def answer(lake: str, name: str, asked: Questions, features: Sequence[str]) -> list[pa.Array]:
    """The features of each question, null where nothing was heard or known, or the lake's table was not made yet."""
    view = VIEWS[name]
    figures = view.figures(view.prepare(_revisions(lake, view, asked, features)), asked, features)
    return [figures[feature] for feature in features]


def latest(lake: str, name: str, first_us: int | None, last_us: int, features: Sequence[str]) -> pa.Table:
    """One row a vehicle that was heard of in the interval, as it stood at the end: what materialization writes online."""
    view = VIEWS[name]
    since = last_us - view.grid.longest * view.grid.bucket_us if first_us is None else first_us
    vehicles, instants = _instants(lake, view, since, last_us)
    heard = pa.table({JOIN_KEY: vehicles, "at": instants}).group_by(JOIN_KEY, use_threads=False).aggregate([("at", "max")])
    bucket = last_us // view.grid.bucket_us * view.grid.bucket_us
    return _table(lake, name, heard[JOIN_KEY], np.maximum(heard["at_max"].to_numpy(), bucket), features)


def changes(lake: str, name: str, first_us: int | None, last_us: int | None, features: Sequence[str]) -> pa.Table:
    """A row for each instant at which something became known of a vehicle, and one at the end of the interval."""
    vehicles, instants = _instants(lake, VIEWS[name], first_us, last_us)
    known = pa.table({JOIN_KEY: vehicles, "at": instants}).group_by([JOIN_KEY, "at"], use_threads=False).aggregate([])
    rows = _table(lake, name, known[JOIN_KEY], known["at"].to_numpy(), features)
    return rows if last_us is None else pa.concat_tables([rows, latest(lake, name, first_us, last_us, features)])


def _table(lake: str, name: str, vehicles: pa.ChunkedArray, instants: np.ndarray, features: Sequence[str]) -> pa.Table:
    together = vehicles.combine_chunks()
    figures = answer(lake, name, Questions(together, instants), features)
    times = pa.array(instants, pa.int64()).cast(TIME)
    return pa.table([together, times, times, *figures], names=[JOIN_KEY, EVENT_TIME, KNOWN_TIME, *features])


def _instants(lake: str, view: View, first_us: int | None, last_us: int | None) -> tuple[pa.ChunkedArray, np.ndarray]:
    """Vehicle and instant of each revision within an interval: when it was known and its bucket had ended."""
    bucket_us = view.grid.bucket_us
    condition = None if last_us is None else ds.field(KNOWN_TIME) <= _instant(last_us)
    if first_us is not None:
        since = ds.field(KNOWN_TIME) >= _instant(first_us - bucket_us)
        condition = since if condition is None else since & condition
    columns = [JOIN_KEY, MINUTES.column, KNOWN_TIME]
    there = reader.exists(lake, view.table)
    rows = reader.arrow(lake, view.table, columns, condition) if there else SCHEMAS[view.table].empty_table().select(columns)
    minute, known = (rows[name].cast(pa.int64()).to_numpy() for name in (MINUTES.column, KNOWN_TIME))
    instants = np.maximum(known, minute // bucket_us * bucket_us + bucket_us)
    within = (instants >= (first_us or 0)) & (instants <= (last_us or _ENDLESS_US))
    return rows[JOIN_KEY].filter(pa.array(within)), instants[within]


def _revisions(lake: str, view: View, asked: Questions, features: Sequence[str]) -> pa.Table:
    """The revisions that can matter to these questions."""
    columns = [JOIN_KEY, MINUTES.column, KNOWN_TIME, *view.needs(features)]
    if not len(asked.instants_us) or not reader.exists(lake, view.table):
        return SCHEMAS[view.table].empty_table().select(columns)
    first, last = int(asked.instants_us.min()), int(asked.instants_us.max())
    longest = (view.grid.longest + 1) * view.grid.bucket_us
    minute = ds.field(MINUTES.column)
    condition = (minute >= _instant(first - longest)) & (minute < _instant(last))
    vehicles = pc.unique(asked.vehicles)
    if len(vehicles) <= _FEW:
        condition &= ds.field(JOIN_KEY).isin(vehicles)
    return reader.arrow(lake, view.table, columns, condition)


def _instant(micros_utc: int) -> pa.Scalar:
    return pa.scalar(max(micros_utc, 0), pa.int64()).cast(TIME)
