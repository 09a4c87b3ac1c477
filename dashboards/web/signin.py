"""Signing in and out: a plain form, which works without scripts."""

import asyncio
import logging
import time
from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from dashboards.accounts import acts, sessions, users
from dashboards.accounts.limits import SignInLimit
from dashboards.web.guard import COOKIE, VISITOR, is_same_origin

if TYPE_CHECKING:
    from dashboards.accounts.store import Store
    from dashboards.metrics import Metrics

log = logging.getLogger(__name__)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>Sign in · voltlake</title>
<link rel="stylesheet" href="/static/css/base.css"><link rel="icon" href="/static/mark.svg">
<script src="/static/theme.js"></script></head>
<body class="signin"><main class="signin-card">
<h1><img src="/static/mark.svg" alt="" width="28" height="28"> voltlake</h1>
<p class="note">{note}</p>
<form method="post" action="/signin">
<input type="hidden" name="next" value="{wanted}">
<label for="name">Name</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus value="{name}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
{fault}<button class="button primary" type="submit">Sign in</button>
</form></main></body></html>"""
NONE_YET = "There is no account yet. On the server: voltlake users add NAME --role operator"
WRONG = "That name and password do not belong together."


class SignIn:
    """The two routes and their memory of failures."""

    def __init__(self, store: "Store", metrics: "Metrics", secure: bool) -> None:
        """`secure`: the cookie travels over HTTPS only."""
        self._store = store
        self._metrics = metrics
        self._secure = secure
        self._limit = SignInLimit()
        self._checking = asyncio.Semaphore(2)  # a check takes 64 MiB: a flood of tries must not take the machine's memory

    async def page(self, request: web.Request) -> web.Response:
        """The form."""
        return self._form(request.query.get("next", "/"))

    async def enter(self, request: web.Request) -> web.Response:
        """Check name and password; a cookie and on to where they wanted to go."""
        given = await request.post()
        name, password, wanted = (str(given.get(field, "")) for field in ("name", "password", "next"))
        if not is_same_origin(request):
            return self._form(wanted, name, "The form was sent from another page.", 403)
        keys = (f"from {request.remote}", f"name {name}")
        wait_s = self._limit.wait_s(keys, time.monotonic())
        if wait_s:
            self._metrics.signins.labels("too often").inc()
            refused = self._form(
                wanted, name, f"Too many tries. Wait {wait_s / 60:.0f} min." if wait_s > 90 else f"Too many tries. Wait {wait_s:.0f} s.", 429
            )
            refused.headers["Retry-After"] = str(round(wait_s) + 1)
            return refused
        async with self._checking:
            user = await asyncio.to_thread(users.check, self._store, name, password)
        if user is None:
            self._limit.failed(keys, time.monotonic())
            self._metrics.signins.labels("wrong").inc()
            log.warning("a sign-in from %s failed", request.remote)
            return self._form(wanted, name, WRONG, 403)
        self._limit.succeeded(keys)
        self._metrics.signins.labels("right").inc()
        acts.record(self._store, user.name, "signed in", user.name, str(request.remote))
        response = web.Response(status=303, headers={"Location": _own(wanted)})
        response.set_cookie(COOKIE, sessions.begin(self._store, user.name), httponly=True, samesite="Lax", secure=self._secure, path="/")
        return response

    async def leave(self, request: web.Request) -> web.Response:
        """End the session."""
        sessions.end(self._store, request.cookies.get(COOKIE, ""))
        acts.record(self._store, request[VISITOR].name, "signed out", request[VISITOR].name)
        response = web.Response(status=204, headers={"Clear-Site-Data": '"cache"'})
        response.del_cookie(COOKIE, path="/")
        return response

    def _form(self, wanted: str, name: str = "", fault: str = "", status: int = 200) -> web.Response:
        note = "Sign in to see the fleet." if users.everyone(self._store) else NONE_YET
        shown = f'<p class="fault" role="alert">{escape(fault)}</p>' if fault else ""
        text = _PAGE.format(note=escape(note), wanted=escape(_own(wanted)), name=escape(name), fault=shown)
        return web.Response(text=text, content_type="text/html", status=status, headers={"Cache-Control": "no-store"})


def _own(wanted: str) -> str:
    """A path of this server, and nothing else."""
    return wanted if wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and "\n" not in wanted else "/"
