"""The fleet page: figures, map, table, alerts and one vehicle, live."""

from collections.abc import Callable, Mapping
from pathlib import Path

from fastapi import Request
from nicegui import app, ui

from dashboards.board import Board, View
from dashboards.metrics import Metrics
from dashboards.pages.alerts import AlertPanel
from dashboards.pages.header import THEME_COOKIE, Header
from dashboards.pages.map import FleetMap
from dashboards.pages.numbers import Numbers
from dashboards.pages.table import VehicleTable
from dashboards.pages.vehicle import VehiclePanel
from dashboards.vehicles import Shown, changes

STATIC = Path(__file__).parent.parent / "static"
LOOK_S = 0.05
"""How often an open page asks the board for a newer view: in the same process, a comparison of two numbers."""


class FleetPage:
    """One browser's page and what it has been told so far."""

    def __init__(self, board: Board, metrics: Metrics, static_url: str, theme: str | None) -> None:
        self._board = board
        self._metrics = metrics
        self._told = View()
        self._on_map: Mapping[str, Shown] = {}
        self._in_table: Mapping[str, Shown] = {}
        self._chosen: str | None = None
        self._header = Header(theme)
        with ui.element("main").classes("fleet"):
            self._numbers = Numbers()
            with ui.element("div").classes("left"):
                self._map = FleetMap([f"{static_url}/{name}.js" for name in ("fleet_groups", "fleet_grid", "fleet_layer")], self.choose)
                self._table = VehicleTable(self.choose)
            with ui.element("aside").classes("right"):
                self._vehicle = VehiclePanel(self.unchoose)
                self._alerts = AlertPanel(self.choose)

    def look(self) -> None:
        """Tell the browser what changed since it was told last."""
        view = self._board.view
        if self._map.is_ready and self._on_map is not view.fleet:
            self._map.show(changes(self._on_map, view.fleet))
            self._on_map = view.fleet
        if view.revision == self._told.revision:
            return
        self._header.show(view.statuses)
        self._numbers.show(view.figures, view.gold_version)
        self._map.count(view.figures.counts)
        self._map.wait("" if view.fleet else _waiting(view, "gold") or "Waiting for the first vehicle")
        self._table.show(changes(self._in_table, view.fleet), view.now_ms)
        self._in_table = view.fleet
        if view.alerts is not self._told.alerts or not self._told.revision or not view.alerts:
            self._alerts.show(view.alerts, _waiting(view, "alerts"))
        self._show_chosen(view)
        self._told = view
        self._metrics.sent.inc()

    def choose(self, vehicle_id: str) -> None:
        """Show one vehicle in the panel, on the map and in the table."""
        if vehicle_id == self._chosen or vehicle_id not in self._board.view.fleet:
            return
        self.leave()
        self._chosen = vehicle_id
        self._board.choose(vehicle_id)
        self._map.choose(vehicle_id)
        self._table.choose(vehicle_id)
        self._show_chosen(self._board.view)

    def unchoose(self) -> None:
        """Show no vehicle."""
        self.leave()
        self._vehicle.hide()
        self._map.choose(None)
        self._table.unchoose()

    def leave(self) -> None:
        """Ask for no vehicle's features any more."""
        if self._chosen is not None:
            self._board.leave(self._chosen)
        self._chosen = None

    def _show_chosen(self, view: View) -> None:
        if self._chosen is None or (shown := view.fleet.get(self._chosen)) is None:
            return
        gold = self._board.gold_row(self._chosen) or {}
        self._vehicle.show(shown, gold, self._board.online(self._chosen), view.now_ms)


def _waiting(view: View, feed: str) -> str:
    """Why a feed has nothing yet; empty where it is followed."""
    status = view.statuses.get(feed)
    return status.text[0].upper() + status.text[1:] if status and not status.live else ""


def register(board: Board, metrics: Metrics) -> Callable[[Request], None]:
    """Make the page known to NiceGUI at `/`."""
    static_url = "/static"
    app.add_static_files(static_url, STATIC, max_cache_age=0)

    @ui.page("/", title="voltlake fleet")
    def fleet(request: Request) -> None:
        """One browser."""
        ui.add_head_html(f'<link rel="stylesheet" href="{static_url}/fleet.css"><script src="{static_url}/vehicle_table.js"></script>')
        page = FleetPage(board, metrics, static_url, request.cookies.get(THEME_COOKIE))
        metrics.browsers.inc()
        ui.context.client.on_delete(lambda: _left(page, metrics))
        ui.timer(LOOK_S, page.look)

    return fleet


def _left(page: FleetPage, metrics: Metrics) -> None:
    page.leave()
    metrics.browsers.dec()
