"""How answers are written: JSON of one shape, CSV, and how long the server took for each part of it."""

import asyncio
import csv
import io
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from aiohttp import web

T = TypeVar("T")


class Clock:
    """Times the parts of one answer, for the header `Server-Timing`."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._parts: list[tuple[str, float]] = []

    async def off_loop(self, name: str, work: Callable[[], T]) -> T:
        """Do work in a thread and remember how long it took."""
        began = time.perf_counter()
        try:
            return await asyncio.to_thread(work)
        finally:
            self._parts.append((name, time.perf_counter() - began))

    def header(self) -> str:
        """As the browser's developer tools show it, in milliseconds."""
        parts = [*self._parts, ("total", time.perf_counter() - self._began)]
        return ", ".join(f"{name};dur={seconds * 1000:.1f}" for name, seconds in parts)


def answer(value: Any, clock: Clock | None = None, status: int = 200) -> web.Response:
    """A value as JSON that no cache keeps."""
    headers = {"Cache-Control": "no-store"} | ({"Server-Timing": clock.header()} if clock else {})
    response = web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json", headers=headers)
    if len(response.body or b"") > 4096:  # type: ignore[arg-type]
        response.enable_compression()
    return response


def refusal(status: int, said: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Why not, in one sentence."""
    return web.Response(
        body=msgspec.json.encode({"error": said.strip()}),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def table(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> web.Response:
    """Rows as a CSV file. A cell that a spreadsheet would run as a formula is defused."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return web.Response(text=text.getvalue(), content_type="text/csv", charset="utf-8", headers=headers)


def _cell(value: Any) -> Any:
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
