"""The alerts that a page lists, folded from the changes on `alerts.v1`. Pure.

A change of an id replaces what was known of it, unless it is older: reading the topic again changes nothing.
"""

from collections.abc import Iterable, Mapping

from contracts.events import Alert

CLOSED = frozenset({"cleared", "retracted"})
KEPT_CLOSED = 100
"""Closed alerts beyond the newest hundred are forgotten; open ones never are."""

Log = Mapping[str, Alert]


def is_open(alert: Alert) -> bool:
    """Whether the alert stands."""
    return alert.state not in CLOSED


def fold(log: Log, alerts: Iterable[Alert]) -> Log:
    """The log with more changes, in the topic's order. Returns the same object where they change nothing."""
    after = dict(log)
    for alert in alerts:
        known = after.get(alert.alert_id)
        if known is None or alert.event_ts >= known.event_ts:
            after[alert.alert_id] = alert
    if after == log:
        return log
    closed = sorted((alert for alert in after.values() if not is_open(alert)), key=lambda alert: alert.event_ts, reverse=True)
    for alert in closed[KEPT_CLOSED:]:
        del after[alert.alert_id]
    return after


def listed(log: Log, limit: int = 60) -> list[Alert]:
    """What the page lists: open alerts, then closed ones, each newest first."""
    return sorted(log.values(), key=lambda alert: (is_open(alert), alert.event_ts), reverse=True)[:limit]


def open_count(log: Log) -> int:
    """Number of alerts that stand."""
    return sum(map(is_open, log.values()))


def alerting(log: Log) -> frozenset[str]:
    """The vehicles with an open alert."""
    return frozenset(alert.vehicle_id for alert in log.values() if is_open(alert))
