"""The live flow's memory as rows of `state.live` and back: one row a source and piece."""

from collections.abc import Mapping

import msgspec
import pyarrow as pa

from cloud_stream.alerting import Watch
from cloud_stream.ordering import Order
from cloud_stream.steps.live import LiveState
from cloud_stream.steps.silver import Memory
from contracts.ranges import Ranges
from lakehouse.positions import Position, Source
from lakehouse.seen import Entry, Sender
from lakehouse.tables import LIVE_STATE

_pack = msgspec.msgpack.Encoder().encode
_Seen = list[tuple[str, str, int, list[tuple[int, int]], list[tuple[int, int]]]]
_Following = list[tuple[str, str, int]]


def dump(state: LiveState) -> pa.Table:
    """All pieces of all sources."""
    rows = []
    for source, memory in state.memories.items():
        order = state.orders.get(source, Order())
        seen = [(*sender, entry.clock_ms, entry.accepted.pairs(), entry.quarantined.pairs()) for sender, entry in memory.seen.items()]
        following = [(*sender, seq) for sender, seq in order.following.items()]
        pieces = {
            "seen": _pack(seen),
            "following": _pack(following),
            "waiting": _stream(order.waiting),
            "watches": _pack(state.watches.get(source, {})),
            "online": _stream(state.online.get(source)),
        }
        rows += [
            {"partition": source.partition, "topic_id": source.topic_id, "piece": piece, "content": content} for piece, content in pieces.items()
        ]
    return pa.Table.from_pylist(rows, LIVE_STATE)


def load(table: pa.Table, reached: Mapping[Source, Position]) -> LiveState:
    """The memory of these sources out of a snapshot; empty for a source that it does not know."""
    state = LiveState()
    contents = {(row["topic_id"], row["partition"], row["piece"]): row["content"] for row in table.to_pylist()}
    for source, position in reached.items():
        pieces = {piece: content for (topic_id, partition, piece), content in contents.items() if (topic_id, partition) == source[1:]}
        if not pieces or position.offset < 0:
            state.memories[source] = Memory()
            continue
        seen = {
            Sender(vehicle, boot): Entry(Ranges(accepted), Ranges(quarantined), clock_ms)
            for vehicle, boot, clock_ms, accepted, quarantined in msgspec.msgpack.decode(pieces["seen"], type=_Seen)
        }
        following = {Sender(vehicle, boot): seq for vehicle, boot, seq in msgspec.msgpack.decode(pieces["following"], type=_Following)}
        state.memories[source] = Memory(position, seen)
        state.orders[source] = Order(following, _table(pieces["waiting"]))
        state.watches[source] = msgspec.msgpack.decode(pieces["watches"], type=dict[str, Watch])
        online = _table(pieces["online"])
        if online is not None:
            state.online[source] = online
    return state


def _stream(table: pa.Table | None) -> bytes:
    if table is None:
        return b""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def _table(raw: bytes) -> pa.Table | None:
    return pa.ipc.open_stream(raw).read_all() if raw else None
