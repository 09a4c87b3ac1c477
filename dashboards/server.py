"""The web server of one dashboard process: pages, questions, the live feed, health. The composition root."""

import asyncio
import logging
import signal
import socket
from typing import Any

import uvloop
from aiohttp import web

from contracts.errors import Terminal
from dashboards.accounts.store import Store
from dashboards.board import Board
from dashboards.feeds.alerts import alert_feed, command_feed, score_feed
from dashboards.feeds.cells import CellsFeed
from dashboards.feeds.commands import Commands
from dashboards.feeds.lake import GOLD, BronzeFeed, GoldFeed
from dashboards.feeds.online import OnlineFeed
from dashboards.feeds.runner import Feed, Runner
from dashboards.feeds.targets import TargetsFeed
from dashboards.feeds.telemetry import TelemetryFeed
from dashboards.live.hub import Hub
from dashboards.live.pages import Pages
from dashboards.live.public import Public
from dashboards.metrics import Metrics
from dashboards.queries.lake import Lake
from dashboards.settings import Settings, targets
from dashboards.web.alerts import Acts
from dashboards.web.guard import guard, identify
from dashboards.web.live import Live
from dashboards.web.maintenance import Maintenance
from dashboards.web.people import People
from dashboards.web.pipeline import Pipeline
from dashboards.web.questions import Questions
from dashboards.web.reply import answer
from dashboards.web.shell import Shell
from dashboards.web.signin import SignIn

log = logging.getLogger(__name__)

WAITED_FOR = {
    "gold": f"waiting for {GOLD}",
    "online": "waiting for the online store",
    "alerts": "waiting for Kafka",
    "telemetry": "waiting for Kafka",
}


def serve(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; 0 after an orderly stop, 1 where a feed broke down. Raises Terminal where it cannot start."""
    metrics = Metrics()
    board = Board(WAITED_FOR)
    store = Store(settings.accounts)
    listener = _listen(settings.host, settings.port)
    lake = (GoldFeed(settings.lake, board, metrics), BronzeFeed(settings.lake, board), OnlineFeed(settings.redis, board))
    kafka: tuple[Feed, ...] = (
        alert_feed(settings.kafka, board, metrics),
        command_feed(settings.kafka, board, metrics),
        score_feed(settings.kafka, board, metrics),
        TelemetryFeed(settings.kafka, board, metrics),
        CellsFeed(settings.kafka, board, metrics),
    )
    if settings.targets:
        kafka = (*kafka, TargetsFeed(targets(settings), board))
    metrics.serve(settings.metrics_port)
    try:
        return uvloop.run(_run(settings, listener, store, board, metrics, (*lake, *kafka)))
    finally:
        store.close()


async def _run(settings: Settings, listener: socket.socket, store: Store, board: Board, metrics: Metrics, feeds: tuple[Feed, ...]) -> int:
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    crashed: list[str] = []

    def crash() -> None:
        crashed.append("a feed")
        loop.call_soon_threadsafe(ended.set)

    hub = Hub(board, metrics)
    runner = web.AppRunner(application(settings, store, hub, metrics), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    await web.SockSite(runner, listener, backlog=1024).start()
    beating = asyncio.create_task(hub.run())
    beating.add_done_callback(lambda task: None if task.cancelled() else crash())
    feeding = Runner(board, metrics, crash)
    for feed in feeds:
        feeding.start(feed)
    log.info("the dashboard is at http://%s:%d/", settings.host, settings.port)
    await ended.wait()
    if beating.done():
        log.error("the live half broke down; the dashboard stops", exc_info=beating.exception())
    beating.cancel()
    await runner.cleanup()
    await asyncio.to_thread(feeding.stop)
    return int(bool(crashed))


def application(settings: Settings, store: Store, hub: Hub, metrics: Metrics) -> web.Application:
    """All routes."""
    app = web.Application(middlewares=[guard(store)], client_max_size=64 * 1024)
    pages, public = Pages(hub, metrics), Public(hub, metrics)
    hub.add(pages)
    hub.add(public)
    live, signin = Live(pages, public, lambda request: identify(store, request) is not None), SignIn(store, metrics, settings.secure)
    app.on_shutdown.append(live.end)
    app.router.add_get("/signin", signin.page)
    app.router.add_post("/signin", signin.enter)
    app.router.add_post("/signout", signin.leave)
    app.router.add_get("/live", live.page)
    app.router.add_get("/feed/v1/ws", live.feed)
    app.router.add_get("/feed/v1/events", live.events)

    async def health(_request: web.Request) -> web.Response:
        feeds: dict[str, Any] = {name: {"live": status.live, "text": status.text} for name, status in hub.board.statuses.items()}
        return answer({"status": "ready", "vehicles": len(hub.fleet), "gold_version": hub.board.gold_version, "feeds": feeds})

    app.router.add_get("/health", health)
    People(store, hub).register(app)
    commands = Commands(settings.kafka)
    Acts(store, hub, commands, metrics).register(app)
    Maintenance(store, hub, commands, metrics).register(app)
    Questions(Lake(settings.lake), hub, metrics).register(app)
    Pipeline(hub).register(app)
    Shell().register(app)
    return app


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise Terminal(f"{host} port {port} cannot be had: {error.strerror}; set DASHBOARD_PORT to a free one") from None
    return listener
