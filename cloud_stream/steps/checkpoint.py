"""The live flow's memory as rows of `state.live` and back: one row a Kafka partition and piece, so that owners can change."""

from collections.abc import Iterable, Mapping

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from cloud_stream.steps.alerts import Alarms, AlertState
from cloud_stream.steps.live import LiveState
from contracts.ranges import Ranges
from lakehouse.positions import Position, Reached, Source
from lakehouse.quality.marks import packed, unpack
from lakehouse.seen import Entry, Seen, Sender
from lakehouse.tables import LIVE_STATE

_pack = msgspec.msgpack.Encoder().encode
_Pairs = list[tuple[int, int]]
_Seen = list[tuple[str, str, int, _Pairs, _Pairs, bytes | None]]
_Following = list[tuple[str, str, int]]


def dump(state: LiveState) -> pa.Table:
    """All pieces of all partitions."""
    home = {sender.vehicle_id: entry.partition for sender, entry in state.seen.items()}
    rows = []
    for partition in sorted({source.partition for source in state.reached}):
        mine = {vehicle for vehicle, place in home.items() if place == partition}
        pieces = {
            "seen": packed_seen(state.seen, partition),
            "following": _pack([(*sender, seq) for sender, seq in state.order.following.items() if sender.vehicle_id in mine]),
            "waiting": _stream(state.order.waiting, mine),
            "online": _stream(state.online, mine),
        }
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
    state.order.waiting = _together(content for _, content in pieces.get("waiting", []))
    online = _together(content for _, content in pieces.get("online", []))
    if online is not None:
        state.online = online
    return state


def alert_pieces(alarms: Alarms, pieces: Mapping[int, bytes]) -> pa.Table:
    """The alerts' pieces, and what was seen of cells and events, as rows."""
    rows = [{"partition": partition, "piece": "alerts", "content": content} for partition, content in pieces.items()]
    for kind, seen in alarms.state.seen.items():
        partitions = sorted({entry.partition for entry in seen.values()})
        rows += [{"partition": partition, "piece": f"seen.{kind}", "content": packed_seen(seen, partition)} for partition in partitions]
    return pa.Table.from_pylist(rows, LIVE_STATE)


def load_alerts(table: pa.Table, reached: Mapping[str, Reached]) -> tuple[AlertState, dict[int, bytes]]:
    """What was seen of cells and events, and the pieces of the alerts, of the partitions in `reached` (by cells, event, commands)."""
    partitions = {source.partition for read in reached.values() for source in read}
    state, pieces = AlertState(reached={name: dict(read) for name, read in reached.items()}), {}
    for row in table.to_pylist():
        if row["partition"] in partitions:
            if row["piece"] == "alerts":
                pieces[row["partition"]] = row["content"]
            elif row["piece"].startswith("seen."):
                state.seen.setdefault(row["piece"].removeprefix("seen."), {}).update(unpacked_seen(row["content"], row["partition"]))
    return state, pieces


def packed_seen(seen: Seen, partition: int) -> bytes:
    """What was seen of one partition's senders."""
    own = [(sender, entry) for sender, entry in seen.items() if entry.partition == partition]
    return _pack([(*sender, entry.clock_ms, entry.accepted.pairs(), entry.quarantined.pairs(), packed(entry)) for sender, entry in own])


def unpacked_seen(content: bytes, partition: int) -> Seen:
    """The same, back."""
    seen: Seen = {}
    for vehicle, boot, clock_ms, accepted, quarantined, memory in msgspec.msgpack.decode(content, type=_Seen):
        entry = seen[Sender(vehicle, boot)] = Entry(Ranges(accepted), Ranges(quarantined), partition, clock_ms)
        unpack(memory, entry)
    return seen


def _stream(table: pa.Table | None, vehicles: set[str]) -> bytes:
    """The rows of these vehicles as an Arrow stream; empty where there are none."""
    if table is None:
        return b""
    mine = table.filter(pc.is_in(table["vehicle_id"], pa.array(sorted(vehicles), pa.string())))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, mine.schema) as stream:
        stream.write_table(mine)
    return sink.getvalue().to_pybytes() if mine.num_rows else b""


def _together(streams: Iterable[bytes]) -> pa.Table | None:
    tables = [pa.ipc.open_stream(raw).read_all() for raw in streams if raw]
    return pa.concat_tables(tables) if tables else None
