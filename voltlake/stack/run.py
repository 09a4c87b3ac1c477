"""The supervisor process of a stack: from options to a clean stop. What `voltlake up` runs in the foreground."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable

import msgspec

from contracts.errors import Terminal
from voltlake.settings import Surroundings
from voltlake.stack import locking, record
from voltlake.stack.composition import Options, Stack, check_disk, compose
from voltlake.stack.layout import Layout
from voltlake.stack.logs import rotate
from voltlake.stack.mirror_watch import watch
from voltlake.stack.service import Standing
from voltlake.stack.supervisor import Supervisor

log = logging.getLogger(__name__)

UPKEEP_S = 15.0
ORDERLY_EXITS = (0, 128 + signal.SIGTERM)
"""Of a Java program that was asked to end."""


def run(options: Options, around: Surroundings, say: Callable[[str], None]) -> None:
    """Start everything in `options.data` and keep it alive until SIGINT or SIGTERM; then stop it all.

    Raises Terminal where a stack runs there already or something is missing.
    """
    data = options.data.resolve()
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = locking.take(Layout(data).lock)
    if lock is None:
        raise Terminal(
            f"a stack runs in {data} already (process {locking.holder(Layout(data).lock)}): 'voltlake status' shows it, 'voltlake down' stops it"
        )
    try:
        stack = compose(options, around, say)
        asyncio.run(_supervise(stack, say))
    finally:
        lock.release()


async def _supervise(stack: Stack, say: Callable[[str], None]) -> None:
    book = _Book(stack, say)
    supervisor = Supervisor(stack.services, stack.plan.layout.logs, book.note)
    book.note(supervisor.standings())
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if told.is_set():
            supervisor.kill()
        told.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, on_signal)
    supervisor.start()
    duties = [
        asyncio.create_task(supervisor.failed()),
        asyncio.create_task(_upkeep(stack)),
        asyncio.create_task(
            watch(stack.plan, lambda: supervisor.children["mirror"].standing.state == "running", lambda why: supervisor.restart("mirror", why))
        ),
    ]
    waiting = asyncio.create_task(told.wait())
    await asyncio.wait([waiting, *duties], return_when=asyncio.FIRST_COMPLETED)
    say("stopping")
    for duty in [waiting, *duties[1:]]:
        duty.cancel()
    await supervisor.stop()
    stack.java.keep_archives({one.name for one in supervisor.standings() if one.exit_code in ORDERLY_EXITS})
    outcomes = await asyncio.gather(waiting, *duties, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


async def _upkeep(stack: Stack) -> None:
    """Bound the logs and watch the disk."""
    while True:
        await asyncio.sleep(UPKEEP_S)
        for path in stack.plan.layout.logs.glob("*.log"):
            rotate(path)
        try:
            check_disk(stack.plan.data)
        except Terminal as full:
            log.error("%s", full)


class _Book:
    """Keeps `stack.json` true, and says what changes."""

    def __init__(self, stack: Stack, say: Callable[[str], None]) -> None:
        self._say = say
        self._states: dict[str, str] = {}
        self._record = record.Record(plan=stack.plan, supervisor=os.getpid(), started_ts=time.time(), chosen=stack.programs.described(), processes=[])

    def note(self, standings: list[Standing]) -> None:
        """After each change of a standing."""
        passed_s = time.time() - self._record.started_ts
        for one in standings:
            if one.state != self._states.get(one.name) and one.state in ("running", "done"):
                self._say(f"{one.name} {one.state} after {passed_s:.1f} s")
            self._states[one.name] = one.state
        ready = self._record.ready_ts
        if ready is None and all(one.state in ("running", "done") for one in standings if one.name != "features"):
            ready = time.time()
            self._say(f"everything runs after {passed_s:.1f} s; the dashboard is at {self._record.plan.dashboard_url}")
        self._record = msgspec.structs.replace(self._record, processes=standings, ready_ts=ready)
        record.write(self._record)
