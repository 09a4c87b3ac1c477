"""The pages' questions of gold: `/api/…`, each answered in a thread and timed."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from contracts.errors import Terminal
from contracts.identity import VEHICLE_ID
from contracts.signals import SIGNALS
from dashboards.queries import fleetwide, vehicle
from dashboards.queries.lake import Lake, Span, columns
from dashboards.web.reply import Clock, answer, table

if TYPE_CHECKING:
    from dashboards.live.hub import Hub
    from dashboards.metrics import Metrics

DAY_MS = 86_400_000
MOST_ALERTS = 5000


class Questions:
    """Answers from gold, and what the live half knows of a vehicle."""

    def __init__(self, lake: Lake, hub: "Hub", metrics: "Metrics") -> None:
        self._lake = lake
        self._hub = hub
        self._metrics = metrics

    def register(self, app: web.Application) -> None:
        """The routes."""
        for path, handler in {
            "/api/signals": self.signals,
            "/api/vehicles/{id}": self.vehicle,
            "/api/vehicles/{id}/history": self.history,
            "/api/vehicles/{id}/cells": self.cells,
            "/api/alerts": self.alerts,
        }.items():
            app.router.add_get(path, handler)
        for path, question in {"trips": vehicle.trips, "sessions": vehicle.sessions, "battery": vehicle.battery}.items():
            app.router.add_get(f"/api/vehicles/{{id}}/{path}", self._of_vehicle(path, question))
        for path, asked in {
            "battery": fleetwide.battery,
            "charging": fleetwide.charging,
            "energy": fleetwide.energy,
            "hours": fleetwide.hours,
        }.items():
            app.router.add_get(f"/api/{path}", self._of_fleet(path, asked))
        app.router.add_get("/api/quarantine", self._of_fleet("quarantine", fleetwide.quarantine))
        app.router.add_get("/api/drift", self._of_fleet("drift", fleetwide.drift))
        app.router.add_get("/api/quality", self._of_fleet("quality", fleetwide.quality))

    async def signals(self, _request: web.Request) -> web.Response:
        """The catalogue: name, unit, what it is, whether it can be charted."""
        return answer(
            [{"name": one.name, "unit": one.unit, "says": one.description, "charted": one.name in vehicle.CHARTED, "vss": one.vss} for one in SIGNALS]
        )

    async def vehicle(self, request: web.Request) -> web.Response:
        """All that is known of one vehicle now."""
        name = _vehicle(request)

        def asked() -> dict[str, Any]:
            return {"identity": vehicle.identity(self._lake, name), "current": vehicle.current(self._lake, name)}

        clock = Clock()
        known = await self._timed(clock, "vehicle", asked)
        if not known["current"] and name not in self._hub.fleet.place:
            raise web.HTTPNotFound(text=f"no vehicle {name} is known")
        scores = [score for (owner, _), score in self._hub.scores.items() if owner == name]
        open_ = [alert for alert in self._hub.log.values() if alert.vehicle_id == name]
        return answer({"vehicle_id": name, **known, "scores": scores, "alerts": open_}, clock)

    async def history(self, request: web.Request) -> web.Response:
        """Some signals of one vehicle over a time range; as CSV with `format=csv`."""
        name, span = _vehicle(request), _span(request, DAY_MS)
        signals = [part for part in request.query.get("signals", "soc_pct").split(",") if part]
        clock = Clock()
        found = await self._timed(clock, "history", lambda: vehicle.history(self._lake, name, span, signals))
        if request.query.get("format") != "csv":
            return answer({"vehicle_id": name, **found}, clock)
        parts = [found["series"][signal][part] for signal in signals for part in ("mean", "min", "max")]
        titles = ["time_ms", *(f"{signal}_{part}_{found['units'][signal]}" for signal in signals for part in ("mean", "min", "max"))]
        return table(f"{name}-history", titles, zip(found["at"], *parts, strict=True))

    async def cells(self, request: web.Request) -> web.Response:
        """The newest cell voltages and probe temperatures; null where none came in the last minutes."""
        return answer({"cells": self._hub.board.cells.get(_vehicle(request))})

    async def alerts(self, request: web.Request) -> web.Response:
        """Alerts raised in a time range, with what the live half knows of them: newer than gold."""
        span, name = _span(request, 7 * DAY_MS), request.query.get("vehicle", "")
        if name and not VEHICLE_ID.fullmatch(name):
            raise Terminal(f"{name!r} cannot be a vehicle's name")
        clock = Clock()
        rows = await self._timed(clock, "alerts", lambda: vehicle.alerts(self._lake, span, name))
        return answer({"alerts": columns(rows.slice(0, MOST_ALERTS)), "total": rows.num_rows}, clock)

    def _of_vehicle(self, name: str, question: Callable[[Lake, str, Span], dict[str, Any]]) -> Callable[[web.Request], Any]:
        async def handler(request: web.Request) -> web.Response:
            who, span, clock = _vehicle(request), _span(request, 30 * DAY_MS), Clock()
            return answer(await self._timed(clock, name, lambda: question(self._lake, who, span)), clock)

        return handler

    def _of_fleet(self, name: str, question: Callable[[Lake, Span], dict[str, Any]]) -> Callable[[web.Request], Any]:
        async def handler(request: web.Request) -> web.Response:
            span, clock = _span(request, 30 * DAY_MS), Clock()
            return answer(await self._timed(clock, name, lambda: question(self._lake, span)), clock)

        return handler

    async def _timed(self, clock: Clock, name: str, work: Callable[[], Any]) -> Any:
        with self._metrics.answer.labels(name).time():
            return await clock.off_loop("gold", work)


def _vehicle(request: web.Request) -> str:
    name = request.match_info["id"]
    if not VEHICLE_ID.fullmatch(name):
        raise web.HTTPNotFound(text=f"{name!r} cannot be a vehicle's name")
    return name


def _span(request: web.Request, usual_ms: int) -> Span:
    """`from` and `to` in ms since the epoch; the newest `usual_ms` where they are left out."""
    try:
        to_ms = int(request.query.get("to", time.time_ns() // 1_000_000 + 1))
        return Span(int(request.query.get("from", to_ms - usual_ms)), to_ms)
    except ValueError:
        raise Terminal("from and to are whole milliseconds since the epoch") from None
