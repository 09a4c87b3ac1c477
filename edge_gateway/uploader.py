"""Delivers a batch, whatever it takes: retries what may pass, bisects what is refused, and turns a refused record into a rejection."""

import logging
import time
from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_exponential_jitter

from contracts.topics import REJECTED
from edge_gateway.batching import Batch, body
from edge_gateway.frames import Entry
from edge_gateway.produce import Later, Refused
from edge_gateway.reception import Station, rejection

log = logging.getLogger(__name__)

Post = Callable[[str, bytes, int], Awaitable[Refused | None]]
"""`(topic, body, records)`: None when all is acknowledged, Refused for content; raises Later."""

_LOG_EVERY_S = 10.0
_backoff = wait_exponential_jitter(initial=0.2, max=15, jitter=0.5)


class Uploader:
    """Deliveries to one ingest; several may be under way. It never gives up and never drops."""

    def __init__(self, station: Station, post: Post, rejected: Callable[[str], None], failed: Callable[[str], None]) -> None:
        """`rejected(reason)` counts a refused record, `failed(kind)` an attempt that has to be repeated."""
        self._station = station
        self._post = post
        self._rejected = rejected
        self._failed = failed
        self._down_since: float | None = None
        self._logged_at = 0.0
        self._refused_at = -_LOG_EVERY_S

    async def deliver(self, batch: Batch) -> None:
        """Returns when each record of the batch is acknowledged by Kafka, or a rejection in its place is."""
        parts = [batch]
        while parts:
            part = parts.pop()
            refused = await self._send(part)
            if refused is None:
                continue
            if refused.records is not None:
                for at in refused.records:
                    await self._reject(part.entries[at], refused)
            elif len(part.entries) == 1:
                await self._reject(part.entries[0], refused)
            else:
                half = len(part.entries) // 2
                parts += [Batch(part.topic, part.entries[half:]), Batch(part.topic, part.entries[:half])]

    async def _reject(self, entry: Entry, refused: Refused) -> None:
        """Deliver the rejection of one record. Where that is refused too, the setup is wrong: wait for a person, keep the record."""
        if entry.topic == REJECTED:
            note = entry
        else:
            self._show_refusal(entry, refused)
            note = rejection(self._station, entry, entry.record, "refused", f"status {refused.status}: {refused.detail}")
        await self._send(Batch(REJECTED, [note]), insist=True)
        self._rejected("refused")

    async def _send(self, batch: Batch, *, insist: bool = False) -> Refused | None:
        """One request, repeated until it is answered for good. With `insist` a refusal is repeated as well."""
        content = body(batch.entries)
        retrying = AsyncRetrying(wait=_wait_s, retry=retry_if_exception_type(Later), before_sleep=self._show, reraise=True)
        async for attempt in retrying:
            with attempt:
                refused = await self._post(batch.topic, content, len(batch.entries))
                if refused is not None and insist:
                    raise Later(f"even the rejection of a record is refused with {refused.status}: {refused.detail}", mine=True)
        self._recovered()
        return refused

    def _show_refusal(self, entry: Entry, refused: Refused) -> None:
        """Say that a record becomes a rejection, but not for each of a flood."""
        now = time.monotonic()
        if now - self._refused_at >= _LOG_EVERY_S:
            self._refused_at = now
            log.warning("a %s record of %s becomes a rejection: %d %s", entry.kind, entry.vehicle_id, refused.status, refused.detail)

    def _show(self, state: RetryCallState) -> None:
        """Say that ingest is away, but not for each of the batches under way."""
        error = state.outcome.exception() if state.outcome is not None else None
        assert isinstance(error, Later)
        self._failed("setup" if error.mine else "unavailable")
        now = time.monotonic()
        if self._down_since is None:
            self._down_since = now
        elif now - self._logged_at < _LOG_EVERY_S:
            return
        self._logged_at = now
        log.log(logging.ERROR if error.mine else logging.WARNING, "%s; the spool keeps it, trying again", error)

    def _recovered(self) -> None:
        if self._down_since is not None:
            log.info("ingest takes records again after %.1f s", time.monotonic() - self._down_since)
            self._down_since = None


def _wait_s(state: RetryCallState) -> float:
    """Exponential with jitter, and never sooner than Retry-After asks."""
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.after_s if isinstance(error, Later) else None
    return max(_backoff(state), asked or 0.0)
