"""Sessions of browsers: a random key in a cookie, its digest in the store, so that they outlive a restart and a stolen file opens nothing."""

import hashlib
import hmac
import secrets
import time

import msgspec

from dashboards.accounts.store import Store

IDLE_MS = 12 * 3600 * 1000
LONGEST_MS = 7 * 24 * 3600 * 1000
_NOTED_EVERY_MS = 60_000


class Visitor(msgspec.Struct, frozen=True):
    """Who asks. `csrf` is empty for an API token, which no browser sends by itself."""

    name: str
    role: str
    csrf: str = ""


def begin(store: Store, user: str) -> str:
    """A session for a user; returns the key for its cookie."""
    key, now_ms = secrets.token_urlsafe(32), _now_ms()
    with store.transaction() as change:
        change.execute("DELETE FROM sessions WHERE seen_ms < ? OR created_ms < ?", (now_ms - IDLE_MS, now_ms - LONGEST_MS))
        change.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", (_digest(key), user, secrets.token_urlsafe(24), now_ms, now_ms))
    return key


def visitor(store: Store, key: str) -> Visitor | None:
    """Who the cookie stands for; None where its session ended or its user may not sign in any more."""
    asked = """SELECT users.name, users.role, sessions.csrf, sessions.created_ms, sessions.seen_ms FROM sessions
        JOIN users ON users.name = sessions.user WHERE sessions.digest = ? AND users.disabled = 0"""
    rows = store.rows(asked, _digest(key))
    if not rows:
        return None
    name, role, csrf, created_ms, seen_ms = rows[0]
    now_ms = _now_ms()
    if now_ms - int(str(seen_ms)) > IDLE_MS or now_ms - int(str(created_ms)) > LONGEST_MS:
        end(store, key)
        return None
    if now_ms - int(str(seen_ms)) > _NOTED_EVERY_MS:
        with store.transaction() as change:
            change.execute("UPDATE sessions SET seen_ms = ? WHERE digest = ?", (now_ms, _digest(key)))
    return Visitor(str(name), str(role), str(csrf))


def end(store: Store, key: str) -> None:
    """Sign out."""
    with store.transaction() as change:
        change.execute("DELETE FROM sessions WHERE digest = ?", (_digest(key),))


def is_genuine(visitor: Visitor, sent: str) -> bool:
    """Whether a request that changes something carries its session's token against forgery."""
    return not visitor.csrf or hmac.compare_digest(visitor.csrf, sent)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
