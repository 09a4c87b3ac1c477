"""From the spool to ingest: reads blocks, keeps several batches under way, and moves the cursor behind what is safe and told."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import NamedTuple

from edge_gateway.acks import Acks
from edge_gateway.batching import Batch, Block, Limits, Progress, plan
from edge_gateway.metrics import Metrics
from edge_gateway.spool import Spool


class Pace(NamedTuple):
    """How much goes out at once: the size of a batch, how many are under way, and how long one waits for company."""

    limits: Limits
    in_flight: int
    linger_s: float


class Delivery:
    """The way out of one spool."""

    def __init__(self, spool: Spool, acks: Acks, deliver: Callable[[Batch], Awaitable[None]], metrics: Metrics, pace: Pace) -> None:
        self._spool = spool
        self._acks = acks
        self._deliver = deliver
        self._metrics = metrics
        self._pace = pace
        self._slots = asyncio.Semaphore(pace.in_flight)
        self._arrived = asyncio.Event()
        self._offset = spool.cursor
        self.progress = Progress()

    @property
    def drained(self) -> bool:
        """True where all that is durable is safe."""
        return self._offset >= self._spool.durable and self.progress.drained

    def arrived(self) -> None:
        """More is durable."""
        self._arrived.set()

    async def run(self) -> None:
        """Deliver until cancelled. What was under way then is read again at the next start."""
        async with asyncio.TaskGroup() as sending:
            while True:
                self._arrived.clear()
                entries, end = self._spool.read(self._offset, self._pace.limits.records * self._pace.in_flight)
                if not entries:
                    await self._arrived.wait()
                    if self._pace.linger_s:
                        await asyncio.sleep(self._pace.linger_s)
                    continue
                batches = plan(entries, self._pace.limits)
                block = self.progress.open(end, len(batches), entries[0].received_at)
                self._offset = end
                for batch in batches:
                    await self._slots.acquire()
                    sending.create_task(self._send(batch, block))

    async def _send(self, batch: Batch, block: Block) -> None:
        started = time.monotonic()
        try:
            await self._deliver(batch)
        finally:
            self._slots.release()
        now = time.monotonic()
        self._acks.safe(batch.entries, now)
        self.progress.safe(block, self._acks.told_at)
        self._metrics.sent.inc(len(batch.entries))
        self._metrics.batch.observe(now - started)

    async def retire(self, executor: Executor) -> None:
        """Move the cursor behind all that is safe and told by now."""
        end = self.progress.retire(self._acks.cycle)
        if end is not None:
            await asyncio.get_running_loop().run_in_executor(executor, self._spool.advance, end)
