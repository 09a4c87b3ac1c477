"""A short log: checkpoints often, few entries behind them, and one version an hour to travel back to.

Every commit and every look at a table lists the log's folder, so its length is paid for by everyone, all the time. Entries behind
the newest checkpoint are removed after some minutes; a follower that is slower finds its place again by its positions
(`lakehouse.tail`). Of each hour one checkpoint stays with its entry: a version that `--as-of` and `restore` can go to.
"""

import re
import time
from typing import NamedTuple

from deltalake import DeltaTable
from pyarrow.fs import FileSelector

from lakehouse.files import Storage
from lakehouse.upkeep.policy import Policy

_ENTRY = re.compile(r"(\d{20})\.(json|crc|checkpoint\..*parquet|compacted\.json)$")
_HOUR_S = 3600


class Entry(NamedTuple):
    """A file of the log."""

    version: int
    path: str
    written_s: float
    is_checkpoint: bool


def entries(storage: Storage) -> list[Entry]:
    """The files of the log that belong to a version, oldest first."""
    found = []
    for info in storage.reading.get_file_info(FileSelector("_delta_log", allow_not_found=True)):
        named = _ENTRY.search(info.path)
        if named:
            found.append(Entry(int(named[1]), info.path, (info.mtime_ns or 0) / 1e9, named[2].startswith("checkpoint")))
    return sorted(found)


def milestones(log: list[Entry], policy: Policy, now_s: float) -> set[int]:
    """The versions to keep: of each hour of the history the first checkpoint, and the newest checkpoint."""
    checkpoints = [entry for entry in log if entry.is_checkpoint]
    first_of: dict[int, int] = {}
    for entry in checkpoints:
        if entry.written_s >= now_s - policy.history_h * _HOUR_S:
            first_of.setdefault(int(entry.written_s // _HOUR_S), entry.version)
    return {*first_of.values(), *(entry.version for entry in checkpoints[-1:])}


def shorten(table: DeltaTable, policy: Policy) -> int:
    """Write a checkpoint where there is something new, remove what nobody needs any more; the number of files removed."""
    storage = Storage(table)
    log = entries(storage)
    newest = max((entry.version for entry in log if entry.is_checkpoint), default=-1)
    if table.version() > newest:
        table.create_checkpoint()
        log = entries(storage)
        newest = max(entry.version for entry in log if entry.is_checkpoint)
    now_s = time.time()
    keep = milestones(log, policy, now_s)
    # Young entries stay for those who follow the table; everything from the newest checkpoint on is the table itself.
    old = [entry for entry in log if entry.version < newest and entry.version not in keep and entry.written_s < now_s - policy.log_minutes * 60]
    for entry in old:
        storage.remove(entry.path)
    return len(old)
