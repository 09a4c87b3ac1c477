"""What crosses a process boundary, as frozen values. `docs/contracts.md` shows an example of each.

Times are whole milliseconds since the epoch, UTC.
"""

from typing import Any

import msgspec


class Telemetry(msgspec.Struct, frozen=True, gc=False):
    """One frame: many signals of a vehicle at one instant. Names and units stand in `contracts.signals`."""

    ts: int
    signals: dict[str, float]


class Cells(msgspec.Struct, frozen=True, gc=False):
    """All cell voltages (V) and probe temperatures (Celsius) at one instant."""

    ts: int
    cell_v: list[float]
    probe_c: list[float]


class Event(msgspec.Struct, frozen=True, gc=False):
    """Something that happened: plugged in, fault code, boot."""

    ts: int
    event: str
    attributes: dict[str, Any] = {}


class Envelope(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a gateway knows of a message, around the payload as it came: the value of a Kafka record.

    A payload that is no JSON text travels in `payload_base64`, with `payload` null. `repaired` names the repair by which a
    message came back out of quarantine.
    """

    gateway_id: str
    region: str
    vehicle_id: str
    kind: str
    boot_id: str
    seq: int
    received_at: int
    payload: msgspec.Raw = msgspec.Raw(b"null")
    payload_base64: str | None = None
    traceparent: str | None = None
    repaired: str | None = None


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """A message that cannot be delivered at all: its identity, why, and enough to recognise it. Never the message."""

    gateway_id: str
    region: str
    vehicle_id: str
    kind: str
    boot_id: str
    seq: int
    received_at: int
    reason: str
    detail: str
    size: int
    sha256: str
    head_base64: str


class Ack(msgspec.Struct, frozen=True, gc=False):
    """To a sensor, about one boot and kind: ranges `[first, last]` of seq, both ends included.

    held = on this gateway's disk, do not send again for now; safe = acknowledged by the edge Kafka, forget it.
    """

    boot_id: str
    kind: str
    held: list[tuple[int, int]]
    safe: list[tuple[int, int]]


class State(msgspec.Struct, frozen=True, gc=False):
    """A vehicle's retained state: online or not, and how many messages of each kind this boot has published."""

    boot_id: str
    online: bool
    published: dict[str, int]


class Alert(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One change in the life of an alert, on `alerts.v1`, keyed by vehicle. The id stays the same over that life."""

    alert_id: str
    rule: str
    vehicle_id: str
    region: str
    severity: str
    state: str
    signal: str
    value: float
    limit: float
    raised_ts: int
    event_ts: int
    boot_id: str
    seq: int
    message: str


class Score(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One prediction of a model, on `model.scores.v1`, keyed by vehicle."""

    model: str
    version: str
    vehicle_id: str
    event_ts: int
    value: float
    unit: str
