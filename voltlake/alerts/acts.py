"""People's acts from the command line: find the alert, send the command, wait for what became of it."""

import time
import uuid
from typing import Any

import msgspec
import pyarrow.dataset as ds

from cloud_stream.connectors.alert_store import alert_of
from contracts.codec import Malformed, decode_alert, decode_command, encode
from contracts.errors import Terminal, Transient
from contracts.events import Alert, AlertCommand
from contracts.topics import ALERT_COMMANDS, ALERTS, PARTITIONS
from dashboards.maintenance import Window, fold, still_to_come
from lakehouse import reader
from voltlake.alerts.wire import Follower, send

PATIENCE_S = 20.0


def all_alerts(lake: str, *, standing: bool = False) -> list[Alert]:
    """What `gold.alerts` holds, newest first."""
    if not reader.exists(lake, "gold.alerts"):
        return []
    wanted = ~ds.field("state").isin(["cleared", "retracted"]) if standing else None
    found = [alert_of(row) for row in reader.arrow(lake, "gold.alerts", filters=wanted).to_pylist()]
    return sorted(found, key=lambda alert: (alert.raised_ts, alert.alert_id), reverse=True)


def find(lake: str, start: str) -> Alert:
    """The alert whose id begins with `start`. Raises Terminal where there is none, or more than one."""
    found = [alert for alert in all_alerts(lake) if alert.alert_id.startswith(start)]
    if not found:
        raise Terminal(f"no alert's id begins with {start!r}; 'voltlake alerts list' shows them some 5 seconds after they were raised")
    if len(found) > 1:
        raise Terminal(f"{len(found)} alerts' ids begin with {start!r}: write more of it")
    return found[0]


def act(kafka: str, alert: Alert, action: str, by: str, **more: Any) -> Alert:
    """Send an act on an alert and wait until the live flow has applied it: the alert as it then is. Raises Transient where it does not."""
    order = command(action, by, vehicle_id=alert.vehicle_id, alert_id=alert.alert_id, **more)
    with Follower(kafka, ALERTS) as follower:
        send(kafka, ALERT_COMMANDS, [(alert.vehicle_id, encode(order))])
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for raw in follower.read():
                try:
                    told = decode_alert(raw)
                except Malformed:
                    continue
                if told.alert_id == alert.alert_id and any((one.by, one.ts, one.action) == (by, order.ts, action) for one in told.acts):
                    return told
    closed = " (it is closed)" if alert.state in {"cleared", "retracted"} else ""
    raise Transient(f"the live flow has not applied it within {PATIENCE_S:.0f} s{closed}: 'voltlake logs flow-live' says why")


def everywhere(kafka: str, order: AlertCommand) -> None:
    """Send a fleet-wide act: once to each partition, so that each owner applies it."""
    send(kafka, ALERT_COMMANDS, [("*", encode(order))], range(PARTITIONS))


def windows(kafka: str) -> list[Window]:
    """The maintenance windows that are open."""
    commands = []
    with Follower(kafka, ALERT_COMMANDS, beginning=True) as follower:
        for raw in follower.whole():
            try:
                commands.append(decode_command(raw))
            except Malformed:
                continue  # the live flow passes it over as well, and says so in its log
    return still_to_come(fold({}, commands), time.time_ns() // 1_000_000)


def command(action: str, by: str, **more: Any) -> AlertCommand:
    """An act of now."""
    facts = {"command_id": uuid.uuid4().hex, "vehicle_id": "*", "action": action, "by": by, "ts": time.time_ns() // 1_000_000, **more}
    return msgspec.convert(facts, AlertCommand)
