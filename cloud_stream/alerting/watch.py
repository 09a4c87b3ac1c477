"""One vehicle under one rule: from a row's judgement to the life of an alert. Pure.

A row is judged as CLEAR, HOLD (in between), or RAISE and above (one more a severity); UNKNOWN rows never come here.
"""

import hashlib
from typing import NamedTuple

import msgspec

UNKNOWN, CLEAR, HOLD, RAISE = range(4)
NONE = -1
IDLE, SETTLED, ATTENTIVE = range(3)
"""What can change a watch: only RAISE; only CLEAR or a higher severity; any row."""


class Timing(NamedTuple):
    """How long (ms) or often the condition of a rule must hold. `later` are severities (a level each) that time brings."""

    for_ms: int = 0
    clear_for_ms: int = 0
    times: int = 1
    within_ms: int = 0
    flap_ms: int = 0
    expires_ms: int = 0
    later: tuple[tuple[int, int], ...] = ()


class Row(NamedTuple):
    """What a watch sees: place in time, judgement, and what the alert would show."""

    ts: int
    minor: int
    region: int
    judged: int
    value: float


class Life(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An alert by the data alone. `level` is its severity; `minor` the row that brought about what it now is; `said` words about it."""

    id: str
    rule: str
    raised_ts: int
    raised_minor: int
    region: int
    level: int
    value: float
    count: int
    ts: int
    minor: int
    cleared_ts: int | None = None
    said: str = ""

    @property
    def stands(self) -> bool:
        """Whether it is not cleared."""
        return self.cleared_ts is None


class Watch(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`since`: when the condition began to hold (-1 it does not); `clearing`: when it began to be clear; `begins`: when it began before."""

    since: int = NONE
    clearing: int = NONE
    last: int = NONE
    begins: tuple[int, ...] = ()
    life: Life | None = None

    @property
    def stands(self) -> bool:
        """Whether an alert stands."""
        return self.life is not None and self.life.cleared_ts is None


def alert_id(vehicle: str, rule: str, minor: int, ts: int) -> str:
    """The id of the alert that this row of a vehicle raises first: 16 hex digits. The row's identity is kind, boot and seq."""
    return hashlib.blake2b(f"{vehicle}/{rule}/{minor:x}/{ts}".encode(), digest_size=8).hexdigest()


def attention(watch: Watch, timing: Timing) -> int:
    """Which rows can change it."""
    if watch.stands:
        waits = watch.clearing != NONE or timing.later or timing.expires_ms
        return ATTENTIVE if waits else SETTLED
    return ATTENTIVE if watch.since != NONE else IDLE


def step(watch: Watch, row: Row, timing: Timing, who: tuple[str, str]) -> Watch:
    """The watch behind one row; `who` = (vehicle, rule)."""
    if timing.expires_ms and watch.stands and row.ts - watch.last >= timing.expires_ms:
        watch = _cleared(watch, watch.last + timing.expires_ms, row.minor)
    if row.judged >= RAISE:
        return _rising(watch, row, timing, who)
    if watch.stands:
        return _standing(watch, row, timing)
    return watch if watch.since == NONE else msgspec.structs.replace(watch, since=NONE)


def _rising(watch: Watch, row: Row, timing: Timing, who: tuple[str, str]) -> Watch:
    level = row.judged - RAISE
    if watch.stands and watch.life:
        life = watch.life
        for needed, after_ms in timing.later:
            if row.ts - life.raised_ts >= after_ms:
                level = max(level, needed)
        if level > life.level:
            life = msgspec.structs.replace(life, level=level, value=row.value, ts=row.ts, minor=row.minor)
        return msgspec.structs.replace(watch, clearing=NONE, last=row.ts, life=life)
    begins, since = watch.begins, watch.since
    if since == NONE:
        since = row.ts
        if timing.times > 1:
            begins = (*(ts for ts in begins if row.ts - ts < timing.within_ms), row.ts)
    if row.ts - since < timing.for_ms or len(begins) < timing.times - (timing.times == 1):
        return msgspec.structs.replace(watch, since=since, begins=begins)
    return Watch(since, NONE, row.ts, (), _raised(watch.life, row, level, timing, who))


def _raised(last: Life | None, row: Row, level: int, timing: Timing, who: tuple[str, str]) -> Life:
    """A new alert, or the last one again where it cleared only a moment ago: flapping is one alert with a count."""
    if last is not None and last.cleared_ts is not None and row.ts - last.cleared_ts <= timing.flap_ms:
        level = max(level, last.level)
        return msgspec.structs.replace(last, level=level, count=last.count + 1, value=row.value, ts=row.ts, minor=row.minor, cleared_ts=None)
    name = alert_id(*who, row.minor, row.ts)
    return Life(name, who[1], row.ts, row.minor, row.region, level, row.value, 1, row.ts, row.minor)


def _standing(watch: Watch, row: Row, timing: Timing) -> Watch:
    if row.judged != CLEAR:
        return msgspec.structs.replace(watch, clearing=NONE) if watch.clearing != NONE else watch
    clearing = row.ts if watch.clearing == NONE else watch.clearing
    if row.ts - clearing < timing.clear_for_ms:
        return msgspec.structs.replace(watch, clearing=clearing)
    return _cleared(watch, row.ts, row.minor, row.value)


def _cleared(watch: Watch, ts: int, minor: int, value: float | None = None) -> Watch:
    life = watch.life
    assert life is not None
    shown = life.value if value is None else value
    return Watch(life=msgspec.structs.replace(life, cleared_ts=ts, ts=ts, minor=minor, value=shown))
