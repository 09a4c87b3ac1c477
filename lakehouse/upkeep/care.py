"""One round of upkeep of one table: what is due, in the order in which it helps."""

import logging
import time
from datetime import timedelta

import msgspec
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError

from contracts.errors import Transient
from lakehouse.files import Storage
from lakehouse.positions import Source, beyond, position, sources_of
from lakehouse.reader import dataset, exists, open_table
from lakehouse.tables import BRONZE_OF, PARTITIONED_BY, SILVER_OF
from lakehouse.upkeep.compaction import held, jobs, merge, today
from lakehouse.upkeep.fence import fenced
from lakehouse.upkeep.log import entries, milestones, shorten
from lakehouse.upkeep.policy import Policy, policy

log = logging.getLogger(__name__)

PROPERTIES = {"delta.deletedFileRetentionDuration": "interval 2 hours"}
"""How long the log names removed files: each checkpoint carries them all."""
VACUUM_H = 2
"""A removed file is read by who looked before, for at most so long."""
_ROUNDS = 4


class Done(msgspec.Struct, kw_only=True):
    """What a round did: files saved by merging, days removed, files of the log removed, files vacuumed, conflicts that put a merge off."""

    table: str
    merged: int = 0
    expired: int = 0
    shortened: int = 0
    vacuumed: int = 0
    conflicts: int = 0


def care(lake: str, name: str, *, vacuum: bool = False) -> Done | None:
    """Look after one table; None where it is not there yet. Raises Transient where the lake does not answer.

    Nobody has to stop for it: a reader keeps the files it saw, a writer's commit and this one's pass each other by.
    """
    if not exists(lake, name):
        return None
    how, done = policy(name), Done(table=name)
    try:
        table = open_table(lake, name)
        if any(table.metadata().configuration.get(key) != value for key, value in PROPERTIES.items()):
            table.alter.set_table_properties(PROPERTIES)
        _compact(lake, name, how, done)
        _expire(lake, open_table(lake, name), how, done)
        done.shortened = shorten(open_table(lake, name), how)
        if vacuum:
            done.vacuumed = _vacuum(open_table(lake, name), how)
    except (DeltaError, OSError) as error:
        raise Transient(f"upkeep of {name} in the lake {lake}: {error}") from error
    return done


def _compact(lake: str, name: str, how: Policy, done: Done) -> None:
    for _ in range(_ROUNDS if how.compact != "never" else 0):
        table = open_table(lake, name)
        files = held(table, how.sort)
        wanted = list(jobs(files, how, today()))
        for job in wanted:
            try:
                if how.compact == "library":
                    metrics = table.optimize.compact(partition_filters=[(key, "=", value or "") for key, value in job.files[0].partition])
                    done.merged += metrics["numFilesRemoved"] - metrics["numFilesAdded"]
                else:
                    done.merged += merge(table, name, job, how.sort)
            except CommitFailedError as error:
                done.conflicts += 1
                log.info("%s: a merge is put off: %s", name, error)
            table = open_table(lake, name)
        if not wanted:
            return


def _expire(lake: str, table: DeltaTable, how: Policy, done: Done) -> None:
    if how.keep_days is None or not how.day:
        return
    oldest = (today() - timedelta(days=how.keep_days)).strftime("%Y-%m-%d")
    days = {dict(file.partition).get(how.day) for file in held(table, ())}
    if any(day is not None and day < oldest for day in days) and _is_taken(lake, table, done.table, ds.field(how.day) < oldest):
        removed = table.delete(f"{how.day} < '{oldest}'", commit_properties=fenced(table))
        done.expired = removed["num_removed_files"]


def _is_taken(lake: str, bronze: DeltaTable, name: str, past: ds.Expression) -> bool:
    """Whether silver has read what is past its time in a bronze table: simulated history may be so when it comes."""
    kind = next((kind for kind, table in BRONZE_OF.items() if table == name), None)
    if kind is None or not exists(lake, SILVER_OF[kind]):
        return kind is None
    silver = open_table(lake, SILVER_OF[kind])
    for batch in dataset(bronze).to_batches(columns=[*Source._fields, "offset"], filter=past):
        rows = pa.Table.from_batches([batch])
        if beyond(rows, {source: position(silver, source) for source in sources_of(rows)}).num_rows:
            return False
    return True


def _vacuum(table: DeltaTable, how: Policy) -> int:
    """Remove files that neither the table nor a version to travel back to needs."""
    kept = sorted(milestones(entries(Storage(table)), how, time.time()))
    return len(table.vacuum(VACUUM_H, dry_run=False, enforce_retention_duration=False, full=True, keep_versions=kept))


def tables() -> list[str]:
    """All that upkeep looks after."""
    return list(PARTITIONED_BY)
