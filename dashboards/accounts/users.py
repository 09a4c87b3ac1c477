"""Users and their passwords, hashed with Argon2id at the second recommended setting of RFC 9106 (64 MiB)."""

import re
import secrets
import time
from typing import Literal, get_args

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from contracts.errors import Terminal
from dashboards.accounts.store import Store

Role = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may: look; act on alerts; see who did what."""

NAME = re.compile(r"[a-z][a-z0-9._-]{0,31}")
LEAST_LENGTH = 12
MOST_LENGTH = 256
_HASHER = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)
_NOBODY = _HASHER.hash(secrets.token_hex(8))


class User(msgspec.Struct, frozen=True):
    """A person who may sign in."""

    name: str
    role: Role
    created_ms: int
    disabled: bool


def may(role: str, needed: Role) -> bool:
    """Whether a role is enough."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed)


def put(store: Store, name: str, password: str, role: str) -> None:
    """Add a user, or give a known one this password and role and end its sessions. Raises Terminal for what is not allowed."""
    if not NAME.fullmatch(name):
        raise Terminal(f"{name!r} cannot be a user's name: a to z first, then also 0 to 9 and . _ -, at most 32 characters")
    if role not in ROLES:
        raise Terminal(f"there is no role {role!r}; there are {', '.join(ROLES)}")
    if not LEAST_LENGTH <= len(password) <= MOST_LENGTH:
        raise Terminal(f"a password has {LEAST_LENGTH} to {MOST_LENGTH} characters")
    hashed = _HASHER.hash(password)
    with store.transaction() as change:
        change.execute("DELETE FROM sessions WHERE user = ?", (name,))
        change.execute(
            "INSERT INTO users VALUES (?, ?, ?, ?, 0) ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, role = excluded.role, disabled = 0",
            (name, role, hashed, _now_ms()),
        )


def disable(store: Store, name: str) -> None:
    """Let a user sign in no more, and end its sessions. Raises Terminal where there is none."""
    with store.transaction() as change:
        if not change.execute("UPDATE users SET disabled = 1 WHERE name = ?", (name,)).rowcount:
            raise Terminal(f"there is no user {name!r}")
        change.execute("DELETE FROM sessions WHERE user = ?", (name,))


def everyone(store: Store) -> list[User]:
    """All users, by name."""
    rows = store.rows("SELECT name, role, created_ms, disabled FROM users ORDER BY name")
    return [msgspec.convert(row, User, strict=False) for row in [dict(zip(User.__struct_fields__, row, strict=True)) for row in rows]]


def check(store: Store, name: str, password: str) -> User | None:
    """The user of that name and password, or None. Takes as long for a name that nobody has. CPU-bound: some 50 ms."""
    rows = store.rows("SELECT name, role, created_ms, disabled, hash FROM users WHERE name = ?", name)
    hashed = str(rows[0][4]) if rows else _NOBODY
    try:
        _HASHER.verify(hashed, password[: MOST_LENGTH + 1])
    except (VerificationError, InvalidHashError):
        return None
    if not rows or rows[0][3]:
        return None
    if _HASHER.check_needs_rehash(hashed):
        with store.transaction() as change:
            change.execute("UPDATE users SET hash = ? WHERE name = ?", (_HASHER.hash(password), name))
    return msgspec.convert(dict(zip(User.__struct_fields__, rows[0], strict=False)), User, strict=False)


def generated() -> str:
    """A password of 100 bits that can be read aloud: five groups of four letters and digits."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(5))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
