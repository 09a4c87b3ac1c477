"""The panel of the chosen vehicle: live values from the online store, with gold behind them."""

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui

from dashboards.board import Online
from dashboards.readings import GROUPS, HEADLINE, NOTHING, TITLES, age, reading
from dashboards.vehicles import Shown


class VehiclePanel:
    """Hidden until a vehicle is chosen."""

    def __init__(self, close: Callable[[], None]) -> None:
        self._values: dict[str, ui.label] = {}
        with ui.element("section").classes("panel vehicle-panel").props('aria-label="Chosen vehicle"') as self._panel:
            with ui.element("header").classes("panel-head"):
                self._name = ui.label().classes("panel-title vehicle-id")
                self._state = ui.label().classes("state chip")
                self._region = ui.label().classes("panel-note")
                ui.button(icon="close", on_click=close).props('flat round dense size=sm aria-label="Close the vehicle"').classes("panel-close")
            with ui.element("div").classes("headline"):
                for name in HEADLINE:
                    self._tile(name)
            with ui.element("div").classes("groups"):
                for title, names in GROUPS:
                    with ui.element("div").classes("group"):
                        ui.label(title).classes("group-title")
                        with ui.element("dl"):
                            for name in names:
                                self._line(name)
            with ui.element("footer").classes("vehicle-foot"):
                self._source = ui.label()
                self._synthetic = ui.label("Synthetic position").classes("chip").tooltip("The recording has no position; the replay made one up")
        self._panel.set_visibility(False)

    def _tile(self, name: str) -> None:
        with ui.element("div").classes("tile"):
            ui.label(TITLES[name]).classes("tile-title")
            self._values[name] = ui.label(NOTHING).classes("tile-value").mark(name)

    def _line(self, name: str) -> None:
        with ui.element("dt"):
            ui.label(TITLES[name])
        with ui.element("dd"):
            self._values[name] = ui.label(NOTHING).mark(name)

    def hide(self) -> None:
        """No vehicle is chosen."""
        self._panel.set_visibility(False)

    def show(self, shown: Shown, gold: Mapping[str, Any], online: Online | None, now_ms: int) -> None:
        """One vehicle. The newer of the two sources speaks; what it does not carry comes from the other."""
        vehicle = shown.vehicle
        fresh = online if online is not None and online.event_ms is not None and online.event_ms >= vehicle.event_ms else None
        values = {**gold, **{name: value for name, value in (fresh.features if fresh else {}).items() if value is not None}}
        event_ms = fresh.event_ms if fresh and fresh.event_ms is not None else vehicle.event_ms
        self._panel.set_visibility(True)
        self._name.text = vehicle.vehicle_id
        self._region.text = vehicle.region
        self._state.text = shown.state.capitalize()
        self._state.classes(replace=f"state chip state-{shown.state}")
        for name, label in self._values.items():
            label.text = reading(name, values.get(name))
        source = "the online store" if fresh else "gold"
        self._source.text = f"From {source}, {age((now_ms - event_ms) / 1000)} old"
        self._synthetic.set_visibility((vehicle.position_synthetic or 0) >= 0.5)
