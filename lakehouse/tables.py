"""Every table of the lake: its name, columns and partitioning. A table lives at `{lake}/{layer}/{table}`.

Times are microsecond timestamps in UTC, as Delta has them. A signal's column carries its VSS path, unit and resolution as
column metadata.
"""

import pyarrow as pa

from contracts.identity import Kind
from contracts.signals import SIGNALS, Signal
from lakehouse.gold.tables import GOLD_PARTITIONED_BY, GOLD_SCHEMAS

TIME = pa.timestamp("us", tz="UTC")

COORDINATES = [
    pa.field("cluster", pa.string()),
    pa.field("topic", pa.string()),
    pa.field("topic_id", pa.string()),
    pa.field("partition", pa.int32()),
    pa.field("offset", pa.int64()),
    pa.field("kafka_ts", TIME),
]
"""Where a row stood in Kafka: cluster id, topic name and UUID, partition, offset, timestamp."""

BRONZE = pa.schema([*COORDINATES, pa.field("key", pa.string()), pa.field("value", pa.binary()), pa.field("ingest_date", pa.string())])

IDENTITY = [
    pa.field("vehicle_id", pa.string()),
    pa.field("region", pa.string()),
    pa.field("gateway_id", pa.string()),
    pa.field("boot_id", pa.string()),
    pa.field("seq", pa.int64()),
    pa.field("event_ts", TIME),
    pa.field("received_at", TIME),
    pa.field("known_at", TIME),
]
"""Who, which message, when it happened, when a gateway had it, and the partition's clock when it was read: the running
maximum of the Kafka timestamp in partition order."""


def signal_field(signal: Signal) -> pa.Field:
    """The silver column of a signal."""
    facts = {"vss": signal.vss, "unit": signal.unit, "resolution": str(signal.resolution), "description": signal.description}
    return pa.field(signal.name, pa.float64(), metadata=facts)


SIGNAL_FIELDS = [signal_field(signal) for signal in SIGNALS]
_DATE = pa.field("date", pa.string())

MARKED = [pa.field("marks", pa.list_(pa.string()))]
"""The names of the quality rules (`contracts.quality`) that marked a row; null where none did."""

