"""API tokens for programs: shown once, kept as digests, with a role and an end."""

import hashlib
import secrets
import time

import msgspec

from contracts.errors import Terminal
from dashboards.accounts.sessions import Visitor
from dashboards.accounts.store import Store
from dashboards.accounts.users import NAME, ROLES

PREFIX = "vlt_"
DAY_MS = 86_400_000


class Token(msgspec.Struct, frozen=True):
    """What is known of a token, without the token."""

    name: str
    role: str
    created_ms: int
    expires_ms: int


def issue(store: Store, name: str, role: str, days: float) -> str:
    """A token of that name, in place of an older one. Raises Terminal for what is not allowed."""
    if not NAME.fullmatch(name):
        raise Terminal(f"{name!r} cannot be a token's name: a to z first, then also 0 to 9 and . _ -, at most 32 characters")
    if role not in ROLES:
        raise Terminal(f"there is no role {role!r}; there are {', '.join(ROLES)}")
    if not 0 < days <= 3660:
        raise Terminal("a token lives more than 0 and at most 3660 days")
    token, now_ms = PREFIX + secrets.token_urlsafe(32), time.time_ns() // 1_000_000
    with store.transaction() as change:
        change.execute("DELETE FROM tokens WHERE name = ?", (name,))
        change.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?)", (_digest(token), name, role, now_ms, now_ms + int(days * DAY_MS)))
    return token


def revoke(store: Store, name: str) -> None:
    """End a token. Raises Terminal where there is none of that name."""
    with store.transaction() as change:
        if not change.execute("DELETE FROM tokens WHERE name = ?", (name,)).rowcount:
            raise Terminal(f"there is no token {name!r}")


def visitor(store: Store, token: str) -> Visitor | None:
    """Whom a token stands for; None where it is unknown or has ended."""
    rows = store.rows("SELECT name, role FROM tokens WHERE digest = ? AND expires_ms > ?", _digest(token), time.time_ns() // 1_000_000)
    return Visitor(f"token:{rows[0][0]}", str(rows[0][1])) if rows else None


def everyone(store: Store) -> list[Token]:
    """All tokens, by name."""
    rows = store.rows("SELECT name, role, created_ms, expires_ms FROM tokens ORDER BY name")
    return [msgspec.convert(dict(zip(Token.__struct_fields__, row, strict=True)), Token) for row in rows]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
