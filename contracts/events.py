"""What crosses a process boundary, as frozen values. `docs/contracts.md` shows an example of each.

Times are whole milliseconds since the epoch, UTC.
"""

from typing import Any, Literal

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


class Act(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a person did to an alert: who, when (epoch ms), what (an `AlertCommand.action`), and their words or the assignee."""

    by: str
    ts: int
    action: str
    text: str = ""


class Alert(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An alert as it now is, with what changed last; on `alerts.v1`, keyed by vehicle. The id stays the same over its life.

    `state` is where it is in its life: raised, updated, escalated, acknowledged; closed: cleared, retracted. `change` says what this record
    is about: those, and revised, assigned, commented, shelved, suppressed, resumed. `revision` grows with each change: of two records the
    one with the greater is the truth. `event_ts`, `boot_id`, `seq` name the frame that brought the state about.
    `count` = how often its condition has risen. `suppressed_by` names a parent alert's id, `shelved` or `maintenance:ID`, and is empty
    where the alert is for people. A retracted alert should never have been; `superseded_by` is the one in its place, if any.
    """

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
    change: str = ""
    revision: int = 0
    changed_ts: int = 0
    count: int = 1
    cleared_ts: int | None = None
    assignee: str = ""
    acknowledged_by: str = ""
    suppressed_by: str = ""
    superseded_by: str = ""
    shelved_until: int | None = None
    acts: tuple[Act, ...] = ()


Action = Literal["ack", "assign", "clear", "comment", "shelve", "unshelve", "maintenance", "end_maintenance"]


class AlertCommand(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A person's act, on `alerts.commands.v1`, keyed by vehicle; the live flow applies each `command_id` once.

    ack, assign (to `text`), clear, comment (`text`), shelve (until `until_ts`) and unshelve name an alert. maintenance opens the window
    `alert_id` from `from_ts` to `until_ts` for some `vehicles`, `regions` and `rules` (empty = all), and end_maintenance closes it: these go
    once to each partition of the topic, with the vehicle `*`.
    """

    command_id: str
    vehicle_id: str
    action: Action
    by: str
    ts: int
    alert_id: str = ""
    text: str = ""
    from_ts: int = 0
    until_ts: int = 0
    vehicles: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


class Score(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One prediction of a model, on `model.scores.v1`, keyed by vehicle. `about` names what of the vehicle it is about, as `cell 81`."""

    model: str
    version: str
    vehicle_id: str
    event_ts: int
    value: float
    unit: str
    about: str = ""
