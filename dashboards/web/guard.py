"""Every request passes here first: who asks, whether they may, and the headers that the browser is to heed."""

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Middleware

from contracts.errors import Terminal, Transient
from dashboards.accounts import sessions, tokens
from dashboards.accounts.sessions import Visitor
from dashboards.accounts.users import may
from dashboards.web.reply import refusal

if TYPE_CHECKING:
    from dashboards.accounts.store import Store

log = logging.getLogger(__name__)

COOKIE = "voltlake_session"
CSRF_HEADER = "X-CSRF-Token"
VISITOR = web.RequestKey("visitor", Visitor)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OPEN = ("/health", "/signin", "/static/", "/favicon.ico")
"""What needs no sign-in. Nothing of the fleet is among it."""
SAFE = ("GET", "HEAD")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def guard(store: "Store") -> Middleware:
    """The middleware."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await _answer(store, request, handler)
        except web.HTTPException as error:
            response = refusal(error.status, error.text or error.reason)
            response.headers.update({name: value for name, value in error.headers.items() if name in ("Allow", "Location")})
        except Transient as error:
            response = refusal(503, str(error), {"Retry-After": "2"})
        except Terminal as error:
            response = refusal(422, str(error))
        except Exception:
            log.exception("%s %s broke down", request.method, request.path)
            response = refusal(500, "this server failed at it; its log says why")
        if not response.prepared:
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
        return response

    return guarded


async def _answer(store: "Store", request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path.startswith(OPEN):
        return await handler(request)
    found = identify(store, request)
    if found is None:
        return _unknown(request)
    if request.method not in SAFE and not (sessions.is_genuine(found, request.headers.get(CSRF_HEADER, "")) and is_same_origin(request)):
        return refusal(403, "the request does not carry its session's token; reload the page")
    if found.csrf and request.headers.get("Upgrade", "").lower() == "websocket" and not is_same_origin(request):
        return refusal(403, "a page of another origin cannot use this session; use an API token")
    request[VISITOR] = found
    return await handler(request)


def identify(store: "Store", request: web.Request) -> Visitor | None:
    """By an API token (header, or for browsers' EventSource and WebSocket the query's `access_token`), else by the session's cookie."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return tokens.visitor(store, token.strip())
    if "access_token" in request.query:
        return tokens.visitor(store, request.query["access_token"]) if request.path.startswith("/feed/") else None
    key = request.cookies.get(COOKIE, "")
    return sessions.visitor(store, key) if key else None


def needs(request: web.Request, role: str) -> Visitor:
    """The visitor, if their role is enough. Raises 403."""
    found = request[VISITOR]
    if not may(found.role, role):  # type: ignore[arg-type]
        raise web.HTTPForbidden(text=f"this needs the role {role}; you are {found.role}")
    return found


def is_same_origin(request: web.Request) -> bool:
    """Whether the page that asks was served from here: by its Origin, where the browser tells one."""
    origin = request.headers.get("Origin")
    return origin is None or origin.partition("://")[2] == request.host


def _unknown(request: web.Request) -> web.StreamResponse:
    if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
        wanted = request.rel_url.raw_path_qs
        return web.Response(status=303, headers={"Location": "/signin" if wanted == "/" else f"/signin?next={quote(wanted, safe='/')}"})
    return refusal(401, "sign in, or send an API token as 'Authorization: Bearer …'", {"WWW-Authenticate": "Bearer"})
