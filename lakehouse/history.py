"""What happened to a table, how it was at an earlier instant, and bringing that back.

Versions to go back to are those whose log still stands: every one of the last minutes, then one an hour for a week
(`lakehouse.upkeep.log`).
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError

from contracts.errors import Terminal, Transient
from lakehouse.files import Storage
from lakehouse.positions import START, Source, position
from lakehouse.reader import address, exists, open_table
from lakehouse.tables import BRONZE_OF
from lakehouse.tail import sources
from lakehouse.upkeep.fence import fenced
from lakehouse.upkeep.log import entries

NOT_RESTORED = {
    "silver.seen": "it is made again from silver by itself",
    "state.live": "the live flow would repeat its effects; delete the table to let it start anew",
    "state.alerts": "it belongs to the newest state.live; delete both tables to let the live flow start anew",
    "silver.quarantine": "it is written before silver and follows silver's positions: restore a silver table instead",
}

OWN_MARKS = ("gold/dim_vehicle",)
"""Other numbers beside positions that say what a table has taken in: the version of the dimension behind a fact's keys."""


class Version(msgspec.Struct, frozen=True):
    """A version of a table: when it was made, by what, and what that did."""

    version: int
    at: datetime
    operation: str
    facts: dict[str, Any]
    reachable: bool


def history(lake: str, name: str, limit: int = 50) -> list[Version]:
    """The newest versions that the log still tells of, newest first, then those kept to go back to."""
    table = open_table(lake, name)
    try:
        told = table.history(limit)
    except (DeltaError, OSError) as error:
        raise Transient(f"the history of table {name} in the lake {lake} cannot be read: {error}") from error
    kept = reachable(table)
    found = [
        Version(
            entry["version"],
            datetime.fromtimestamp(entry["timestamp"] / 1000, UTC),
            str(entry.get("operation", "")),
            dict(entry.get("operationMetrics") or {}),
            entry["version"] in kept,
        )
        for entry in told
    ]
    known = {version.version for version in found}
    oldest = min(known, default=0)
    older = [Version(number, at, "kept", {}, reachable=True) for number, at in kept.items() if number < oldest]
    return found + sorted(older, key=lambda version: -version.version)[: max(limit - len(found), 0)]


def reachable(table: DeltaTable) -> dict[int, datetime]:
    """The versions that can be gone back to, with the time of each: a checkpoint, and those whose entries follow one without a gap."""
    log = entries(Storage(table))
    checkpoints = {entry.version for entry in log if entry.is_checkpoint}
    written = {entry.version: datetime.fromtimestamp(entry.written_s, UTC) for entry in log if entry.path.endswith(".json")}
    found: dict[int, datetime] = {}
    for version in sorted(written):
        if version in checkpoints or version == 0 or version - 1 in found:
            found[version] = written[version]
    return found


def at(lake: str, name: str, when: str) -> DeltaTable:
    """A table as it was: `when` is a version, or an instant in ISO 8601 (UTC where it names no zone). Raises Terminal where there is none."""
    table = open_table(lake, name)
    version = resolve(table, name, when)
    try:
        return DeltaTable(address(lake, name), version=version)
    except (DeltaError, OSError) as error:
        raise Transient(f"version {version} of table {name} in the lake {lake} cannot be read: {error}") from error


def resolve(table: DeltaTable, name: str, when: str) -> int:
    """The newest version at `when` that can be gone back to."""
    kept = reachable(table)
    if when.isdigit():
        if int(when) in kept:
            return int(when)
        near = ", ".join(str(version) for version in sorted(kept)[-5:])
        raise Terminal(f"version {when} of table {name} is not kept; 'voltlake lakehouse history {name}' lists those that are, lately {near}")
    try:
        instant = datetime.fromisoformat(when)
    except ValueError:
        raise Terminal(f"{when!r} is neither a version nor an instant; an instant looks like 2026-01-31T12:00:00Z") from None
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    before = [version for version, made in kept.items() if made <= instant]
    if not before:
        since = min(kept.values(), default=None)
        raise Terminal(f"table {name} has no version of {instant.isoformat()}" + (f"; the oldest is of {since.isoformat()}" if since else ""))
    return max(before)


def restore(lake: str, name: str, when: str) -> tuple[int, int]:
    """Make a table what it was, its positions included; the version gone back to, and the new one.

    The flow that writes it stops with a conflict, starts again at the positions of then, and writes what came since once more.
    Raises Terminal where this table cannot be restored.
    """
    if name in NOT_RESTORED:
        raise Terminal(f"table {name} is not restored: {NOT_RESTORED[name]}")
    then, table = at(lake, name, when), open_table(lake, name)
    if then.version() == table.version():
        raise Terminal(f"table {name} is at version {table.version()} already")
    positions = {place: position(then, place) for place in _sources(lake) if position(table, place) != START}
    marks = {mark: then.transaction_version(mark) or 0 for mark in OWN_MARKS if table.transaction_version(mark) is not None}
    try:
        table.restore(then.version(), commit_properties=fenced(table, positions, marks))
        table.update_incremental()
    except CommitFailedError as error:
        raise Transient(f"table {name} was written meanwhile ({error}); try again") from error
    except (DeltaError, OSError) as error:
        raise Transient(f"table {name} in the lake {lake} cannot be restored: {error}") from error
    return then.version(), table.version()


def _sources(lake: str) -> set[Source]:
    """All sources that the lake has rows of."""
    return {source for name in BRONZE_OF.values() if exists(lake, name) for source in sources(open_table(lake, name))}
