"""Packs, live: an hour of cell voltages is summed up as it comes, and said something of once it is over. What is said is `features.cells`' alone.

An hour (UTC, by event time) is over where a sample of its vehicle is `GRACE_MS` past its end. Until then samples count in whatever order they
come; a later one is passed over, and counted as `late`: the hour was told. A vehicle that is silent tells its last hour when it is heard again.
Each cell of the hour gets a score; the pack's is the greatest mean of a cell over the last hours heard. Hours that an earlier version scored
count until they are out, so that a promotion leaves no gap; the stamp is that of the version that scored the last one.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cloud_stream.steps import currents
from cloud_stream.steps.asked import Answer, Ask
from cloud_stream.steps.currents import Currents
from contracts.events import Score
from features.cells import FEATURES, HOURS, LEAST_HOURS, WINDOW_S, Hour, Memory, Sums, described, nothing, pack_score, stretches
from features.served import BATTERY_FAULT

HOUR_MS = round(WINDOW_S * 1000)
GRACE_MS = 120_000
FORGOTTEN_MS = 7 * 24 * HOUR_MS
"""A pack that was not heard of for so long is forgotten."""


class Pack(msgspec.Struct):
    """One vehicle's: samples of hours that are not over by (start in ms, number of cells), what `described` remembers, and the scores of its
    cells of the last hours, shape (hours, cells), by the name that they go by.
    """

    partition: int
    heard_ms: int = 0
    open: dict[tuple[int, int], Sums] = msgspec.field(default_factory=dict)
    memory: Memory = nothing(0)
    said: dict[str, np.ndarray] = msgspec.field(default_factory=dict)


class Packs(msgspec.Struct):
    """All that a restart needs."""

    currents: Currents = msgspec.field(default_factory=Currents)
    of: dict[str, Pack] = msgspec.field(default_factory=dict)
    late: int = 0


class Told(NamedTuple):
    """The figures of the cells of a pack's hour, and the instant (ms) at which it was over."""

    vehicle: str
    at_ms: int
    figures: dict[str, np.ndarray]


def step(state: Packs, clocks: Mapping[int, int], ask: Ask) -> list[Score]:
    """Take in the samples that have waited for their current by the telemetry's clocks (ms, by partition); the scores of hours that are over."""
    rows, amps = currents.due(state.currents, clocks)
    if not rows.num_rows:
        return []
    told = take(state, rows, amps)
    scores = _scored(state, told, ask)
    if told:
        newest_ms = max(pack.heard_ms for pack in state.of.values())
        state.of = {vehicle: pack for vehicle, pack in state.of.items() if newest_ms - pack.heard_ms < FORGOTTEN_MS}
    return scores


