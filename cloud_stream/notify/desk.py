"""Deciding, sending and remembering what is done, without Kafka: the heart of the notifying process."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from cloud_stream.notify.channels import Send
from cloud_stream.notify.grouping import Bundle, Grouping, Place
from cloud_stream.notify.metrics import NotifyMetrics
from cloud_stream.notify.settings import NotifySettings, at_least
from contracts.errors import Terminal, Transient
from contracts.events import Alert

log = logging.getLogger(__name__)
TOLD = frozenset({"raised", "escalated", "cleared", "retracted", "resumed"})
"""Changes that are worth a message; what people do to an alert is not."""


class Notifier:
    """Alerts in, messages out over all channels; each channel groups, waits and tries again for itself."""

    def __init__(self, settings: NotifySettings, channels: Mapping[str, Send], metrics: NotifyMetrics) -> None:
        self._settings, self._channels, self._metrics = settings, channels, metrics
        wait_ms = round(settings.group_wait_s * 1000)
        self._groups = {name: Grouping(settings.group_by, wait_ms, settings.most_per_minute) for name in channels}

    def take(self, alert: Alert, place: Place, now_ms: int) -> None:
        """An alert from `alerts.v1`."""
        self._metrics.received.inc()
        if alert.change in TOLD and not alert.suppressed_by and at_least(alert.severity, self._settings.least_severity):
            for groups in self._groups.values():
                groups.add(alert, place, now_ms)

    def send(self, now_ms: int) -> None:
        """Send what is due. What cannot be delivered goes to the dead letters."""
        for name, groups in self._groups.items():
            for bundle in groups.due(now_ms):
                self._try(name, groups, bundle, now_ms)

    def _try(self, name: str, groups: Grouping, bundle: Bundle, now_ms: int) -> None:
        try:
            self._channels[name](bundle)
        except Transient as error:
            self._metrics.errors.labels(name).inc()
            if bundle.attempts + 1 < self._settings.attempts:
                log.warning("%s: %s; %d alerts are tried again", name, error, len(bundle.alerts))
                groups.later(bundle, now_ms)
            else:
                self._bury(name, bundle, str(error))
        except Terminal as error:
            self._bury(name, bundle, str(error))
        else:
            self._metrics.sent.labels(name).inc()
            log.info("%s: told of %d alerts", name, len(bundle.alerts))

    def _bury(self, name: str, bundle: Bundle, why: str) -> None:
        log.error("%s: %s; %d alerts go to %s", name, why, len(bundle.alerts), self._settings.dead_letter)
        self._metrics.rejected.labels(name).inc()
        bury(self._settings.dead_letter, {"channel": name, "reason": why, "group": bundle.key, "alerts": list(bundle.alerts.values())})

    def waiting(self) -> set[Place]:
        """Places on `alerts.v1` of what is not done yet: positions before the least of them may be committed."""
        return {place for groups in self._groups.values() for place in groups.waiting()}


def bury(path: Path, letter: dict[str, Any]) -> None:
    """Add a line to the dead letters. Raises Terminal where that is not possible: then the alert must not count as done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(msgspec.json.encode(letter) + b"\n")
    except OSError as error:
        raise Terminal(f"the dead letters {path} cannot be written: {error}") from None
