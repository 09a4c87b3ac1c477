"""An engine as bytes and back: snapshots and chunks apart, so that only new ones need to be written down.

Columns go by name and rules by content, so that the same bytes also carry an engine over to other rules: what is unchanged goes on,
the rest begins anew.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from cloud_stream.alerting.columns import Rows
from cloud_stream.alerting.engine import Engine
from cloud_stream.alerting.history import Snapshot
from cloud_stream.alerting.memory import NEVER, Memory
from cloud_stream.alerting.rules import Rule
from cloud_stream.alerting.watch import Life, Watch, attention

Array = np.ndarray
_zstd = pa.Codec("zstd")
_pack = msgspec.msgpack.Encoder().encode


class _Legend(msgspec.Struct, array_like=True):
    """What the rows and columns of arrays stand for."""

    signals: list[str]
    nodes: list[str]
    rules: list[str]
    silences: list[str]
    names: list[str]
    regions: list[str]


class _Arrays(msgspec.Struct, array_like=True):
    legend: _Legend
    arrays: list[bytes]
    watches: dict[int, dict[int, Watch]] = {}
    lives: dict[int, dict[str, Life]] = {}


class Summary(msgspec.Struct, array_like=True):
    """What changes all the time: which snapshots and chunks count, the rows of the open chunk, what late rows changed in snapshots,
    silences, and when each vehicle was heard.
    """

    snapshots: list[int]
    chunks: list[int]
    open: int
    pile: bytes
    patches: dict[int, bytes]
    silent: dict[str, dict[str, Life]]
    heard: dict[str, int]
    home: dict[str, str]
    too_late: int


class Saved(NamedTuple):
    """An engine as bytes; snapshots and chunks by number."""

    summary: bytes
    snapshots: Mapping[int, bytes]
    chunks: Mapping[int, bytes]


def fingerprint(rule: Rule) -> str:
    """A rule's content: another text is another rule."""
    return rule.id + "/" + msgspec.json.encode(rule).decode()


def _legend(engine: Engine) -> _Legend:
    what = engine.program
    rules = [fingerprint(one.rule) for one in what.conditions]
    silences = [fingerprint(one.rule) for one in (*what.silences, *what.gateways, *what.models)]
    return _Legend(list(what.signals), [str(node) for node in what.nodes], rules, silences, list(engine.names), list(engine.regions))


def save(engine: Engine, known: set[tuple[str, int]] | None = None) -> Saved:
    """The engine as bytes, without the snapshots (`s`) and chunks (`c`) that are known elsewhere already."""
    history, known = engine.history, known or set()
    history.close()
    legend = _legend(engine)
    snapshots = {one.chunk: _snapshot(one, legend) for one in history.lasting() if ("s", one.chunk) not in known}
    closed = {number: rows for number, rows in history.chunks.items() if number != history.open}
    chunks = {number: _chunk(rows, legend) for number, rows in closed.items() if ("c", number) not in known}
    patches = {one.chunk: _patch(one, sorted(history.patched[one.chunk]), legend) for one in history.lasting() if history.patched.get(one.chunk)}
    silent = {engine.names[vehicle]: own for vehicle, own in engine.silent.items() if own}
    regions = list(engine.regions)
    summary = Summary(
        [one.chunk for one in history.lasting()],
        sorted(closed),
        history.open,
        _chunk(history.chunks[history.open], legend) if history.open in history.chunks else b"",
        patches,
        silent,
        {engine.names[vehicle]: ms for vehicle, ms in engine.heard.items()},
        {engine.names[vehicle]: regions[region] for vehicle, region in engine.home.items() if region < len(regions)},
        engine.too_late,
    )
    return Saved(_pack(summary), snapshots, chunks)


def load(saved: Saved, engine: Engine) -> None:
    """Bring an empty engine to where the saved one was, under its own rules."""
    summary = msgspec.msgpack.decode(saved.summary, type=Summary)
    history, what = engine.history, engine.program
    snapshots = [Snapshot(number, _memory(saved.snapshots[number], engine)) for number in summary.snapshots]
    for number in summary.chunks:
        history.chunks[number] = _rows(saved.chunks[number], engine)
    if summary.pile:
        history.chunks[summary.open] = _rows(summary.pile, engine)
    for one in snapshots:
        if one.chunk in summary.patches:
            patch = _memory(summary.patches[one.chunk], engine)
            vehicles = np.flatnonzero(patch.head_ts[: patch.size] != NEVER).tolist()
            one.memory.put_back(patch, vehicles)
            history.patched[one.chunk] = set(vehicles)
    history.snapshots, history.open = snapshots, summary.open
    engine.replay()
    names = {one.rule.id for one in what.silences}
    for silent, own in summary.silent.items():
        kept = {rule: life for rule, life in own.items() if rule in names}
        if kept:
            engine.silent[engine.number(silent)] = kept
    engine.heard = {engine.number(name): ms for name, ms in summary.heard.items()}
    engine.home = {engine.number(name): engine.region(region) for name, region in summary.home.items()}
    engine.too_late = summary.too_late


