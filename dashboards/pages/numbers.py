"""The row of live figures."""

from nicegui import ui

from dashboards.figures import Figures
from dashboards.readings import NOTHING, age


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
        self._online.show(str(figures.online) if known else NOTHING, "", f"of {figures.vehicles} known")
        rate = figures.messages_per_s
        self._rate.show(NOTHING if rate is None else f"{rate:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}"), "msg/s", "mean of 15 s")
        soc = figures.mean_soc_pct
        self._soc.show(NOTHING if soc is None else f"{soc:.1f}", "%", "of online vehicles")
        self._charging.show(_kilowatts(figures.charging_kw, known), "kW", f"{figures.counts.get('charging', 0)} vehicles charge")
        self._driving.show(_kilowatts(figures.driving_kw, known), "kW", f"{figures.counts.get('driving', 0)} vehicles drive")
        self._alerts.show(str(figures.open_alerts), "", "need a look" if figures.open_alerts else "all quiet")
        self._alerts.warn(figures.open_alerts > 0)
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
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"
    return text.replace(",", "\N{NARROW NO-BREAK SPACE}").replace("-", "\N{MINUS SIGN}")
