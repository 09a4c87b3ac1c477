"""Operators' acts on alerts: checked, recorded, and sent to the live flow, which alone changes alerts."""

import time
import uuid
from typing import TYPE_CHECKING, get_args

import msgspec
from aiohttp import web

from contracts.errors import Terminal
from contracts.events import Action, AlertCommand
from dashboards.accounts import acts
from dashboards.web.guard import needs
from dashboards.web.reply import Clock, answer

if TYPE_CHECKING:
    from dashboards.accounts.store import Store
    from dashboards.feeds.commands import Commands
    from dashboards.live.hub import Hub
    from dashboards.metrics import Metrics

MOST_AT_ONCE = 500
LONGEST_TEXT = 2000
LONGEST_SHELF_MS = 31 * 24 * 3600 * 1000
ON_ALERTS = ("ack", "assign", "clear", "comment", "shelve", "unshelve")
assert set(ON_ALERTS) <= set(get_args(Action))


class _Asked(msgspec.Struct):
    """What an operator wants of some alerts. `vehicles`: of alerts that the live half has forgotten, the vehicle by the alert's id."""

    action: Action
    alerts: list[str]
    text: str = ""
    until_ts: int = 0
    vehicles: dict[str, str] = {}


_asked = msgspec.json.Decoder(_Asked).decode


class Acts:
    """The route."""

    def __init__(self, store: "Store", hub: "Hub", commands: "Commands", metrics: "Metrics") -> None:
        self._store = store
        self._hub = hub
        self._commands = commands
        self._metrics = metrics

    def register(self, app: web.Application) -> None:
        """The routes."""
        app.router.add_post("/api/alerts/acts", self.act)
        app.router.add_get("/api/alerts/{alert}/acts", self.history)

    async def act(self, request: web.Request) -> web.Response:
        """Do one thing to some alerts. 202: Kafka has the commands; what they change comes on the live feed."""
        visitor = needs(request, "operator")
        try:
            asked = _asked(await request.read())
        except msgspec.MsgspecError as error:
            raise Terminal(f"the act is malformed: {error}") from None
        commands = self._checked(asked, visitor.name)
        clock = Clock()
        detail = msgspec.json.encode({"text": asked.text, "until_ts": asked.until_ts}).decode()

        def done() -> None:
            for command in commands:  # first the record: an act that nobody recorded must not happen
                acts.record(self._store, visitor.name, asked.action, command.alert_id, detail)
            self._commands.send(commands)

        await clock.off_loop("kafka", done)
        self._metrics.commands.labels(asked.action).inc(len(commands))
        return answer({"sent": len(commands), "command_ids": [command.command_id for command in commands]}, clock, status=202)

    async def history(self, request: web.Request) -> web.Response:
        """Who asked for what on one alert."""
        return answer({"acts": acts.newest(self._store, 100, request.match_info["alert"])})

    def _checked(self, asked: _Asked, by: str) -> list[AlertCommand]:
        now_ms = time.time_ns() // 1_000_000
        if asked.action not in ON_ALERTS:
            raise Terminal(f"there is no act {asked.action!r}; there are {', '.join(ON_ALERTS)}")
        if not 0 < len(asked.alerts) <= MOST_AT_ONCE:
            raise Terminal(f"act on 1 to {MOST_AT_ONCE} alerts at once")
        if asked.action in ("comment", "assign") and not asked.text.strip():
            raise Terminal("a comment needs words, and an assignment somebody")
        if len(asked.text) > LONGEST_TEXT:
            raise Terminal(f"at most {LONGEST_TEXT} characters")
        if asked.action == "shelve" and not now_ms < asked.until_ts <= now_ms + LONGEST_SHELF_MS:
            raise Terminal("shelve until a time within the next 31 days")
        commands = []
        for alert_id in dict.fromkeys(asked.alerts):
            known = self._hub.log.get(alert_id)
            vehicle = known.vehicle_id if known else asked.vehicles.get(alert_id, "")
            if not vehicle:
                raise Terminal(f"no alert {alert_id} is known")
            until_ts = asked.until_ts if asked.action == "shelve" else 0
            commands.append(
                AlertCommand(
                    command_id=uuid.uuid4().hex,
                    vehicle_id=vehicle,
                    action=asked.action,
                    by=by,
                    ts=now_ms,
                    alert_id=alert_id,
                    text=asked.text.strip(),
                    until_ts=until_ts,
                )
            )
        return commands
