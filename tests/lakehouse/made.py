"""Bronze rows made for tests: what Kafka would have given."""

import pyarrow as pa

from contracts import codec
from contracts.events import Cells, Envelope, Event, Telemetry
from contracts.identity import Kind
from lakehouse.positions import Source
from lakehouse.seen import Seen
from lakehouse.silver import Refined, clocks, refine
from lakehouse.tables import BRONZE, TIME

NOW_MS = 1_790_000_000_000


def telemetry(vehicle: str, seq: int, ts: int = NOW_MS, boot: str = "0000000a", **signals: float) -> bytes:
    return envelope(vehicle, "telemetry", seq, codec.encode(Telemetry(ts, signals or {"soc_pct": 50.0})), boot=boot)


def cells(vehicle: str, seq: int) -> bytes:
    return envelope(vehicle, "cells", seq, codec.encode(Cells(NOW_MS, [3.7, 3.71], [20.0])))


def event(vehicle: str, seq: int, **attributes: object) -> bytes:
    return envelope(vehicle, "event", seq, codec.encode(Event(NOW_MS, "boot", attributes)))


def envelope(vehicle: str, kind: str, seq: int, payload: bytes, boot: str = "0000000a", received_at: int = NOW_MS) -> bytes:
    return codec.encode(Envelope("eu-north-1", "eu-north", vehicle, kind, boot, seq, received_at, *codec.seal(payload)))


def bronze(
    values: list[bytes], first_offset: int = 0, kafka_ms: list[int] | None = None, partition: int = 0, keys: list[str] | None = None
) -> pa.Table:
    size = len(values)
    stamps = kafka_ms or [NOW_MS + offset for offset in range(first_offset, first_offset + size)]
    columns = [
        pa.repeat("cluster", size),
        pa.repeat("edge.vehicle.telemetry.v1", size),
        pa.repeat("topic-id", size),
        pa.array([partition] * size, pa.int32()),
        pa.array(range(first_offset, first_offset + size), pa.int64()),
        pa.array([stamp * 1000 for stamp in stamps], pa.int64()).cast(TIME),
        pa.array(keys or [_vehicle(value) for value in values], pa.string()),
        pa.array(values, pa.binary()),
        pa.repeat("2026-09-21", size),
    ]
    return pa.Table.from_arrays(columns, schema=BRONZE)


def _vehicle(value: bytes) -> str:
    try:
        return codec.decode_envelope(value).vehicle_id
    except codec.Malformed:
        return "?"


def refined(records: pa.Table, kind: Kind, seen: Seen, start_ms: int = 0) -> Refined:
    """Refine a batch of one partition whose clock stood at `start_ms`."""
    return refine(records, kind, seen, clocks(records, {Source("cluster", "topic-id", 0): start_ms}))
