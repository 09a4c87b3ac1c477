"""When an alert fires and clears. Pure: rules and frames in, changes out; time is the frames' own.

An alert's id is a hash of the vehicle, the rule and the identity of the frame that first raised it: a replay makes the same
alerts.
"""

import hashlib
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from contracts.events import Alert
from contracts.signals import BY_NAME


class Threshold(msgspec.Struct, frozen=True):
    """Raised when a signal reaches `raise_at`, cleared when it falls below `clear_at`: the gap keeps it from flapping."""

    rule: str
    signal: str
    raise_at: float
    clear_at: float
    severity: str
    message: str


PACK_OVERHEAT = Threshold(
    rule="pack_overheat",
    signal="pack_temp_max_c",
    raise_at=55.0,  # makers of cells put the end of the working range of discharge at 55 to 60 °C
    clear_at=50.0,
    severity="critical",
    message="the hottest probe of the pack reached its limit",
)


class Watch(NamedTuple):
    """One vehicle under one rule: the time (ms) of the newest frame that mattered, and the alert that stands."""

    ts: int = -1
    alert_id: str = ""
    raised_ts: int = 0


class Frame(NamedTuple):
    """What a rule sees of one frame."""

    vehicle_id: str
    region: str
    boot_id: str
    seq: int
    ts: int
    value: float


def step(watch: Watch, frame: Frame, rule: Threshold) -> tuple[Watch, Alert | None]:
    """The watch behind one frame, and the change that it made, if any."""
    if frame.ts < watch.ts:
        return watch, None
    if not watch.alert_id and frame.value >= rule.raise_at:
        raised = Watch(frame.ts, alert_id(rule.rule, frame), frame.ts)
        return raised, _alert(raised, frame, rule, "raised")
    if watch.alert_id and frame.value < rule.clear_at:
        return Watch(frame.ts), _alert(watch, frame, rule, "cleared")
    return watch._replace(ts=frame.ts), None


def alert_id(rule: str, frame: Frame) -> str:
    """The id of the alert that this frame raises: 16 hex digits."""
    text = f"{frame.vehicle_id}/{rule}/{frame.boot_id}/{frame.seq}"
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def evaluate(watches: dict[str, Watch], rows: pa.Table, rule: Threshold) -> list[Alert]:
    """The changes that silver rows make, in the rows' order; `watches` (by vehicle) is brought up to date in place.

    Only frames at the limit, and frames of vehicles whose alert stands, can change anything: the others are not looked at
    one by one.
    """
    values = rows[rule.signal].to_numpy()
    vehicles = rows["vehicle_id"].combine_chunks().dictionary_encode()
    codes = vehicles.indices.to_numpy()
    stands = np.array([bool(watches.get(name, Watch()).alert_id) for name in vehicles.dictionary.to_pylist()], bool)
    stands[codes[values >= rule.raise_at]] = True
    interesting = np.flatnonzero(stands[codes] & ~np.isnan(values))
    changes = []
    for frame in _frames(rows.take(pa.array(interesting)), rule.signal):
        watch, change = step(watches.get(frame.vehicle_id, Watch()), frame, rule)
        watches[frame.vehicle_id] = watch
        if change:
            changes.append(change)
    return changes


def _frames(rows: pa.Table, signal: str) -> list[Frame]:
    times = rows["event_ts"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).to_pylist()
    columns = [rows[name].to_pylist() for name in ("vehicle_id", "region", "boot_id", "seq")]
    return [Frame(*fields) for fields in zip(*columns, times, rows[signal].to_pylist(), strict=True)]


def _alert(watch: Watch, frame: Frame, rule: Threshold, state: str) -> Alert:
    unit = BY_NAME[rule.signal].unit
    return Alert(
        alert_id=watch.alert_id,
        rule=rule.rule,
        vehicle_id=frame.vehicle_id,
        region=frame.region,
        severity=rule.severity,
        state=state,
        signal=rule.signal,
        value=frame.value,
        limit=rule.raise_at if state == "raised" else rule.clear_at,
        raised_ts=watch.raised_ts,
        event_ts=frame.ts,
        boot_id=frame.boot_id,
        seq=frame.seq,
        message=f"{rule.message}: {rule.signal} {frame.value:g} {unit}",
    )
