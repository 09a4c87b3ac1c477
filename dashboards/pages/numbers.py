"""The row of live figures."""

from nicegui import ui

from dashboards.figures import Figures
from dashboards.readings import NOTHING, age, amount


class Numbers:
    """Seven cards, each a number with its unit and a line of context."""

    def __init__(self) -> None:
        with ui.element("section").classes("numbers").props('aria-label="Live figures"'):
            self._online = _Card("Vehicles online")
            self._rate = _Card("Messages into bronze")
            self._soc = _Card("Mean state of charge")
            self._charging = _Card("Charging power", "charging")
            self._driving = _Card("Driving power", "driving")
            self._alerts = _Card("Alerts open")
            self._age = _Card("Newest value in gold")

    def show(self, figures: Figures, version: int) -> None:
        """The figures of one view, and the version of gold that they are from."""
        known = figures.vehicles > 0
        self._online.show(_whole(figures.online) if known else NOTHING, "", f"of {_whole(figures.vehicles)} known")
        self._rate.show(_whole(figures.messages_per_s), "msg/s", "mean of 15 s")
        soc = figures.mean_soc_pct
        self._soc.show(amount(soc, "", 1).strip(), "%", "of online vehicles")
        self._charging.show(_kilowatts(figures.charging_kw, known), "kW", f"{figures.counts.get('charging', 0)} vehicles charge")
        self._driving.show(_kilowatts(figures.driving_kw, known), "kW", f"{figures.counts.get('driving', 0)} vehicles drive")
        alerts = figures.open_alerts
        self._alerts.show(_whole(alerts), "", "need a look" if alerts else "not known yet" if alerts is None else "all quiet")
        self._alerts.warn(bool(alerts))
        number, _, unit = age(figures.newest_age_s).partition(" ")
        self._age.show(number, unit, f"version {version}" if version >= 0 else "not there yet")


class _Card:
    def __init__(self, title: str, accent: str = "") -> None:
        with ui.element("article").classes("card").classes(f"accent-{accent}" if accent else "") as self._card:
            ui.label(title).classes("card-title")
            with ui.element("div").classes("card-value"):
                self._value = ui.label(NOTHING).classes("card-number")
                self._unit = ui.label().classes("card-unit")
            self._note = ui.label().classes("card-note")

    def show(self, value: str, unit: str, note: str) -> None:
        self._value.text, self._unit.text, self._note.text = value, unit, note

    def warn(self, is_bad: bool) -> None:
        self._card.classes(add="accent-alert") if is_bad else self._card.classes(remove="accent-alert")


def _kilowatts(value: float, known: bool) -> str:
    if not known:
        return NOTHING
    return amount(value, "", 0 if abs(value) >= 100 else 1)


def _whole(value: float | None) -> str:
    return amount(value, "").strip()
