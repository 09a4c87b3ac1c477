"""A bundle of alerts as each channel's receiver wants it. Pure."""

import hashlib
import hmac
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import msgspec

from cloud_stream.alerting.records import CLOSED
from cloud_stream.alerting.rules import SEVERITIES
from cloud_stream.notify.grouping import Bundle
from contracts.events import Alert

SUBJECT_LENGTH = 120


def delivery_id(bundle: Bundle) -> str:
    """The same for each attempt, so that a receiver can tell a repetition."""
    parts = sorted(f"{alert.alert_id}/{alert.revision}" for alert in bundle.alerts.values())
    return hashlib.blake2b(" ".join(parts).encode(), digest_size=12).hexdigest()


def webhook_body(bundle: Bundle, by: tuple[str, ...]) -> bytes:
    """`{"version", "delivery", "group", "alerts"}`; alerts as on `alerts.v1`."""
    content = {"version": 1, "delivery": delivery_id(bundle), "group": dict(zip(by, bundle.key, strict=True)), "alerts": list(bundle.alerts.values())}
    return msgspec.json.encode(content)


def signature(secret: str, stamp: str, body: bytes) -> str:
    """`sha256=` and the HMAC of time stamp, a dot and the body: the receiver refuses old stamps, and so a replay."""
    return "sha256=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def alertmanager_body(bundle: Bundle) -> bytes:
    """What Prometheus posts to Alertmanager's `/api/v2/alerts`."""
    return msgspec.json.encode([_for_alertmanager(alert) for alert in bundle.alerts.values()])


def _for_alertmanager(alert: Alert) -> dict[str, Any]:
    labels = {"alertname": alert.rule, "vehicle": alert.vehicle_id, "region": alert.region, "alert_id": alert.alert_id, "service": "voltlake"}
    found: dict[str, Any] = {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {"summary": alert.message, "severity": alert.severity, "value": f"{alert.value:g}", "limit": f"{alert.limit:g}"},
        "startsAt": _stamp(alert.raised_ts),
    }
    if alert.state in CLOSED:
        found["endsAt"] = _stamp(alert.cleared_ts or alert.changed_ts or alert.event_ts)
    return found


def _stamp(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def email(bundle: Bundle, sender: str, receivers: tuple[str, ...]) -> EmailMessage:
    """Plain text: the worst first."""
    alerts = sorted(bundle.alerts.values(), key=lambda alert: (alert.state in CLOSED, -_rank(alert), alert.raised_ts))
    first = alerts[0]
    more = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    subject = f"[{first.severity}] {_word(first)}: {first.vehicle_id} {first.message}"
    message = EmailMessage()
    message["Subject"] = " ".join((subject[:SUBJECT_LENGTH] + more).split())
    message["From"], message["To"] = sender, ", ".join(receivers)
    message["Message-ID"] = f"<{delivery_id(bundle)}@voltlake>"
    message.set_content("\n".join(_line(alert) for alert in alerts) + "\n")
    return message


def _rank(alert: Alert) -> int:
    return next((at for at, name in enumerate(SEVERITIES) if name == alert.severity), 0)


def _word(alert: Alert) -> str:
    return alert.state if alert.state in CLOSED else (alert.change or alert.state)


def _line(alert: Alert) -> str:
    cleared = f", cleared {_stamp(alert.cleared_ts)}" if alert.cleared_ts else ""
    times = f", {alert.count} times" if alert.count > 1 else ""
    where = f"{alert.vehicle_id} ({alert.region})" if alert.region else alert.vehicle_id
    return f"{alert.severity:<8} {_word(alert):<10} {where}: {alert.message}; since {_stamp(alert.raised_ts)}{cleared}{times} [{alert.alert_id}]"
