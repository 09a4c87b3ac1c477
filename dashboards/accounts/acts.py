"""The record of what people did: only added to, each entry sealed with the one before, so that a gap or a change shows."""

import hashlib
import time

import msgspec

from dashboards.accounts.store import Store

_FIRST = "0" * 64


class Act(msgspec.Struct, frozen=True):
    """One entry. `subject`: what was acted on, as an alert's id or a user; `detail`: JSON or words."""

    number: int
    at_ms: int
    who: str
    act: str
    subject: str
    detail: str
    chain: str


def record(store: Store, who: str, act: str, subject: str, detail: str = "") -> None:
    """Add an entry; it is on disk when this returns."""
    at_ms = time.time_ns() // 1_000_000
    with store.transaction() as change:
        last = change.execute("SELECT chain FROM acts ORDER BY number DESC LIMIT 1").fetchone()
        chain = _seal(last[0] if last else _FIRST, at_ms, who, act, subject, detail)
        change.execute(
            "INSERT INTO acts (at_ms, who, act, subject, detail, chain) VALUES (?, ?, ?, ?, ?, ?)", (at_ms, who, act, subject, detail, chain)
        )


def newest(store: Store, limit: int = 200, subject: str = "") -> list[Act]:
    """The newest entries, of one subject or of all."""
    asked = "SELECT number, at_ms, who, act, subject, detail, chain FROM acts WHERE ? IN ('', subject) ORDER BY number DESC LIMIT ?"
    return [_act(row) for row in store.rows(asked, subject, limit)]


def broken_at(store: Store) -> int | None:
    """The number of the first entry that is not as it was written or lacks the one before it; None where all are whole."""
    chain, number = _FIRST, 0
    for row in store.rows("SELECT number, at_ms, who, act, subject, detail, chain FROM acts ORDER BY number"):
        entry = _act(row)
        chain, number = _seal(chain, entry.at_ms, entry.who, entry.act, entry.subject, entry.detail), number + 1
        if entry.chain != chain or entry.number != number:
            return entry.number
    return None


def _act(row: tuple[object, ...]) -> Act:
    return msgspec.convert(dict(zip(Act.__struct_fields__, row, strict=True)), Act)


def _seal(before: str, *parts: object) -> str:
    return hashlib.sha256(msgspec.json.encode([before, *parts])).hexdigest()
