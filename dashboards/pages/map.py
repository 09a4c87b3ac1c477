"""The map: one layer of vehicles over the offline base map."""

from collections.abc import Callable, Iterable
from typing import Any

from nicegui import events, ui

from dashboards import readings
from dashboards.tiles import ATTRIBUTION, MAX_ZOOM
from dashboards.vehicles import STATES, Changes, Shown

_OPTIONS = {"minZoom": 2, "maxZoom": 12, "worldCopyJump": True, "zoomControl": True, "attributionControl": True}
EUROPE = (50.0, 10.0)


class FleetMap:
    """A marker a vehicle, coloured by its state."""

    def __init__(self, scripts: list[str], choose: Callable[[str], None]) -> None:
        """`scripts`: what the layer of vehicles is made of, by address; `choose` is told the vehicle of a marker that was clicked."""
        with ui.element("section").classes("panel map-panel").props('aria-label="Fleet map"'):
            with ui.element("header").classes("panel-head"):
                ui.label("Fleet map").classes("panel-title")
                with ui.element("ul").classes("legend").props('aria-label="Vehicles by state"'):
                    self._counts = {name: _legend(name) for name in STATES}
                fit = ui.button(icon="fit_screen").props('flat round dense size=sm aria-label="Show all vehicles"').tooltip("Show all vehicles")
            self._map = ui.leaflet(center=EUROPE, zoom=4, options=_OPTIONS, additional_resources=scripts).classes("map")
            self._waiting = ui.label().classes("map-waiting").props("role=status")
        self._map.clear_layers()  # NiceGUI's own layer would ask a server of someone else
        self._map.tile_layer(
            url_template="/tiles/{z}/{x}/{y}.png",
            options={"maxNativeZoom": MAX_ZOOM, "maxZoom": 12, "attribution": ATTRIBUTION, "noWrap": False},
        )
        self._map.generic_layer(name="control.scale", args=[{"imperial": False}])
        self._layer = self._map.generic_layer(name="fleet")
        fit.on_click(lambda: self._layer.run_method("frame"))
        ui.on("vehicle_chosen", lambda event: choose(_text(event)))

    @property
    def is_ready(self) -> bool:
        """Whether the browser has made its map, so that it can be told something."""
        return self._map.is_initialized

    def show(self, changes: Changes) -> None:
        """Bring the browser's markers up to date."""
        self._layer.run_method("show", {"rows": [_row(shown) for shown in _all(changes)], "gone": changes.gone})

    def count(self, counts: dict[str, int]) -> None:
        """The number of vehicles in each state."""
        for name, label in self._counts.items():
            label.text = str(counts.get(name, 0))

    def choose(self, vehicle_id: str | None) -> None:
        """Ring one vehicle, or none."""
        self._layer.run_method("choose", vehicle_id)

    def wait(self, text: str) -> None:
        """Say over the map what it waits for; nothing where the text is empty."""
        self._waiting.text = text
        self._waiting.set_visibility(bool(text))


def _legend(name: str) -> ui.label:
    with ui.element("li").classes(f"state state-{name}"):
        label = ui.label("0").classes("legend-count").mark(f"count-{name}")
        ui.label(name)
    return label


def _text(event: events.GenericEventArguments) -> str:
    return str(event.args)


def _all(changes: Changes) -> Iterable[Shown]:
    yield from changes.added
    yield from changes.updated


def _row(shown: Shown) -> list[Any]:
    """As `fleet_layer.js` reads it."""
    vehicle = shown.vehicle
    power_kw = None if vehicle.pack_w is None else vehicle.pack_w / 1000
    placed = vehicle.lat is not None and vehicle.lon is not None
    return [
        vehicle.vehicle_id,
        vehicle.lat if placed else None,
        vehicle.lon if placed else None,
        shown.state,
        int((vehicle.position_synthetic or 0) >= 0.5),
        readings.amount(vehicle.speed_kmh, "km/h"),
        readings.amount(vehicle.soc_pct, "%"),
        readings.amount(power_kw, "kW", 1),
    ]
