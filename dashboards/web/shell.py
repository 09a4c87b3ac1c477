"""The one HTML document of all pages, and its static files with a version in their address so that a browser may keep them."""

import hashlib
from html import escape
from pathlib import Path

from aiohttp import web

from dashboards.web.guard import VISITOR

STATIC = Path(__file__).parent.parent / "static"
PAGES = ("", "alerts", "vehicles/{id}", "battery", "charging", "energy", "pipeline", "acts")

_SHELL = """<!doctype html>
<html lang="en" data-version="{version}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>voltlake</title>
<meta name="voltlake-visitor" content="{name}" data-role="{role}" data-csrf="{csrf}">
<link rel="icon" href="/static/mark.svg">
<link rel="stylesheet" href="/static/css/base.css?{version}">
<link rel="stylesheet" href="/static/css/parts.css?{version}">
<link rel="stylesheet" href="/static/css/pages.css?{version}"><link rel="stylesheet" href="/static/vendor/leaflet/leaflet.css">
<link rel="stylesheet" href="/static/vendor/uplot/uPlot.min.css">
<script src="/static/theme.js?{version}"></script><script type="module" src="/static/app.js?{version}"></script></head>
<body><a class="skip" href="#page">Skip to the page</a><div id="bar"></div><main id="page" tabindex="-1"></main>
<div id="notices" role="status" aria-live="polite"></div>
<noscript><p class="empty">These pages draw live data and need JavaScript.</p></noscript></body></html>"""


def version() -> str:
    """Changes with any static file."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


class Shell:
    """Answers every page's address with the same document."""

    def __init__(self) -> None:
        self._version = version()

    async def page(self, request: web.Request) -> web.Response:
        """The document, with who looks at it."""
        visitor = request[VISITOR]
        told = {"name": visitor.name, "role": visitor.role, "csrf": visitor.csrf, "version": self._version}
        text = _SHELL.format(**{name: escape(value) for name, value in told.items()})
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})

    def register(self, app: web.Application) -> None:
        """The routes of the pages and of what they are made of."""
        for path in PAGES:
            app.router.add_get(f"/{path}", self.page)
        app.router.add_static("/static/", STATIC, append_version=False)
        app.router.add_get("/favicon.ico", _mark)


async def _mark(_request: web.Request) -> web.StreamResponse:
    return web.FileResponse(STATIC / "mark.svg")