def take(state: Packs, rows: pa.Table, amps: np.ndarray) -> list[Told]:
    """Sum samples up, in the order in which they came; the hours that are over by them."""
    names = rows["vehicle_id"].combine_chunks().dictionary_encode()
    codes, ts = names.indices.to_numpy(), rows["event_ts"].cast(pa.int64()).to_numpy() // 1000
    order = np.argsort(codes, kind="stable")
    codes, ts = codes[order].astype(np.int64), ts[order]
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    vehicles = names.dictionary.take(pa.array(codes[starts])).to_pylist()
    partitions = rows["partition"].to_numpy()[order][starts].tolist()
    packs = [_pack(state, vehicle, partition) for vehicle, partition in zip(vehicles, partitions, strict=True)]
    before = np.repeat([pack.heard_ms for pack in packs], np.diff(starts, append=len(ts)))
    # The newest instant so far, row by row: vehicles are kept apart by the high bits.
    newest = np.maximum.accumulate(codes << 44 | np.maximum(ts, before)) & ((1 << 44) - 1)
    known = np.concatenate([[0], newest[:-1]])
    known[starts] = before[starts]
    late = (ts // HOUR_MS + 1) * HOUR_MS + GRACE_MS <= known
    state.late += int(late.sum())
    place = np.repeat(np.arange(len(packs)), np.diff(starts, append=len(ts)))
    kept = np.flatnonzero(~late)
    _add(packs, (place[kept], ts[kept] // HOUR_MS * HOUR_MS), rows.take(pa.array(order[kept])), amps[order[kept]])
    told = []
    for vehicle, pack, low, high in zip(vehicles, packs, starts.tolist(), [*starts[1:].tolist(), len(ts)], strict=True):
        pack.heard_ms = int(newest[high - 1])
        told += _over(vehicle, pack, newest[low:high])
    return told


def _pack(state: Packs, vehicle: str, partition: int) -> Pack:
    found = state.of.get(vehicle)
    if found is None:
        found = state.of[vehicle] = Pack(partition)
    return found


def _add(packs: list[Pack], key: tuple[np.ndarray, np.ndarray], rows: pa.Table, amps: np.ndarray) -> None:
    """Add samples to the open hours of their packs; `key` is the place of the pack and the start of the hour of each."""
    place, hour = key
    volts, probes = rows["cell_v"].combine_chunks(), rows["probe_c"].combine_chunks()
    sizes, widths = (pc.fill_null(column.value_lengths(), 0).to_numpy() for column in (volts, probes))
    for size, width in sorted(set(zip(sizes.tolist(), widths.tolist(), strict=True))):
        own = np.flatnonzero((sizes == size) & (widths == width))
        own = own[np.lexsort((hour[own], place[own]))]
        starts = np.flatnonzero((np.diff(place[own], prepend=-1) != 0) | (np.diff(hour[own], prepend=-1) != 0))
        samples = Hour(_matrix(volts, own, size), amps[own], _matrix(probes, own, width))
        for first, sums in zip(own[starts].tolist(), stretches(samples, starts), strict=True):
            open_, at = packs[int(place[first])].open, (int(hour[first]), size)
            open_[at] = open_[at].plus(sums) if at in open_ else sums


def _matrix(column: pa.ListArray, own: np.ndarray, width: int) -> np.ndarray:
    values = column.take(pa.array(own)).flatten()
    return np.asarray(values.to_numpy(zero_copy_only=False), float).reshape(len(own), width)


def _over(vehicle: str, pack: Pack, newest: np.ndarray) -> list[Told]:
    """The pack's hours that are over by its newest instants, and told no more. Of samples of several sizes the most count."""
    told = []
    for hour in sorted({hour for hour, _ in pack.open if hour + HOUR_MS + GRACE_MS <= pack.heard_ms}):
        sizes = {size: sums for (start, size), sums in pack.open.items() if start == hour}
        size = max(sizes, key=lambda one: (int(sizes[one].pack[0]), one))
        memory = pack.memory if pack.memory.below.shape[1] == size else nothing(size)
        figures, pack.memory = described(sizes[size], memory)
        pack.open = {key: sums for key, sums in pack.open.items() if key[0] != hour}
        if figures is not None:
            told.append(Told(vehicle, int(newest[np.searchsorted(newest, hour + HOUR_MS + GRACE_MS)]), figures))
    return told


def _scored(state: Packs, told: list[Told], ask: Ask) -> list[Score]:
    """One question about all cells of all hours; a score a pack and hour."""
    if not told:
        return []
    rows = pa.table({name: np.concatenate([one.figures[name] for one in told]) for name in FEATURES})
    edges = np.cumsum([len(one.figures[FEATURES[0]]) for one in told])[:-1]
    answers = ask(BATTERY_FAULT.name, rows)
    parts = [np.split(answer.values, edges) for answer in answers]
    return [
        score
        for at, one in enumerate(told)
        for answer, part in zip(answers, parts, strict=True)
        if (score := _of_pack(state.of[one.vehicle], one, answer._replace(values=part[at]))) is not None
    ]


def _of_pack(pack: Pack, told: Told, answer: Answer) -> Score | None:
    """The pack's score, with its cell; None before enough hours were heard."""
    before = pack.said.get(answer.name)
    same = before is not None and before.shape[1] == len(answer.values)
    hours = np.concatenate([before, answer.values[None]])[-HOURS:] if before is not None and same else answer.values[None]
    pack.said[answer.name] = hours
    if len(hours) < LEAST_HOURS:
        return None
    value, cell = pack_score(hours)
    named = {"model": answer.name, "version": answer.version, "unit": BATTERY_FAULT.unit, "about": f"cell {cell + 1}"}
    return Score(vehicle_id=told.vehicle, event_ts=told.at_ms, value=value, **named)
