"""Many readers of the live feed in one process of their own: each a bare connection that only counts the messages it gets."""

import asyncio
import base64
import multiprocessing
import os
import time
import urllib.request
from functools import partial
from multiprocessing.connection import Connection
from typing import NamedTuple
from urllib.parse import urlsplit

import uvloop

from bench.showcase import Showcase

WARM_S = 3.0


class Held(NamedTuple):
    """Messages a second of the slowest tenth, cores of the server, messages that it spared slow readers."""

    slow_rate: float
    cores: float
    skipped: int


class _Reader(asyncio.Protocol):
    """Counts whole WebSocket messages of a server, by their length fields."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._rest = b""
        self._open = False
        self.count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the feed."""
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Cut off what is whole."""
        rest = self._rest + data
        if not self._open:
            head, mark, rest = rest.partition(b"\r\n\r\n")
            if not mark:
                self._rest = head
                return
            self._open = True
        at, size = 0, len(rest)
        while size - at >= 2:
            length, start = rest[at + 1] & 127, at + 2
            if length == 126:
                length, start = int.from_bytes(rest[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                length, start = int.from_bytes(rest[at + 2 : at + 10], "big"), at + 10
            if size < start + length:
                break
            self.count += rest[at] & 15 == 1
            at = start + length
        self._rest = rest[at:]


def held(shown: Showcase, readers: int, seconds: float) -> Held:
    """Connect that many, warm up, and measure."""
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_read, args=(theirs, shown.url, shown.token, readers, seconds), daemon=True)
    process.start()
    assert ours.recv() == "warm"
    cpu, skipped, began = shown.cpu_s(), _skipped(shown), time.monotonic()
    counts: list[int] = ours.recv()
    cores = (shown.cpu_s() - cpu) / (time.monotonic() - began)
    process.join(30)
    slow = sorted(counts)[: max(1, readers // 10)]
    return Held(max(slow) / seconds, cores, _skipped(shown) - skipped)


def _read(pipe: Connection, url: str, token: str, readers: int, seconds: float) -> None:
    uvloop.run(_read_all(pipe, url, token, readers, seconds))


async def _read_all(pipe: Connection, url: str, token: str, readers: int, seconds: float) -> None:
    loop, parts = asyncio.get_running_loop(), urlsplit(url)
    all_of_them = []
    for _ in range(readers):
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET /feed/v1/ws?kind=vehicle HTTP/1.1",
            f"Host: {parts.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            f"Authorization: Bearer {token}",
        ]
        request = "\r\n".join(lines).encode() + b"\r\n\r\n"
        _, reader = await loop.create_connection(partial(_Reader, request), parts.hostname or "", parts.port or 0)
        all_of_them.append(reader)
    await asyncio.sleep(WARM_S)
    before = [reader.count for reader in all_of_them]
    pipe.send("warm")
    await asyncio.sleep(seconds)
    pipe.send([reader.count - count for reader, count in zip(all_of_them, before, strict=True)])


def _skipped(shown: Showcase) -> int:
    with urllib.request.urlopen(f"{shown.metrics}/metrics", timeout=5) as answer:  # noqa: S310 - our own address
        lines = answer.read().decode().splitlines()
    return int(sum(float(line.split()[1]) for line in lines if line.startswith("dashboard_feed_skipped_total")))
