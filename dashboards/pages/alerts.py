"""The list of alerts."""

from collections.abc import Callable, Mapping

from nicegui import ui
from nicegui.element import Element

from contracts.events import Alert
from contracts.signals import BY_NAME
from dashboards import alert_log
from dashboards.readings import reading


class AlertList(Element, component="../static/alert_list.js"):
    """A list in the browser that is given whole at each change; at most sixty alerts."""

    def __init__(self, choose: Callable[[str], None]) -> None:
        super().__init__()
        self._props["alerts"] = []
        self.on("choose", lambda event: choose(str(event.args)))

    def show(self, log: Mapping[str, Alert]) -> None:
        """Open alerts on top, then closed ones, each newest first."""
        self._props["alerts"] = [
            {
                "id": alert.alert_id,
                "vehicle": alert.vehicle_id,
                "region": alert.region,
                "rule": alert.rule,
                "severity": alert.severity,
                "state": alert.state,
                "open": alert_log.is_open(alert),
                "ts": alert.event_ts,
                "raised": alert.raised_ts,
                "text": _text(alert),
                "message": alert.message,
            }
            for alert in alert_log.listed(log)
        ]
        self.update()


def _text(alert: Alert) -> str:
    """What happened, with units; the alert's own words where its signal is not in the catalogue."""
    rule = alert.rule.replace("_", " ").capitalize()
    if alert.signal not in BY_NAME:
        return f"{rule}: {alert.message}"
    return f"{rule}: {reading(alert.signal, alert.value)}, limit {reading(alert.signal, alert.limit)}"


class AlertPanel:
    """The list, how many are open, and what it says when there is none."""

    def __init__(self, choose: Callable[[str], None]) -> None:
        with ui.element("section").classes("panel alert-panel").props('aria-label="Alerts"'):
            with ui.element("header").classes("panel-head"):
                ui.label("Alerts").classes("panel-title")
                self._count = ui.label().classes("panel-note")
            self._empty = ui.label().classes("empty").props("role=status")
            self._list = AlertList(choose)

    def show(self, log: Mapping[str, Alert], waiting: str) -> None:
        """The alerts of one view; `waiting` says why there can be none yet."""
        self._count.text = f"{alert_log.open_count(log)} open" if log else ""
        self._empty.text = waiting or "No alert in the last hour"
        self._empty.set_visibility(not log)
        self._list.set_visibility(bool(log))
        self._list.show(log)
