"""The table of vehicles."""

import json
from collections.abc import Callable
from typing import Any

from nicegui import events, ui

from dashboards.vehicles import Changes, Shown


def _column(field: str, title: str, write: str, **more: Any) -> dict[str, Any]:
    return {"field": field, "headerName": title, ":valueFormatter": f"vehicleTable.{write}", **more}


_NUMBER = {"type": "rightAligned", "width": 104, "cellClass": "number"}
_COLUMNS = [
    {"field": "id", "headerName": "Vehicle", "minWidth": 130, "flex": 2, "sort": "asc", "cellClass": "vehicle-id"},
    {"field": "region", "headerName": "Region", "minWidth": 110, "flex": 1},
    _column("state", "State", "title", **{":cellClass": "vehicleTable.stateClass", "width": 112}),
    _column("speed", "Speed", "speed", **_NUMBER),
    _column("soc", "Charge", "percent", **{**_NUMBER, "cellClass": "number charge", ":cellStyle": "vehicleTable.charge", "width": 116}),
    _column("power", "Power", "power", **_NUMBER, headerTooltip="Power of the pack, positive into it"),
    _column("temp", "Pack", "celsius", **_NUMBER, headerTooltip="Mean temperature of the pack"),
    _column("age", "Age", "age", **{**_NUMBER, "width": 92, ":valueGetter": "vehicleTable.ageOf"}, headerTooltip="Age of the values"),
]
_OPTIONS: dict[str, Any] = {
    "columnDefs": _COLUMNS,
    "rowData": [],
    ":getRowId": "params => params.data.id",
    "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
    "defaultColDef": {"sortable": True, "resizable": True, "suppressHeaderMenuButton": True, "sortingOrder": ["asc", "desc"]},
    "headerHeight": 32,
    "rowHeight": 32,
    "animateRows": False,
    "overlayNoRowsTemplate": "No vehicle yet",
    "suppressDragLeaveHidesColumns": True,
}


class VehicleTable:
    """A row a vehicle; a browser is told only of those that changed."""

    def __init__(self, choose: Callable[[str], None]) -> None:
        """`choose` is told the vehicle of a row that was selected."""
        with ui.element("section").classes("panel table-panel").props('aria-label="Vehicles"'):
            with ui.element("header").classes("panel-head"):
                ui.label("Vehicles").classes("panel-title")
                search = ui.input(placeholder="Search id, region or state").props(
                    'dense outlined clearable debounce=150 aria-label="Search vehicles"'
                )
                search.classes("search").on_value_change(lambda event: self._option("quickFilterText", event.value or ""))
            self._grid = ui.aggrid(_OPTIONS, theme="quartz", auto_size_columns=False).classes("grid")
        self._grid.on("cellClicked", lambda event: choose(_chosen(event)), args=["data"])

    def show(self, changes: Changes, now_ms: int) -> None:
        """Bring the browser's rows up to date; ages grow in any case."""
        ui.run_javascript(f"vehicleTable.setClock({now_ms})")
        if changes.added or changes.updated or changes.gone:
            rows = {
                "add": [_row(shown) for shown in changes.added],
                "update": [_row(shown) for shown in changes.updated],
                "remove": [{"id": name} for name in changes.gone],
            }
            self._grid.run_grid_method("applyTransaction", rows)
        self._grid.run_grid_method("refreshCells", {"columns": ["age"]})

    def choose(self, vehicle_id: str) -> None:
        """Select the row of a vehicle and bring it into view."""
        self._grid.run_row_method(vehicle_id, "setSelected", True, True)
        ui.run_javascript(f"vehicleTable.reveal(getElement({self._grid.id}).api, {json.dumps(vehicle_id)})")

    def unchoose(self) -> None:
        """Select no row."""
        self._grid.run_grid_method("deselectAll")

    def _option(self, name: str, value: str) -> None:
        self._grid.run_grid_method("setGridOption", name, value)


def _chosen(event: events.GenericEventArguments) -> str:
    return str(event.args["data"]["id"])


def _row(shown: Shown) -> dict[str, Any]:
    vehicle = shown.vehicle
    return {
        "id": vehicle.vehicle_id,
        "region": vehicle.region,
        "state": shown.state,
        "speed": vehicle.speed_kmh,
        "soc": vehicle.soc_pct,
        "power": None if vehicle.pack_w is None else vehicle.pack_w / 1000,
        "temp": vehicle.pack_temp_c,
        "event_ms": vehicle.event_ms,
    }
