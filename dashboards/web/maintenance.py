"""Maintenance windows: which there are, and an operator's opening and ending of one."""

import time
import uuid
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from contracts.errors import Terminal
from contracts.events import AlertCommand
from contracts.identity import REGION, VEHICLE_ID
from dashboards.accounts import acts
from dashboards.feeds.commands import EVERYBODY
from dashboards.maintenance import still_to_come
from dashboards.web.guard import needs
from dashboards.web.reply import Clock, answer

if TYPE_CHECKING:
    from dashboards.accounts.store import Store
    from dashboards.feeds.commands import Commands
    from dashboards.live.hub import Hub
    from dashboards.metrics import Metrics

LONGEST_MS = 30 * 24 * 3600 * 1000
LONGEST_NAME, MOST_NAMES = 64, 500


class _Asked(msgspec.Struct):
    """A window to be opened until a time (epoch ms), for some vehicles, regions and rules (empty = all); until 0 it is to end."""

    name: str
    until_ts: int = 0
    vehicles: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


_asked = msgspec.json.Decoder(_Asked).decode


class Maintenance:
    """The routes."""

    def __init__(self, store: "Store", hub: "Hub", commands: "Commands", metrics: "Metrics") -> None:
        self._store = store
        self._hub = hub
        self._commands = commands
        self._metrics = metrics

    def register(self, app: web.Application) -> None:
        """The routes."""
        app.router.add_get("/api/maintenance", self.listed)
        app.router.add_post("/api/maintenance", self.told)

    async def listed(self, _request: web.Request) -> web.Response:
        """The windows that are open."""
        return answer({"windows": still_to_come(self._hub.board.maintenance, _now_ms())})

    async def told(self, request: web.Request) -> web.Response:
        """Open or end a window. 202: Kafka has the command; the live flow then keeps the alerts quiet, or lets them speak."""
        visitor = needs(request, "operator")
        try:
            asked = _asked(await request.read())
        except msgspec.MsgspecError as error:
            raise Terminal(f"the window is malformed: {error}") from None
        command = _checked(asked, visitor.name)
        clock = Clock()
        detail = msgspec.json.encode({name: getattr(asked, name) for name in ("until_ts", "vehicles", "regions", "rules")}).decode()

        def done() -> None:  # first the record: an act that nobody recorded must not happen
            acts.record(self._store, visitor.name, command.action, command.alert_id, detail)
            self._commands.send([command])

        await clock.off_loop("kafka", done)
        self._metrics.commands.labels(command.action).inc()
        return answer({"sent": 1, "command_ids": [command.command_id]}, clock, status=202)


def _checked(asked: _Asked, by: str) -> AlertCommand:
    now_ms, name = _now_ms(), asked.name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise Terminal(f"a window needs a name of at most {LONGEST_NAME} characters")
    who = {"command_id": uuid.uuid4().hex, "vehicle_id": EVERYBODY, "by": by, "ts": now_ms, "alert_id": name}
    if not asked.until_ts:
        return msgspec.convert({**who, "action": "end_maintenance"}, AlertCommand)
    if not now_ms < asked.until_ts <= now_ms + LONGEST_MS:
        raise Terminal("a window is open until a time within the next 30 days")
    if wrong := [one for one in asked.vehicles if not VEHICLE_ID.fullmatch(one)]:
        raise Terminal(f"no vehicle's id looks like {wrong[0]!r}: it is capital letters, digits and '-'")
    if wrong := [one for one in asked.regions if not REGION.fullmatch(one)]:
        raise Terminal(f"no region's name looks like {wrong[0]!r}")
    if len(asked.vehicles) + len(asked.regions) + len(asked.rules) > MOST_NAMES:
        raise Terminal(f"at most {MOST_NAMES} vehicles, regions and rules in one window")
    some = {"vehicles": asked.vehicles, "regions": asked.regions, "rules": asked.rules}
    return msgspec.convert({**who, **some, "action": "maintenance", "from_ts": now_ms, "until_ts": asked.until_ts}, AlertCommand)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
