"""The live flow's memory as rows of `state.live` and back: one row a Kafka partition and piece, so that owners can change."""

from collections.abc import Mapping, Sequence

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from cloud_stream.steps.currents import Currents
from cloud_stream.steps.live import LiveState
from cloud_stream.steps.live_stays import Stays
from cloud_stream.steps.live_windows import KEPT, WindowState, at_clock
from cloud_stream.steps.pack_pieces import packed_packs, unpacked_packs
from cloud_stream.steps.seen_pieces import packed_seen, unpacked_seen
from lakehouse.positions import Position, Source
from lakehouse.seen import Sender
from lakehouse.tables import LIVE_STATE, SILVER_TELEMETRY, VEHICLE_MINUTES

_pack = msgspec.msgpack.Encoder().encode
_SMALL = pa.ipc.IpcWriteOptions(compression="zstd")
_Following = list[tuple[str, str, int]]


def dump(state: LiveState) -> pa.Table:
    """All pieces of all partitions."""
    state.windows.settle()
    state.packs.currents.settle({source.partition: at.clock_ms for source, at in sorted(state.reached.items(), key=lambda one: one[1].clock_ms)})
    home = {sender.vehicle_id: entry.partition for sender, entry in state.seen.items()}
    state.stays.settle()
    rows = []
    for partition in sorted({source.partition for source in state.reached}):
        mine = {vehicle for vehicle, place in home.items() if place == partition}
        pieces = {
            "seen": packed_seen(state.seen, partition),
            "following": _pack([(*sender, seq) for sender, seq in state.order.following.items() if sender.vehicle_id in mine]),
            "waiting": _stream(_of(state.order.waiting, mine)),
            "online": _stream(_of(state.online, mine)),
            "minutes": _stream(_here(state.windows.minutes, partition)),
            "minutes_waiting": _stream(_here(state.windows.waiting, partition)),
            "looked": _pack(state.windows.looked_ms.get(partition, 0)),
            "packs": packed_packs(state.packs.of, partition),
            "cells_waiting": _stream(_here(state.packs.currents.waiting, partition)),
            "currents": _stream(_here(state.packs.currents.frames, partition)),
        }
        stays = _here(state.stays.open, partition)
        asked = {vehicle: state.stays.asked[vehicle] for vehicle in stays["vehicle_id"].to_pylist() if vehicle in state.stays.asked}
        pieces |= {"stays": _stream(stays), "stays_ended": _stream(_here(state.stays.ended, partition)), "stays_asked": _pack(asked)}
        rows += [{"partition": partition, "piece": piece, "content": content} for piece, content in pieces.items()]
    return pa.Table.from_pylist(rows, LIVE_STATE)


def load(table: pa.Table, reached: Mapping[Source, Position]) -> LiveState:
    """The memory of these sources' partitions out of a snapshot; empty for a partition that it does not know."""
    partitions = {source.partition for source in reached}
    pieces: dict[str, list[tuple[int, bytes]]] = {}
    for row in table.to_pylist():
        if row["partition"] in partitions:
            pieces.setdefault(row["piece"], []).append((row["partition"], row["content"]))
    state = LiveState(reached=dict(reached))
    for partition, content in pieces.get("seen", []):
        state.seen |= unpacked_seen(content, partition)
    for _, content in pieces.get("following", []):
        state.order.following |= {Sender(vehicle, boot): seq for vehicle, boot, seq in msgspec.msgpack.decode(content, type=_Following)}
    state.order.waiting = _together(pieces.get("waiting", []), SILVER_TELEMETRY)
    state.online = _together(pieces.get("online", []), state.online.schema) or state.online
    state.windows = _windows(pieces)
    state.windows.rows = at_clock(state.windows.minutes, {source.partition: at.clock_ms for source, at in reached.items()})
    for partition, content in pieces.get("packs", []):
        state.packs.of |= unpacked_packs(content, partition)
    state.packs.currents = _currents(pieces)
    state.stays = _stays(pieces)
    return state


def _stays(pieces: Mapping[str, list[tuple[int, bytes]]]) -> Stays:
    state = Stays()
    state.open = _together(pieces.get("stays", []), state.open.schema) or state.open
    state.ended = _together(pieces.get("stays_ended", []), state.ended.schema) or state.ended
    for _, content in pieces.get("stays_asked", []):
        state.asked |= msgspec.msgpack.decode(content, type=dict[str, tuple[int, int]])
    return state


def _currents(pieces: Mapping[str, list[tuple[int, bytes]]]) -> Currents:
    state = Currents()
    state.waiting = _together(pieces.get("cells_waiting", []), state.waiting.schema) or state.waiting
    state.frames = _together(pieces.get("currents", []), state.frames.schema) or state.frames
    return state


def _windows(pieces: Mapping[str, list[tuple[int, bytes]]]) -> WindowState:
    looked = {partition: msgspec.msgpack.decode(content, type=int) for partition, content in pieces.get("looked", [])}
    state = WindowState(looked_ms=looked)
    state.minutes = _together(pieces.get("minutes", []), KEPT) or state.minutes
    state.waiting = _together(pieces.get("minutes_waiting", []), VEHICLE_MINUTES) or state.waiting
    return state


def _here(rows: pa.Table, partition: int) -> pa.Table:
    return rows.filter(pc.equal(rows["partition"], partition))


def _of(rows: pa.Table | None, vehicles: set[str]) -> pa.Table | None:
    return None if rows is None else rows.filter(pc.is_in(rows["vehicle_id"], pa.array(sorted(vehicles), pa.string())))


def _stream(rows: pa.Table | None) -> bytes:
    """Rows as an Arrow stream; empty where there are none."""
    if rows is None or not rows.num_rows:
        return b""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=_SMALL) as stream:
        stream.write_table(rows)
    return sink.getvalue().to_pybytes()


def _together(pieces: Sequence[tuple[int, bytes]], schema: pa.Schema) -> pa.Table | None:
    """The rows of several partitions; None where there are none."""
    tables = [_fitted(pa.ipc.open_stream(content).read_all(), schema) for _, content in pieces if content]
    return pa.concat_tables(tables) if tables else None


def _fitted(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows that another version wrote, with the columns of this one: a signal that its catalogue lacked is null."""
    held = set(rows.column_names)
    return pa.table(
        [rows[field.name].cast(field.type) if field.name in held else pa.nulls(rows.num_rows, field.type) for field in schema], schema=schema
    )
