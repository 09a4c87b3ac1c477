"""Charging sessions, live: asked how much energy they still need as the car plugs in, and each half hour while it charges.

A session is that of `gold.charging_sessions`, folded out of the same pieces of frames, so its id is the same and order, batches and restarts
change nothing of it. What is known of it comes from `features.stays` alone. Live nobody says how long the car stays; a station is its
place to some 100 m, a site to some kilometre; local time is that of the longitude. Experience are the sessions of this process' vehicles.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cloud_stream.steps.asked import Ask
from contracts.events import Score
from features.served import CHARGING
from features.shaped import place_ids
from features.stays import Sessions, described, later
from lakehouse.gold import facts, frames, spans
from lakehouse.gold.charging import HOW, SESSIONS

TICK_MS = 5_000
"""How often, by Kafka's clock, sessions are looked at."""
MOMENT_MS = 30 * 60_000
STILL_MS = 120_000
"""A car whose last frame is so far behind its last charging one has ended charging: it needs nothing more."""
KNOWN = 10_000
LEAST_KWH, LONGEST_MIN = 0.5, 2880.0
"""Sessions with less, or longer, teach nothing: they are left out in training too."""
_NAMES = ["vehicle_id", "region", "partition"]
OPEN = pa.schema([("vehicle_id", pa.string()), ("region", pa.string()), ("partition", pa.int32()), *((name, pa.int64()) for name in HOW)])
_FIGURES = ("start_min", "end_min", "charge_min", "energy_kwh", "soc_start_pct")
NOBODY = pa.table({name: pa.array([], pa.float64()) for name in CHARGING.inputs})
ENDED = pa.schema([("partition", pa.int32()), ("site", pa.string()), ("station", pa.string()), *((name, pa.float64()) for name in _FIGURES)])


class Stays(msgspec.Struct):
    """Sessions that go on as exact rows, those that were as figures; by vehicle the start (ms) and half hour that was asked about last."""

    fresh: list[pa.Table] = msgspec.field(default_factory=list)
    open: pa.Table = msgspec.field(default_factory=OPEN.empty_table)
    ended: pa.Table = msgspec.field(default_factory=ENDED.empty_table)
    asked: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    looked_ms: int = 0

    def settle(self) -> None:
        """Fold the fresh frames in."""
        if self.fresh:
            pieces = SESSIONS.partial(frames.frames(pa.concat_tables(self.fresh), SESSIONS.signals))
            self.open = facts.fold(SESSIONS, [self.open, pieces.select(OPEN.names).cast(OPEN)]).select(OPEN.names).cast(OPEN)
            self.fresh = []


class Moment(NamedTuple):
    """A session (place among the open ones) and the half hour of it that is asked about."""

    place: int
    vehicle: str
    half_hour: int


def step(state: Stays, rows: pa.Table, clocks: Mapping[int, int], ask: Ask) -> list[Score]:
    """Take in silver telemetry; scores of the sessions that have come to a moment by the clocks (ms, by partition)."""
    if rows.num_rows:
        narrow = rows.select([*_NAMES, "event_ts", *SESSIONS.signals])
        plugged = narrow.filter(pc.or_(_is_one(narrow["cable_connected"]), _is_one(narrow["is_charging"])))
        if plugged.num_rows:
            state.fresh.append(plugged)
    now_ms = max(clocks.values(), default=0)
    if now_ms - state.looked_ms < TICK_MS:
        return []
    state.looked_ms = now_ms
    state.settle()
    if not state.open.num_rows:
        return []
    _close(state, clocks)
    if not ask(CHARGING.name, NOBODY):
        return []  # nobody answers: the first version will be asked about what goes on now
    moments = _moments(state)
    return _scored(state, moments, ask) if moments else []


def _is_one(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(column, 1.0), False)


