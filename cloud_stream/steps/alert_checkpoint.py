"""The alerts' memory as pieces of `state.live` (what changes all the time) and chunks of `state.alerts` (what is written once)."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
import pyarrow as pa

from cloud_stream.alerting.desk import Papers
from cloud_stream.alerting.engine import Engine
from cloud_stream.alerting.gateways import Gateways, partition_of
from cloud_stream.alerting.history import CHUNK_MS, HORIZON_MS, SNAPSHOT_MS
from cloud_stream.alerting.models import Models, name_of
from cloud_stream.alerting.saved import Saved, load, save
from cloud_stream.steps.alerts import NOT_VEHICLES, Alarms, AlertState
from cloud_stream.steps.seen_pieces import packed_seen, unpacked_seen
from lakehouse.positions import Reached
from lakehouse.tables import LIVE_STATE

SLOTS = 2 * (HORIZON_MS + SNAPSHOT_MS) // CHUNK_MS
"""A ring twice as long as what counts: a slot is written again long after nothing needs it."""
_pack = msgspec.msgpack.Encoder().encode


class Chunk(NamedTuple):
    """A chunk or a snapshot of a partition; snapshots have odd numbers."""

    partition: int
    number: int
    content: bytes

    @property
    def slot(self) -> int:
        """Its place in the ring."""
        return self.number % (2 * SLOTS)


def _numbered(kind: str, number: int) -> int:
    return 2 * (number + 1) + (kind == "s")


class _Piece(msgspec.Struct, array_like=True):
    summary: bytes
    papers: Papers
    gateways: Gateways
    models: Models = msgspec.field(default_factory=Models)


def dump(alarms: Alarms, written: set[tuple[int, str, int]]) -> tuple[dict[int, bytes], list[Chunk]]:
    """A piece a partition, and the chunks that are not written yet. `written` takes in what the pieces now refer to."""
    pieces, chunks = {}, []
    state = alarms.state
    for partition, engine in state.engines.items():
        known = {(kind, number) for at, kind, number in written if at == partition}
        saved = save(engine, known)
        found = [("s", number, raw) for number, raw in saved.snapshots.items()] + [("c", number, raw) for number, raw in saved.chunks.items()]
        chunks += [Chunk(partition, _numbered(kind, number), raw) for kind, number, raw in found]
        written |= {(partition, kind, number) for kind, number, _ in found}
        pieces[partition] = _pack(
            _Piece(saved.summary, _papers(alarms, partition, engine), _gateways(state.gateways, engine), _models(state.models, partition))
        )
    return pieces, chunks


def _papers(alarms: Alarms, partition: int, engine: Engine) -> Papers:
    papers = alarms.state.papers
    alerts = {name: alert for name, alert in papers.alerts.items() if alert.vehicle_id in engine.numbers}
    alerts |= {
        name: alert
        for name, alert in papers.alerts.items()
        if alert.vehicle_id.startswith(NOT_VEHICLES) and partition_of(alert.vehicle_id) == partition
    }
    return Papers(alerts, papers.by_hand & alerts.keys(), papers.windows, papers.applied)


def _gateways(gateways: Gateways, engine: Engine) -> Gateways:
    own = {vehicle: gateway for vehicle, gateway in gateways.of.items() if vehicle in engine.numbers}
    return msgspec.structs.replace(gateways, of=own)


def _models(models: Models, partition: int) -> Models:
    own = {key: life for key, life in models.standing.items() if partition_of(name_of(key.partition("/")[2])) == partition}
    since = {model: ms for model, ms in models.since.items() if partition_of(name_of(model)) == partition}
    return Models(since, own)


def restore(alarms: Alarms, pieces: Mapping[int, bytes], chunks: Iterable[Chunk]) -> set[tuple[int, str, int]]:
    """Bring fresh alarms to where the pieces say; what of the ring is known to be written."""
    content = {(chunk.partition, chunk.number): chunk.content for chunk in chunks}
    written = set()
    for partition, raw in pieces.items():
        piece = msgspec.msgpack.decode(raw, type=_Piece)
        kinds = {
            kind: {number // 2 - 1: content[at, number] for at, number in content if at == partition and number % 2 == (kind == "s")} for kind in "sc"
        }
        load(Saved(piece.summary, kinds["s"], kinds["c"]), alarms.engine(partition))
        written |= {(partition, kind, number) for kind in "sc" for number in kinds[kind]}
        _merge(alarms.state, piece)
    alarms.settle()
    return written


def _merge(state: AlertState, piece: _Piece) -> None:
    papers, gateways, models = state.papers, state.gateways, state.models
    papers.alerts |= piece.papers.alerts
    papers.by_hand |= piece.papers.by_hand
    papers.windows |= piece.papers.windows
    papers.applied |= piece.papers.applied
    gateways.of |= piece.gateways.of
    for gateway, heard_ms in piece.gateways.heard.items():
        gateways.heard[gateway] = max(gateways.heard.get(gateway, 0), heard_ms)
    gateways.silent |= piece.gateways.silent
    gateways.names += [name for name in piece.gateways.names if name not in gateways.names]
    models.since |= piece.models.since
    models.standing |= piece.models.standing


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