def _patch(one: Snapshot, vehicles: list[int], legend: _Legend) -> bytes:
    """A snapshot, about some vehicles only."""
    some = Memory(one.memory.shape, one.memory.size)
    some.put_back(one.memory, vehicles)
    return _snapshot(Snapshot(one.chunk, some), legend)


def _snapshot(one: Snapshot, legend: _Legend) -> bytes:
    memory, size = one.memory, one.memory.size
    heads = memory.head_ts[:size]
    arrays = [memory.last[:size], memory.last_ts[:size], memory.derived[:, :size], heads, memory.head_minor[:size]]
    return _squeezed(_pack(_Arrays(legend, [_bytes(array) for array in arrays], memory.watches, memory.lives)))


def _chunk(rows: Rows, legend: _Legend) -> bytes:
    return _squeezed(_pack(_Arrays(legend, [_bytes(column) for column in rows])))


def _memory(raw: bytes, engine: Engine) -> Memory:
    """A snapshot under the engine's rules and numbers."""
    found = msgspec.msgpack.decode(_wide(raw), type=_Arrays)
    legend, what = found.legend, engine.program
    last, last_ts, derived, head_ts, head_minor = (_array(one) for one in found.arrays)
    vehicles = np.array([engine.number(name) for name in legend.names[: len(head_ts)]], np.int64)
    memory = Memory(what.shape, int(vehicles.max(initial=-1)) + 1)
    memory.head_ts[vehicles], memory.head_minor[vehicles] = head_ts, head_minor
    for at, name in enumerate(what.signals):
        if name in legend.signals:
            column = legend.signals.index(name)
            memory.last[vehicles, at], memory.last_ts[vehicles, at] = last[:, column], last_ts[:, column]
    for at, node in enumerate(what.nodes):
        if str(node) in legend.nodes:
            memory.derived[at, vehicles] = derived[legend.nodes.index(str(node))]
    _watches(memory, found, engine)
    return memory


def _watches(memory: Memory, found: _Arrays, engine: Engine) -> None:
    """The watches and lives of rules that are still the same."""
    what, legend = engine.program, found.legend
    now = {fingerprint(one.rule): at for at, one in enumerate(what.conditions)}
    moved = {old: now[text] for old, text in enumerate(legend.rules) if text in now}
    kept = {what.conditions[at].rule.id for at in moved.values()}
    kept |= {one.rule.id for one in what.silences if fingerprint(one.rule) in legend.silences}
    for number, own in found.watches.items():
        vehicle = engine.number(legend.names[number])
        memory.watches[vehicle] = {moved[at]: watch for at, watch in own.items() if at in moved}
        for at, watch in memory.watches[vehicle].items():
            memory.attention[at, vehicle] = attention(watch, what.conditions[at].timing)
            memory.level[at, vehicle] = watch.life.level if watch.life and watch.stands else 0
    regions = [engine.region(name) for name in legend.regions]
    for number, lives in found.lives.items():
        own_lives = {name: _placed(life, regions) for name, life in lives.items() if life.rule in kept}
        memory.lives[engine.number(legend.names[number])] = own_lives


def _placed(life: Life, regions: Sequence[int]) -> Life:
    return msgspec.structs.replace(life, region=regions[life.region]) if life.region < len(regions) else life


def _rows(raw: bytes, engine: Engine) -> Rows:
    found = msgspec.msgpack.decode(_wide(raw), type=_Arrays)
    legend, what = found.legend, engine.program
    vehicle, ts, minor, region, known, values = (_array(one) for one in found.arrays)
    numbers = np.array([engine.number(name) for name in legend.names], np.int64)
    regions = np.array([engine.region(name) for name in legend.regions], np.int64)
    columns = np.full((len(what.signals), len(ts)), np.nan)
    for at, name in enumerate(what.signals):
        if name in legend.signals:
            columns[at] = values[legend.signals.index(name)]
    return Rows(numbers[vehicle], ts, minor, regions[region] if len(regions) else region, known, columns).sorted()


def _bytes(array: Array) -> bytes:
    sink = io.BytesIO()
    np.save(sink, np.ascontiguousarray(array), allow_pickle=False)
    return sink.getvalue()


def _array(raw: bytes) -> Any:
    return np.load(io.BytesIO(raw), allow_pickle=False)


def _squeezed(raw: bytes) -> bytes:
    return len(raw).to_bytes(8, "big") + _zstd.compress(raw, asbytes=True)


def _wide(raw: bytes) -> bytes:
    return bytes(_zstd.decompress(raw[8:], decompressed_size=int.from_bytes(raw[:8], "big"), asbytes=True))
