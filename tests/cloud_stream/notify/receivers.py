"""Real receivers on loopback: an HTTP server and a mail server, each in a thread."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Got(NamedTuple):
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


class Web:
    """Answers with the next of `answers`, then with 200."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.answers: list[int] = []
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.got.append(Got(request.path, dict(request.headers), await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)


@contextmanager
def web_server() -> Iterator[Web]:
    one, loop, ready = Web(), asyncio.new_event_loop(), threading.Event()

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/{path:.*}", one.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        one.port = runner.addresses[0][1]
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)
    try:
        yield one
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


class Post:
    """Keeps messages; `refuse` is what it says to a receiver's address instead."""

    def __init__(self) -> None:
        self.got: list[Envelope] = []
        self.refuse = ""

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]) -> str:  # noqa: N802
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.got.append(envelope)
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[Post, int]]:
    post = Post()
    with socket.create_server(("127.0.0.1", 0)) as free:  # the controller connects to the port that it was told, so it cannot be 0
        port = free.getsockname()[1]
    controller = Controller(post, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield post, port
    finally:
        controller.stop()
