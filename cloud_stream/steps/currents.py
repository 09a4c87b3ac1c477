"""Currents for cell voltages: cells come in messages of their own, and what a cell's voltage says of its resistance needs the current with it.

A cells row waits a moment for the frames of its instant, then takes the current of the last frame at or before it, `NEAR_MS` at
most. One that comes long after its frames has none: it counts for all else.
"""

from collections.abc import Mapping

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.tables import SILVER_CELLS, SILVER_TELEMETRY, TIME

NEAR_MS = 2_000
WAIT_MS = 3_000
"""A row waits so long, by the clock of its partition's telemetry."""
LONGEST_MS = 300_000
"""And so long by the clock of its own topic, where telemetry does not come on."""
KEPT_MS = 30_000
"""Frames are kept for so long by their partition's clock."""
PILE = 256
FRAMES = pa.schema([SILVER_TELEMETRY.field(name) for name in ("vehicle_id", "event_ts", "known_at", "partition", "pack_a")])
ROWS = pa.schema([SILVER_CELLS.field(name) for name in ("vehicle_id", "event_ts", "known_at", "partition", "cell_v", "probe_c")])


class Currents(msgspec.Struct):
    """Frames of the last moments, and the cells rows that wait for theirs."""

    frames: pa.Table = msgspec.field(default_factory=FRAMES.empty_table)
    waiting: pa.Table = msgspec.field(default_factory=ROWS.empty_table)
    fresh: list[pa.Table] = msgspec.field(default_factory=list)
    heard_ms: dict[int, int] = msgspec.field(default_factory=dict)

    def settle(self, clocks: Mapping[int, int]) -> None:
        """Take in the fresh frames and drop the old ones, by the telemetry's clocks (ms, by partition)."""
        if self.fresh:
            together = pa.concat_tables([self.frames, *self.fresh])
            self.frames = together.filter(pc.greater_equal(together["known_at"], _limits(together, clocks, -KEPT_MS))).combine_chunks()
            self.fresh = []


def frames(state: Currents, rows: pa.Table, clocks: Mapping[int, int]) -> None:
    """Silver telemetry rows came."""
    if rows.num_rows:
        state.fresh.append(rows.select(FRAMES.names))
    if len(state.fresh) >= PILE:
        state.settle(clocks)


def cells(state: Currents, rows: pa.Table) -> None:
    """Silver cells rows came: they wait."""
    if rows.num_rows:
        state.waiting = pa.concat_tables([state.waiting, rows.select(ROWS.names)])
        newest = rows.group_by("partition").aggregate([("known_at", "max")])
        stamps = newest["known_at_max"].cast(pa.int64()).to_numpy() // 1000
        state.heard_ms.update(zip(newest["partition"].to_pylist(), stamps.tolist(), strict=True))


def due(state: Currents, clocks: Mapping[int, int]) -> tuple[pa.Table, np.ndarray]:
    """The rows that have waited, as they came, and their currents (A, NaN where not known). `clocks`: the telemetry's, ms by partition."""
    every = {*clocks, *state.heard_ms}
    until = {place: max(clocks.get(place, 0) - WAIT_MS, state.heard_ms.get(place, 0) - LONGEST_MS) for place in every}
    ready = pc.less_equal(state.waiting["known_at"], _limits(state.waiting, until))
    rows = state.waiting.filter(ready)
    if not rows.num_rows:
        return rows, np.empty(0)
    state.waiting = state.waiting.filter(pc.invert(ready)).combine_chunks()
    state.settle(clocks)
    return rows, _beside(rows, state.frames)


def _beside(rows: pa.Table, frames: pa.Table) -> np.ndarray:
    """For each row the current of its vehicle's last frame at or before it."""
    vehicles = pc.unique(rows["vehicle_id"])
    places = pc.index_in(frames["vehicle_id"], vehicles)
    of = pc.and_(places.is_valid(), frames["pack_a"].is_valid())
    amps = frames["pack_a"].filter(of).to_numpy()
    keys = _keys(places.filter(of), frames["event_ts"].filter(of))
    order = np.lexsort((amps, keys))
    keys, amps = keys[order], amps[order]
    wanted = _keys(pc.index_in(rows["vehicle_id"], vehicles), rows["event_ts"])
    at = np.searchsorted(keys, wanted, side="right") - 1
    found = np.full(len(wanted), np.nan)
    near = (at >= 0) & (wanted - keys[at] <= NEAR_MS) if len(keys) else np.zeros(len(wanted), bool)
    found[near] = amps[at[near]]
    return found


def _keys(places: pa.ChunkedArray, times: pa.ChunkedArray) -> np.ndarray:
    """Vehicle and millisecond as one number: those of two vehicles are further apart than any two instants of one."""
    return np.asarray(places.to_numpy().astype(np.int64) << 44 | times.cast(pa.int64()).to_numpy() // 1000)


def _limits(rows: pa.Table, by_partition: Mapping[int, int], shift_ms: int = 0) -> pa.Array:
    """The instant of each row's partition, shifted."""
    partitions = rows["partition"].to_numpy()
    table = np.zeros(max(max(by_partition, default=0), int(partitions.max(initial=0))) + 1, np.int64)
    for partition, instant_ms in by_partition.items():
        table[partition] = max(instant_ms + shift_ms, 0) * 1000
    return pa.array(table[partitions], pa.int64()).cast(TIME)
