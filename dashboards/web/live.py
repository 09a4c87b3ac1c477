"""The two live routes: `/live` for our own pages, `/feed/v1` for others (WebSocket, or server-sent events)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import msgspec
from aiohttp import WSMsgType, web

from contracts.errors import Terminal
from contracts.identity import VEHICLE_ID
from dashboards.live.frames import Pipe, message
from dashboards.live.wishes import Wish, wish
from dashboards.web.reply import refusal

if TYPE_CHECKING:
    from dashboards.live.pages import Pages
    from dashboards.live.public import Public

HEARTBEAT_S = 20.0
MOST_SUBSCRIBERS = 5000


MayStay = Callable[[web.Request], bool]


class _Asked(msgspec.Struct):
    """What a page says: whether it shows the fleet, and which vehicle it looks at."""

    fleet: bool = False
    vehicle: str = ""


_asked = msgspec.json.Decoder(_Asked).decode


class Live:
    """Holds connections open; the hub writes to them."""

    def __init__(self, pages: "Pages", public: "Public", may_stay: MayStay) -> None:
        """`may_stay`: whether who asked may still be told; looked at every twenty seconds."""
        self._pages = pages
        self._public = public
        self._may_stay = may_stay
        self._open = 0
        self._ending = asyncio.Event()

    async def end(self, _app: web.Application) -> None:
        """Let go of everyone: the server stops."""
        self._ending.set()

    async def page(self, request: web.Request) -> web.StreamResponse:
        """One open page of ours."""
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, compress=False, max_msg_size=4096)
        await socket.prepare(request)
        reader = self._pages.join(_pipe(request))
        try:
            async for said in self._texts(request, socket):
                asked = _asked(said)
                if asked.fleet and not reader.fleet:
                    reader.seen = reader.named = 0
                reader.fleet = asked.fleet
                self._pages.look_at(reader, asked.vehicle if VEHICLE_ID.fullmatch(asked.vehicle) else "")
        except msgspec.MsgspecError as error:
            await socket.close(code=1007, message=str(error).encode()[:120])
        finally:
            self._pages.leave(reader)
        return socket

    async def feed(self, request: web.Request) -> web.StreamResponse:
        """One reader of the public feed, over WebSocket; what it sends is not looked at."""
        wanted = _wanted(request)
        if self._open >= MOST_SUBSCRIBERS:
            return refusal(503, f"{MOST_SUBSCRIBERS} readers are connected, which is the most that one process serves", {"Retry-After": "30"})
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, compress=False, max_msg_size=4096)
        await socket.prepare(request)
        reader = self._public.join(wanted, _pipe(request), message)
        self._open += 1
        try:
            async for _ in self._texts(request, socket):
                pass
        finally:
            self._open -= 1
            self._public.leave(wanted, reader)
        return socket

    async def events(self, request: web.Request) -> web.StreamResponse:
        """One reader of the public feed, over server-sent events."""
        wanted = _wanted(request)
        if self._open >= MOST_SUBSCRIBERS:
            return refusal(503, f"{MOST_SUBSCRIBERS} readers are connected, which is the most that one process serves", {"Retry-After": "30"})
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if request.headers.get("Authorization") or "access_token" in request.query:
            headers |= {"Access-Control-Allow-Origin": "*"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await response.write(b"retry: 2000\n\n")
        pipe = _pipe(request)
        reader = self._public.join(wanted, pipe, _event)
        self._open += 1
        try:
            while not pipe.is_closing() and self._may_stay(request):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), HEARTBEAT_S)
                    break
                if reader.pipe.get_write_buffer_size() == 0:
                    pipe.write(_chunk(b": still here\n\n"))
        finally:
            self._open -= 1
            self._public.leave(wanted, reader)
        return response

    async def _texts(self, request: web.Request, socket: web.WebSocketResponse) -> AsyncIterator[str]:
        """What a client says, until either side ends, or the client may not stay."""
        stop, hear = asyncio.create_task(self._ending.wait()), asyncio.create_task(socket.receive())
        try:
            while True:
                await asyncio.wait({hear, stop}, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
                if hear.done():
                    if hear.result().type is not WSMsgType.TEXT:
                        return
                    yield hear.result().data
                    hear = asyncio.create_task(socket.receive())
                elif stop.done() or not self._may_stay(request):
                    hear.cancel()
                    await asyncio.wait({hear})
                    await socket.close(code=1001 if stop.done() else 1008, message=b"the server stops" if stop.done() else b"sign in again")
                    return
        finally:
            stop.cancel()
            hear.cancel()


def _wanted(request: web.Request) -> Wish:
    try:
        return wish({name: request.query.getall(name) for name in request.query})
    except Terminal as error:
        raise web.HTTPBadRequest(text=str(error)) from None


def _pipe(request: web.Request) -> Pipe:
    if request.transport is None:
        raise web.HTTPBadRequest(text="the connection is gone")
    return request.transport


def _event(text: bytes) -> bytes:
    return _chunk(b"data: " + text + b"\n\n")


def _chunk(text: bytes) -> bytes:
    """A piece of a body of unknown length (RFC 9112, 7.1): written as the hub writes, without waiting."""
    return b"%x\r\n%s\r\n" % (len(text), text)
