"""Numbered commits of gold's tables: two commits on the same state cannot both stand.

Every commit carries a Delta transaction with the next number. Of two that were made on the same state (the flow's and a rebuild's)
the second is refused; it reads again what stands now. What replaces rows also takes the fence of upkeep and restore.
"""

import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction

from contracts.errors import Terminal, Transient
from lakehouse import files, writer
from lakehouse.positions import Position, Source, commit_properties
from lakehouse.tables import PARTITIONED_BY, SCHEMAS
from lakehouse.upkeep.fence import fence, raised, taking

NUMBER = "gold/commit"
_ATTEMPTS = 20
_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
_PROPERTIES = WriterProperties(compression="ZSTD", compression_level=1)
log = logging.getLogger(__name__)
T = TypeVar("T")


class Refused(Exception):
    """Another commit came first: read the table again."""


class State(NamedTuple):
    """What changes with every commit that moves positions: the numbered ones, and those that take the fence (a restore)."""

    number: int
    fence: int | None


def number(table: DeltaTable) -> int:
    """The number of the newest commit."""
    return table.transaction_version(NUMBER) or 0


def state(table: DeltaTable) -> State:
    """The state as the table was read."""
    return State(number(table), fence(table))


def replace(
    table: DeltaTable, name: str, rows: pa.Table | pa.RecordBatchReader, predicate: str, marks: Mapping[str, int], reached: Mapping[Source, Position]
) -> State:
    """Put rows in the place of those under a predicate on partition columns, as the next numbered commit; the state that it made.

    `marks` are further transactions. Raises Refused where another numbered commit was made since the table was read, Transient where
    the lake does not take it.
    """
    before = state(table)
    how = taking(before.fence, reached, {NUMBER: before.number + 1, **marks})

    def write() -> None:
        writer.fit(table, name)
        given = writer.padded(rows, table) if isinstance(rows, pa.Table) else rows
        write_deltalake(
            table,
            given,
            mode="overwrite",
            predicate=predicate,
            writer_properties=_PROPERTIES,
            commit_properties=how,
            post_commithook_properties=_HOOKS,
        )

    _commit(table, name, write)
    return State(before.number + 1, raised(before.fence))


def append(table: DeltaTable, name: str, rows: pa.Table, reached: Mapping[Source, Position]) -> State:
    """Add rows as the next numbered commit; the state that it made. Raises as `replace` does."""
    before = state(table)
    transactions = [*(commit_properties(reached).app_transactions or []), Transaction(NUMBER, before.number + 1)]
    how, partition_by = CommitProperties(app_transactions=transactions, max_commit_retries=100), PARTITIONED_BY[name]

    def write() -> None:
        added: list[AddAction | RemoveAction] = [*files.write(files.Storage(table), rows.select(SCHEMAS[name].names), partition_by, files.HOT)]
        writer.fit(table, name)
        table.create_write_transaction(added, "append", table.schema(), partition_by, commit_properties=how, post_commithook_properties=_HOOKS)

    _commit(table, name, write)
    return State(before.number + 1, before.fence)


def _commit(table: DeltaTable, name: str, write: Callable[[], None]) -> None:
    try:
        write()
        table.update_incremental()
    except CommitFailedError as error:
        raise Refused(str(error)) from error
    except (DeltaError, OSError) as error:
        text = f"table {name} cannot be written: {error}"
        raise (Terminal if "No space left" in str(error) else Transient)(text) from error


def persistently(table: DeltaTable, name: str, attempt: Callable[[], T]) -> T:
    """Make an attempt on the newest state of the table until no other commit comes first. Raises Terminal after many."""
    for _ in range(_ATTEMPTS):
        table.update_incremental()
        try:
            return attempt()
        except Refused as refused:
            log.info("table %s: another commit came first, folding again (%s)", name, str(refused)[:120])
    raise Terminal(f"table {name}: other writers commit all the time; run one gold flow a Kafka partition")
