"""The alerts that are known, folded from the changes on `alerts.v1`. Pure.

A change of an id replaces what was known of it, unless it is older: reading the topic again changes nothing.
"""

from collections.abc import Iterable, Mapping

from contracts.events import Alert

CLOSED = frozenset({"cleared", "retracted"})
KEPT_CLOSED = 500
"""Closed alerts beyond the newest so many are forgotten here, and stay in `gold.alerts`; open ones never are."""

Log = Mapping[str, Alert]


def is_open(alert: Alert) -> bool:
    """Whether the alert stands."""
    return alert.state not in CLOSED


def is_for_people(alert: Alert) -> bool:
    """Whether it stands and nobody and nothing has silenced it."""
    return is_open(alert) and not alert.suppressed_by


def fold(log: Log, alerts: Iterable[Alert]) -> Log:
    """The log with more changes. Returns the same object where they change nothing."""
    after = dict(log)
    for alert in alerts:
        known = after.get(alert.alert_id)
        if known is None or (alert.revision, alert.event_ts) >= (known.revision, known.event_ts):
            after[alert.alert_id] = alert
    if after == log:
        return log
    closed = sorted((alert for alert in after.values() if not is_open(alert)), key=lambda alert: alert.event_ts, reverse=True)
    for alert in closed[KEPT_CLOSED:]:
        del after[alert.alert_id]
    return after


def open_count(log: Log) -> int:
    """Number of alerts that wait for a person."""
    return sum(map(is_for_people, log.values()))


def alerting(log: Log) -> frozenset[str]:
    """The vehicles with an alert that waits for a person."""
    return frozenset(alert.vehicle_id for alert in log.values() if is_for_people(alert))
