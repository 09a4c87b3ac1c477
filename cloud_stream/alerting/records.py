"""From the life of an alert by the data to the alert as people see it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cloud_stream.alerting.columns import identity, unit_of
from cloud_stream.alerting.conditions import Condition, compiled, severities_of
from cloud_stream.alerting.rules import Rule
from cloud_stream.alerting.watch import Life
from contracts.events import Alert

CLOSED = frozenset({"cleared", "retracted"})
KEPT_ACTS = 50
"""So many acts an alert carries, the newest."""


class Entry(NamedTuple):
    """A rule, and its condition where it has one."""

    rule: Rule
    condition: Condition | None


Book = Mapping[str, Entry]
"""Rules by id."""


def book(rules: Sequence[Rule]) -> Book:
    """The rules that are in force."""
    return {rule.id: Entry(rule, compiled(rule)) for rule in rules if rule.enabled}


def described(life: Life, who: tuple[str, str], entry: Entry) -> Alert:
    """An alert by the data alone; `who` = (vehicle, region)."""
    rule, condition = entry
    severities = severities_of(rule)
    level = min(life.level, len(severities) - 1)
    signal, limit, unit = "", 0.0, ""
    if condition is not None:
        signal, limit = condition.signal, _limit(condition, life, level)
        unit = unit_of(signal) if rule.threshold is not None else ""
    elif rule.no_data is not None:
        limit = rule.no_data.after_s
    elif rule.model_trouble is not None:
        limit = rule.model_trouble.after_s
    _, boot, seq = identity(life.minor)
    shown = f"{rule.title}: {signal} {life.value:g} {unit}".rstrip() if rule.threshold is not None else rule.title
    shown = f"{shown}: {life.said}" if life.said else shown
    return Alert(
        alert_id=life.id,
        rule=rule.id,
        vehicle_id=who[0],
        region=who[1],
        severity=severities[level],
        state=natural_state(life),
        signal=signal,
        value=life.value,
        limit=limit,
        raised_ts=life.raised_ts,
        event_ts=life.ts,
        boot_id=boot,
        seq=seq,
        message=shown,
        count=life.count,
        cleared_ts=life.cleared_ts,
    )


def natural_state(life: Life) -> str:
    """Where the alert is in its life, people's acts aside."""
    if not life.stands:
        return "cleared"
    if life.level:
        return "escalated"
    return "updated" if life.count > 1 else "raised"


def _limit(condition: Condition, life: Life, level: int) -> float:
    judged = condition.judged
    if not judged.limits:
        return 0.0
    limit = judged.clear if not life.stands else judged.limits[min(level, len(judged.limits) - 1)]
    return limit if abs(limit) != float("inf") else judged.limits[0]


def kind_of_change(before: Life | None, after: Life) -> str:
    """What happened to an alert between two states of the data."""
    if before is None:
        return "raised" if after.stands else "cleared"
    if before.stands and not after.stands:
        return "cleared"
    if not before.stands and after.stands:
        return "raised" if after.count > before.count else "revised"
    if after.level > before.level:
        return "escalated"
    return "updated" if after.count > before.count else "revised"