SILVER_TELEMETRY = pa.schema([_DATE, *IDENTITY, *COORDINATES, *MARKED, pa.field("unknown_signals", pa.list_(pa.string())), *SIGNAL_FIELDS])
_LIST = pa.list_(pa.float64())
SILVER_CELLS = pa.schema([_DATE, *IDENTITY, *COORDINATES, *MARKED, pa.field("cell_v", _LIST), pa.field("probe_c", _LIST)])
SILVER_EVENTS = pa.schema([_DATE, *IDENTITY, *COORDINATES, *MARKED, pa.field("event", pa.string()), pa.field("attributes", pa.string())])
QUARANTINE = pa.schema(
    [
        _DATE,
        pa.field("kind", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("vehicle_id", pa.string()),
        pa.field("boot_id", pa.string()),
        pa.field("seq", pa.int64()),
        pa.field("known_at", TIME),
        *COORDINATES,
        pa.field("key", pa.string()),
        pa.field("value", pa.binary()),
    ]
)
SEEN = pa.schema(
    [
        pa.field("kind", pa.string()),
        pa.field("partition", pa.int32()),
        pa.field("vehicle_id", pa.string()),
        pa.field("boot_id", pa.string()),
        pa.field("known_at", TIME),
        pa.field("accepted", pa.list_(pa.int64())),
        pa.field("quarantined", pa.list_(pa.int64())),
        pa.field("memory", pa.binary()),
        pa.field("clocks", pa.list_(pa.struct([("cluster", pa.string()), ("topic_id", pa.string()), ("partition", pa.int32()), ("at", TIME)]))),
    ]
)
"""Snapshot of the seqs seen: flat lists of interval ends `first, last, first, last, …`; what the rules of change remember; and each source's
clock at the sender's newest row from it."""

SIGNAL_TS = pa.field("signal_ts", pa.struct([(signal.name, TIME) for signal in SIGNALS]))
"""When each signal of `vehicle_current` was reported."""
VEHICLE_CURRENT = pa.schema([*IDENTITY, pa.field("partition", pa.int32()), *SIGNAL_FIELDS, SIGNAL_TS])

MINUTE_STATS = tuple(signal for signal in SIGNALS if signal.minute == "stats")
MINUTE_COUNTERS = tuple(signal for signal in SIGNALS if signal.minute == "counter")


def minute_fields(signal: Signal) -> list[pa.Field]:
    """The columns that a minute keeps of a signal: whole multiples of its resolution."""
    parts = ("n", "sum", "min", "max") if signal.minute == "stats" else ("min", "max")
    facts = {"vss": signal.vss, "unit": signal.unit, "resolution": str(signal.resolution)}
    return [pa.field(f"{signal.name}_{part}", pa.int64(), metadata=facts) for part in parts]


VEHICLE_MINUTES = pa.schema(
    [
        _DATE,
        pa.field("vehicle_id", pa.string()),
        pa.field("region", pa.string()),
        pa.field("minute", TIME),
        pa.field("known_at", TIME),
        pa.field("frames", pa.int64()),
        pa.field("first_ts", TIME),
        pa.field("last_ts", TIME),
        pa.field("partition", pa.int32()),
        *(field for signal in (*MINUTE_STATS, *MINUTE_COUNTERS) for field in minute_fields(signal)),
    ]
)
"""One row a vehicle, minute and revision; the row with the newest `known_at` is the truth, older ones say what was known when."""

LIVE_STATE = pa.schema([pa.field("partition", pa.int32()), pa.field("piece", pa.string()), pa.field("content", pa.binary())])
"""The live flow's memory of each Kafka partition, in pieces, tagged with its position."""

ALERTS = pa.schema(
    [
        _DATE,
        *(pa.field(name, pa.string()) for name in ("alert_id", "rule", "vehicle_id", "region", "severity", "state", "signal")),
        pa.field("value", pa.float64()),
        pa.field("limit", pa.float64()),
        pa.field("raised_at", TIME),
        pa.field("event_ts", TIME),
        pa.field("cleared_at", TIME),
        pa.field("changed_at", TIME),
        pa.field("boot_id", pa.string()),
        pa.field("seq", pa.int64()),
        pa.field("message", pa.string()),
        pa.field("revision", pa.int64()),
        pa.field("count", pa.int64()),
        *(pa.field(name, pa.string()) for name in ("assignee", "acknowledged_by", "suppressed_by", "superseded_by")),
        pa.field("shelved_until", TIME),
        pa.field("acts", pa.string()),
        pa.field("partition", pa.int32()),
    ]
)
"""One row an alert, as it now is; `acts` is the JSON text of what people did. `date` is the day on which it was raised."""

ALERT_STATE = pa.schema(
    [pa.field("partition", pa.int32()), pa.field("slot", pa.int32()), pa.field("chunk", pa.int64()), pa.field("content", pa.binary())]
)
"""Frames and snapshots that the alert engine needs to take in late data, in a ring of slots; `state.live` says which chunks count."""

SCORES = pa.schema(
    [
        _DATE,
        pa.field("vehicle_id", pa.string()),
        pa.field("event_ts", TIME),
        *(pa.field(name, pa.string()) for name in ("model", "version")),
        pa.field("value", pa.float64()),
        pa.field("unit", pa.string()),
        pa.field("partition", pa.int32()),
        pa.field("about", pa.string()),
    ]
)
"""What models said, as on `model.scores.v1`. A crash within a checkpoint leaves equal rows twice: read DISTINCT."""

BRONZE_OF: dict[Kind, str] = {"telemetry": "bronze.telemetry", "cells": "bronze.cells", "event": "bronze.events"}
SILVER_OF: dict[Kind, str] = {"telemetry": "silver.telemetry", "cells": "silver.cells", "event": "silver.events"}

SCHEMAS: dict[str, pa.Schema] = {
    "bronze.telemetry": BRONZE,
    "bronze.cells": BRONZE,
    "bronze.events": BRONZE,
    "bronze.rejected": BRONZE,
    "silver.telemetry": SILVER_TELEMETRY,
    "silver.cells": SILVER_CELLS,
    "silver.events": SILVER_EVENTS,
    "silver.quarantine": QUARANTINE,
    "silver.seen": SEEN,
    "gold.vehicle_current": VEHICLE_CURRENT,
    "gold.vehicle_minutes": VEHICLE_MINUTES,
    **GOLD_SCHEMAS,
    "gold.alerts": ALERTS,
    "gold.scores": SCORES,
    "state.live": LIVE_STATE,
    "state.alerts": ALERT_STATE,
}
PARTITIONED_BY: dict[str, list[str]] = {
    "bronze.telemetry": ["ingest_date"],
    "bronze.cells": ["ingest_date"],
    "bronze.events": ["ingest_date"],
    "bronze.rejected": ["ingest_date"],
    "silver.telemetry": ["date"],
    "silver.cells": ["date"],
    "silver.events": ["date"],
    "silver.quarantine": ["date"],
    "silver.seen": ["kind", "partition"],
    "gold.vehicle_current": ["partition"],
    "gold.vehicle_minutes": ["date"],
    **GOLD_PARTITIONED_BY,
    "gold.alerts": ["date", "partition"],
    "gold.scores": ["date"],
    "state.live": ["partition"],
    "state.alerts": ["partition", "slot"],
}
