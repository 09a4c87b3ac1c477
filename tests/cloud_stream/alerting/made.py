"""Silver rows and rules made for tests of the alert engine."""

from typing import Any

import msgspec
import pyarrow as pa

from cloud_stream.alerting.engine import Engine
from cloud_stream.alerting.evaluation import program
from cloud_stream.alerting.rules import Rule
from lakehouse.tables import SILVER_CELLS, SILVER_EVENTS, SILVER_TELEMETRY, TIME

NOW_MS = 1_790_000_000_000
ALWAYS = ("vehicle_id", "region", "boot_id", "gateway_id", "seq", "event_ts", "known_at", "partition", "cell_v", "probe_c", "event", "attributes")
"""Columns that rows have whatever is in the frames; signals that none has are left out, which is much quicker."""


def rule(name: str, severity: str = "warning", **fields: Any) -> Rule:
    return msgspec.convert({"id": name, "title": name, "severity": severity, "why": "a test", "source": "a test", **fields}, Rule)


def engine(*rules: Rule, **more: Any) -> Engine:
    return Engine(program(rules), **more)


def telemetry(frames: list[dict[str, Any]]) -> pa.Table:
    """Frames: `vehicle`, `seq`, `ts` (s from the start), `known` (s, as `ts` where left out), and signals."""
    return _table(frames, SILVER_TELEMETRY)


def cells(frames: list[dict[str, Any]]) -> pa.Table:
    return _table(frames, SILVER_CELLS)


def events(frames: list[dict[str, Any]]) -> pa.Table:
    return _table(frames, SILVER_EVENTS)


def _table(frames: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    rows = []
    for frame in frames:
        ts = round(NOW_MS + frame["ts"] * 1000)
        known = round(NOW_MS + frame.get("known", frame["ts"]) * 1000)
        identity = {"vehicle_id": frame.get("vehicle", "V-1"), "region": frame.get("region", "eu-north"), "boot_id": frame.get("boot", "0000000a")}
        stamps = {"seq": frame["seq"], "event_ts": ts * 1000, "known_at": known * 1000, "gateway_id": "eu-north-1", "partition": 0}
        rows.append({**frame, **identity, **stamps})
    needed = {*ALWAYS, *(name for frame in frames for name in frame)}
    fields = [field for field in schema if field.name in needed]
    plain = pa.schema([pa.field(field.name, pa.int64() if field.type == TIME else field.type) for field in fields])
    return pa.Table.from_pylist(rows, plain).cast(pa.schema(fields))
