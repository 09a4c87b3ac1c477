"""The web server of one dashboard process: pages, tiles, health. The composition root."""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from nicegui import ui

from contracts.errors import Terminal
from dashboards.board import Board
from dashboards.feeds.alerts import AlertFeed
from dashboards.feeds.lake import GOLD, BronzeFeed, GoldFeed
from dashboards.feeds.online import OnlineFeed
from dashboards.feeds.runner import Runner
from dashboards.metrics import Metrics
from dashboards.pages import fleet
from dashboards.settings import Settings
from dashboards.tiles import Tiles, basemap

log = logging.getLogger(__name__)

WAITED_FOR = {"gold": f"waiting for {GOLD}", "online": "waiting for the online store", "alerts": "waiting for Kafka"}
COMPOSE_S = 0.05
LONG = "public, max-age=31536000, immutable"
# What NiceGUI needs, and nothing from anywhere else: the browser itself refuses a request that would leave this server.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; frame-ancestors 'self'"
)


def serve(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; 0 after an orderly stop, 1 where a feed broke down. Raises Terminal where it cannot start."""
    metrics = Metrics()
    board = Board(WAITED_FOR)
    listener = _listen(settings.host, settings.port)
    feeds = (GoldFeed(settings.lake, board, metrics), BronzeFeed(settings.lake, board), OnlineFeed(settings.redis, board))
    web = _web(board, Tiles(basemap()))
    fleet.register(board, metrics)
    ui.run_with(web, title="voltlake", dark=None, language="en-US", tailwind=False, favicon="⚡", reconnect_timeout=5, show_welcome_message=False)
    server = uvicorn.Server(uvicorn.Config(web, log_level="warning", access_log=False, timeout_graceful_shutdown=1))
    runner = _Runs(server, board, metrics)
    metrics.serve(settings.metrics_port)
    for feed in (*feeds, AlertFeed(settings.kafka, board, metrics)):
        runner.start(feed)
    log.info("the dashboard is at http://%s:%d/", settings.host, settings.port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises them again at its end, which must not turn it into a failure
    asyncio.run(_until_stopped(server, listener, board, metrics))
    runner.stop()
    return int(runner.has_crashed)


class _Runs(Runner):
    """The feeds of a server that ends when one of them breaks down."""

    def __init__(self, server: uvicorn.Server, board: Board, metrics: Metrics) -> None:
        self.has_crashed = False
        self._server = server
        super().__init__(board, metrics, self._crash)

    def _crash(self) -> None:
        self.has_crashed = True
        self._server.should_exit = True


async def _until_stopped(server: uvicorn.Server, listener: socket.socket, board: Board, metrics: Metrics) -> None:
    composing = asyncio.create_task(_compose(board, metrics))
    try:
        await server.serve(sockets=[listener])
    finally:
        composing.cancel()


async def _compose(board: Board, metrics: Metrics) -> None:
    """Make views for as long as the server runs."""
    while True:
        if board.compose() and (age_s := board.view.figures.newest_age_s) is not None:
            metrics.gold_age.set(age_s)
        await asyncio.sleep(COMPOSE_S)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise Terminal(f"{host} port {port} cannot be had: {error.strerror}; set DASHBOARD_PORT to a free one") from None
    listener.listen(128)
    return listener


def _web(board: Board, tiles: Tiles) -> FastAPI:
    web = FastAPI(openapi_url=None)

    @web.middleware("http")
    async def headers(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await answer(request)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    @web.get("/tiles/{zoom:int}/{x:int}/{y:int}.png")
    async def tile(zoom: int, x: int, y: int) -> Response:
        found = tiles.png(zoom, x, y)
        if found is None:
            return Response("the base map has no such tile; zoom is 0 to 6\n", status_code=404, media_type="text/plain")
        return Response(found, media_type="image/png", headers={"Cache-Control": LONG})

    @web.get("/health")
    async def health() -> dict[str, Any]:
        view = board.view
        feeds = {name: {"live": status.live, "text": status.text} for name, status in view.statuses.items()}
        return {"status": "ready", "vehicles": len(view.fleet), "gold_version": view.gold_version, "feeds": feeds}

    return web
