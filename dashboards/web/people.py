"""Who one is, what one may find, and what people did."""

from typing import TYPE_CHECKING, Any

from aiohttp import web

from dashboards.accounts import acts
from dashboards.web.guard import VISITOR, needs
from dashboards.web.reply import answer

if TYPE_CHECKING:
    from dashboards.accounts.store import Store
    from dashboards.live.hub import Hub

PLACES = (
    ("Fleet", "/", "map and vehicles"),
    ("Alerts", "/alerts", "open and past"),
    ("Battery health", "/battery", "state of health, cells"),
    ("Charging", "/charging", "sessions, power"),
    ("Energy", "/energy", "consumption"),
    ("Pipeline", "/pipeline", "rate, lag, quality"),
)
MOST_FOUND = 12


class People:
    """Answers about the visitor."""

    def __init__(self, store: "Store", hub: "Hub") -> None:
        self._store = store
        self._hub = hub

    def register(self, app: web.Application) -> None:
        """The routes."""
        app.router.add_get("/api/me", self.me)
        app.router.add_get("/api/search", self.search)
        app.router.add_get("/api/acts", self.acts)

    async def me(self, request: web.Request) -> web.Response:
        """Name and role."""
        return answer({"name": request[VISITOR].name, "role": request[VISITOR].role})

    async def search(self, request: web.Request) -> web.Response:
        """Vehicles, regions, pages and open alerts whose name holds the words."""
        return answer({"found": self._found(request.query.get("q", "").strip().lower())})

    async def acts(self, request: web.Request) -> web.Response:
        """What people did, the newest first; and whether the record is whole."""
        needs(request, "admin")
        return answer({"acts": acts.newest(self._store), "broken_at": acts.broken_at(self._store)})

    def _found(self, text: str) -> list[dict[str, Any]]:
        if not text:
            return []
        fleet = self._hub.fleet
        found = [{"title": title, "href": href, "note": note} for title, href, note in PLACES if text in f"{title} {note}".lower()]
        regions = sorted({region for region in fleet.regions if text in region})
        found += [{"title": region, "href": f"/?region={region}", "note": "region"} for region in regions]
        names = sorted((name for name in fleet.vehicles if text in name.lower()), key=lambda name: (not name.lower().startswith(text), name))
        found += [{"title": name, "href": f"/vehicles/{name}", "note": fleet.regions[fleet.place[name]]} for name in names[:MOST_FOUND]]
        alerts = [alert for alert in self._hub.log.values() if text in f"{alert.rule} {alert.alert_id}".replace("_", " ").lower()]
        found += [
            {"title": alert.rule.replace("_", " "), "href": f"/alerts?alert={alert.alert_id}", "note": alert.vehicle_id} for alert in alerts[:4]
        ]
        return found[:MOST_FOUND]