def _close(state: Stays, clocks: Mapping[int, int]) -> None:
    """Move sessions that are over to those that were."""
    now = np.array([clocks.get(partition, 0) for partition in state.open["partition"].to_pylist()], np.int64)
    over = state.open["end_ms"].to_numpy() + spans.GAP_MS < now
    if over.any():
        found = _figures(state.open.filter(pa.array(over)))
        good = pc.and_(pc.greater(found["energy_kwh"], LEAST_KWH), pc.less(pc.subtract(found["end_min"], found["start_min"]), LONGEST_MIN))
        state.ended = pa.concat_tables([state.ended, found.filter(good)]).sort_by("end_min").combine_chunks()
        state.ended = state.ended.slice(max(state.ended.num_rows - KNOWN, 0))
        state.open = state.open.filter(pa.array(~over)).combine_chunks()
        going = set(state.open["vehicle_id"].to_pylist())
        state.asked = {vehicle: last for vehicle, last in state.asked.items() if vehicle in going}


def _moments(state: Stays) -> list[Moment]:
    """Sessions that have come to a half hour that was not asked about yet, and still charge; 0 is plugging in."""
    start, end = state.open["start_ms"].to_numpy(), state.open["end_ms"].to_numpy()
    charged = state.open["charging_to_ms"].fill_null(0).to_numpy()
    half = np.where(end - charged <= STILL_MS, (end - start) // MOMENT_MS, 0)
    found = []
    for place, (vehicle, began, reached) in enumerate(zip(state.open["vehicle_id"].to_pylist(), start.tolist(), half.tolist(), strict=True)):
        last_start, last = state.asked.get(vehicle, (-1, -1))
        if last_start < began or reached > last:  # late frames can only make a session begin earlier
            state.asked[vehicle] = (began, reached)
            found.append(Moment(place, vehicle, reached))
    return found


def _figures(exact: pa.Table) -> pa.Table:
    """What was of sessions, as `ENDED`."""
    read = SESSIONS.read(exact, np.zeros(exact.num_rows, np.int64))
    lat, lon = (pa.chunked_array([read[name]]) for name in ("lat", "lon"))
    local_min = np.round(np.nan_to_num(lon.to_numpy()) / 15) * 60
    minutes = [exact[name].to_numpy() / 60_000 + local_min for name in ("start_ms", "end_ms")]
    charge = np.maximum(np.nan_to_num(_floats(read["charging_s"])) / 60, 1 / 60)
    figures = [*minutes, charge, np.nan_to_num(_floats(read["energy_kwh"])), _floats(read["start_soc_pct"])]
    places = [place_ids(lat, lon, 2).fill_null(""), place_ids(lat, lon, 3).fill_null("")]
    return pa.table([exact["partition"], *places, *figures], schema=ENDED)


def _floats(column: pa.Array) -> np.ndarray:
    return np.asarray(column.to_numpy(zero_copy_only=False), float)


def _scored(state: Stays, moments: list[Moment], ask: Ask) -> list[Score]:
    chosen = state.open.take([one.place for one in moments])
    going = _figures(state.open)
    sites = pc.unique(going["site"].take(pa.array([one.place for one in moments])))
    others = state.ended.filter(pc.is_in(state.ended["site"], sites))
    known, size = pa.concat_tables([going, others]), going.num_rows
    columns = {name: known[name].to_numpy() for name in _FIGURES}
    told = columns | {"end_min": np.where(np.arange(len(known)) < size, np.nan, columns["end_min"])}
    names = [np.asarray(known[name].to_pylist(), object) for name in ("site", "station")]
    every = Sessions(*names, *(told[name] for name in _FIGURES))
    features = described(every)
    rows: dict[int, dict[str, float]] = {}
    for half_hour in {one.half_hour for one in moments}:
        at = later(features, every, half_hour * MOMENT_MS / 60_000)
        rows |= {one.place: {name: float(values[one.place]) for name, values in at.items()} for one in moments if one.half_hour == half_hour}
    table = pa.table({name: [rows[one.place][name] for one in moments] for name in CHARGING.inputs})
    sessions = facts.identifiers("session", chosen["vehicle_id"].to_pylist(), chosen["start_ms"].to_pylist()).to_pylist()
    ends = chosen["end_ms"].to_pylist()
    return [
        Score(model=name, version=version, vehicle_id=one.vehicle, event_ts=end, value=value, unit=CHARGING.unit, about=f"session {session}")
        for name, version, values in ask(CHARGING.name, table)
        for one, session, end, value in zip(moments, sessions, ends, values.tolist(), strict=True)
    ]
