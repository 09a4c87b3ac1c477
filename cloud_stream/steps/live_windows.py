"""Windows, live: the same revisions of minutes that gold makes, out of the same frames, and what they say at each new instant.

An instant is new for a vehicle when its partition's clock passes the end of a minute, or the second from which late frames
are known. All revisions up to that instant are final then, so the figures equal the point-in-time join for it.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.transforms import EVENT_TIME, JOIN_KEY, KNOWN_TIME, SCORABLE_WINDOWS, WINDOW_FEATURES, minute_columns, windows
from features.windows import MINUTES, Questions
from lakehouse import minutes
from lakehouse.tables import TIME, VEHICLE_MINUTES

KEPT = pa.schema([VEHICLE_MINUTES.field(name) for name in [JOIN_KEY, "minute", KNOWN_TIME, "partition", *minute_columns(WINDOW_FEATURES)]])
"""What is remembered of a minute."""
ROWS = pa.schema(
    [
        pa.field(JOIN_KEY, pa.string()),
        pa.field(EVENT_TIME, TIME),
        pa.field(KNOWN_TIME, TIME),
        *(pa.field(feature, pa.float64()) for feature in WINDOW_FEATURES),
    ]
)
"""Online rows of `vehicle_windows`."""
_HOUR_US = MINUTES.longest * MINUTES.bucket_us
_SECOND_MS, _MINUTE_MS = 1000, 60_000


class WindowState(msgspec.Struct):
    """Frames not summed up yet, sums that are not known yet, the newest revision of each minute of the last hour; instants written (ms).

    `rows` are those of the view that stand online, one a vehicle; they are made again from the minutes after a restart.
    """

    frames: list[pa.Table] = msgspec.field(default_factory=list)
    waiting: pa.Table = msgspec.field(default_factory=VEHICLE_MINUTES.empty_table)
    minutes: pa.Table = msgspec.field(default_factory=KEPT.empty_table)
    looked_ms: dict[int, int] = msgspec.field(default_factory=dict)
    rows: pa.Table = msgspec.field(default_factory=ROWS.empty_table)

    def settle(self) -> None:
        """Sum up what has not been yet."""
        if self.frames:
            self.waiting = minutes.merge([self.waiting, minutes.partials(pa.concat_tables(self.frames))])
            self.frames = []


def step(state: WindowState, frames: pa.Table, clocks: Mapping[int, int]) -> pa.Table:
    """Take in silver rows; the rows of `vehicle_windows` that are new by the clocks (ms, by Kafka partition). Changes the state in place."""
    if frames.num_rows:
        state.frames.append(frames)
    if max(clocks.values(), default=0) // _SECOND_MS <= max(state.looked_ms.values(), default=0) // _SECOND_MS:
        return ROWS.empty_table()  # once a second for all partitions together: looking costs the same for one as for all
    ticked = {partition for partition, clock in clocks.items() if clock // _SECOND_MS > state.looked_ms.get(partition, 0) // _SECOND_MS}
    slid = {partition for partition in ticked if clocks[partition] // _MINUTE_MS > state.looked_ms.get(partition, 0) // _MINUTE_MS}
    state.looked_ms.update({partition: clocks[partition] for partition in ticked})
    state.settle()
    changed = _revise(state, clocks)
    moved = pc.is_in(state.minutes["partition"], pa.array(sorted(slid), pa.int32()))
    mine = pc.or_(moved, pc.is_in(state.minutes[JOIN_KEY], changed))
    concerned = state.minutes.filter(mine)
    rows = at_clock(concerned, clocks)
    others = state.rows.filter(pc.invert(pc.is_in(state.rows[JOIN_KEY], rows[JOIN_KEY])))
    state.rows = pa.concat_tables([others, rows]).combine_chunks()
    if slid:
        _forget(state, clocks)
    return rows


def beside(state: WindowState, live: pa.Table, features: Sequence[str] = SCORABLE_WINDOWS) -> pa.Table:
    """Rows of the live view with some windows of their vehicles behind, null where there are none yet: what a model scores."""
    places = pc.index_in(live[JOIN_KEY], state.rows[JOIN_KEY])
    for name in features:
        live = live.append_column(name, state.rows[name].take(places))
    return live


def at_clock(kept: pa.Table, clocks: Mapping[int, int]) -> pa.Table:
    """Rows of `vehicle_windows` for all vehicles of some remembered minutes, as of the last instant that changed anything."""
    if not kept.num_rows:
        return ROWS.empty_table()
    last = kept.group_by([JOIN_KEY, "partition"], use_threads=False).aggregate([(KNOWN_TIME, "max")])
    minute_us = np.array([clocks[partition] // _MINUTE_MS * _MINUTE_MS * 1000 for partition in last["partition"].to_pylist()], np.int64)
    instants = np.maximum(last[f"{KNOWN_TIME}_max"].cast(pa.int64()).to_numpy(), minute_us)
    return _rows(last[JOIN_KEY].combine_chunks(), instants, kept)


def _rows(vehicles: pa.Array, instants: np.ndarray, kept: pa.Table) -> pa.Table:
    times = pa.array(instants, pa.int64()).cast(TIME)
    figures = windows(kept, Questions(vehicles, instants))
    return pa.table([vehicles, times, times, *figures.values()], names=[JOIN_KEY, EVENT_TIME, KNOWN_TIME, *figures])


def _revise(state: WindowState, clocks: Mapping[int, int]) -> pa.Array:
    """Move what is known by now among the minutes; the vehicles that it was about."""
    due, state.waiting = _split(state.waiting, clocks)
    due = due.filter(pc.greater_equal(due["minute"], _oldest(due, clocks)))
    if due.num_rows:
        key = [JOIN_KEY, "minute"]
        before = state.minutes.join(due.select(key), key, join_type="left semi").select(KEPT.names)
        made = minutes.newest(minutes.revise(_wide(before), due)).select(KEPT.names).cast(KEPT)
        others = state.minutes.join(due.select(key), key, join_type="left anti").select(KEPT.names) if before.num_rows else state.minutes
        state.minutes = pa.concat_tables([others, made]).combine_chunks()
    return pc.unique(due[JOIN_KEY])


def _split(waiting: pa.Table, clocks: Mapping[int, int]) -> tuple[pa.Table, pa.Table]:
    known = pc.less_equal(waiting[KNOWN_TIME], _of_partition(waiting, {partition: clock * 1000 for partition, clock in clocks.items()}))
    return waiting.filter(known), waiting.filter(pc.invert(known))


def _forget(state: WindowState, clocks: Mapping[int, int]) -> None:
    """Minutes that no window will hold again."""
    state.minutes = state.minutes.filter(pc.greater_equal(state.minutes["minute"], _oldest(state.minutes, clocks))).combine_chunks()
    state.rows = state.rows.filter(pc.is_in(state.rows[JOIN_KEY], pc.unique(state.minutes[JOIN_KEY]))).combine_chunks()


def _oldest(rows: pa.Table, clocks: Mapping[int, int]) -> pa.Array:
    """The start of the longest window by each row's partition."""
    return _of_partition(rows, {partition: clock // _MINUTE_MS * _MINUTE_MS * 1000 - _HOUR_US for partition, clock in clocks.items()})


def _of_partition(rows: pa.Table, instants_us: Mapping[int, int]) -> pa.Array:
    table = np.zeros(max(instants_us, default=0) + 1, np.int64)
    for partition, instant in instants_us.items():
        table[partition] = instant
    return pa.array(table[rows["partition"].to_numpy()], pa.int64()).cast(TIME)


def _wide(kept: pa.Table) -> pa.Table:
    """Remembered minutes with every column of the table, null where it is not remembered: nothing of it is read afterwards."""
    columns = [kept[field.name] if field.name in kept.column_names else pa.nulls(kept.num_rows, field.type) for field in VEHICLE_MINUTES]
    return pa.table(columns, schema=VEHICLE_MINUTES)
