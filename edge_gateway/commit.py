"""Group commit: one fdatasync for all that came in while the last one ran, and only then are they acknowledged."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Generic, TypeVar

from contracts.errors import Transient
from edge_gateway import frames
from edge_gateway.frames import Entry
from edge_gateway.spool import Spool

log = logging.getLogger(__name__)

T = TypeVar("T")

_DISK_RETRY_S = 1.0
_FULL_POLL_S = 0.05


class GroupCommit(Generic[T]):
    """Collects entries, each with what acknowledges it, and makes them durable in the executor's thread.

    `durable` is called with the entries and acknowledgements of each commit, in order of arrival, after fdatasync has returned.
    """

    def __init__(
        self,
        spool: Spool,
        executor: Executor,
        durable: Callable[[list[Entry], list[T]], None],
        *,
        wait_s: float,
        eager_records: int,
        backlog_max_bytes: int,
    ) -> None:
        self._spool = spool
        self._executor = executor
        self._durable = durable
        self._wait_s = wait_s
        self._eager_records = eager_records
        self._backlog_max_bytes = backlog_max_bytes
        self._entries: list[Entry] = []
        self._receipts: list[T] = []
        self._arrived = asyncio.Event()
        self._enough = asyncio.Event()
        self._closing = False

    def append(self, entry: Entry, receipt: T) -> None:
        """Take an entry into the next commit; `receipt` comes back through `durable` when it is on disk."""
        self._entries.append(entry)
        self._receipts.append(receipt)
        if len(self._entries) == 1:
            self._arrived.set()
        if len(self._entries) >= self._eager_records:
            self._enough.set()

    async def run(self) -> None:
        """Commit until `close`; what was appended before is committed first."""
        while True:
            await self._arrived.wait()
            if not self._entries:
                return
            if self._wait_s and not self._closing:
                await self._company()
            await self._room()
            await self._commit()

    def close(self) -> None:
        """Let `run` end once all is committed."""
        self._closing = True
        self._arrived.set()
        self._enough.set()

    async def _company(self) -> None:
        alarm = asyncio.get_running_loop().call_later(self._wait_s, self._enough.set)
        await self._enough.wait()
        alarm.cancel()

    async def _room(self) -> None:
        if self._spool.backlog_bytes < self._backlog_max_bytes:
            return
        log.warning(
            "the spool holds %d undelivered bytes, its limit: messages wait unacknowledged until ingest takes some", self._spool.backlog_bytes
        )
        while self._spool.backlog_bytes >= self._backlog_max_bytes:
            await asyncio.sleep(_FULL_POLL_S)
        log.info("the spool has room again")

    async def _commit(self) -> None:
        entries, self._entries = self._entries, []
        receipts, self._receipts = self._receipts, []
        if not self._closing:
            self._arrived.clear()
            self._enough.clear()
        written = [frames.pack(entry) for entry in entries]
        while True:
            try:
                await asyncio.get_running_loop().run_in_executor(self._executor, self._spool.write, written)
                break
            except Transient as broken:
                log.error("%s; nothing is acknowledged until then", broken)
                await asyncio.sleep(_DISK_RETRY_S)
        self._durable(entries, receipts)
