"""Keeps the children of one stack alive: start in order of need, restart with backoff, stop in layers.

Must run in the main thread: the kernel ties a child's death signal to the thread that started it.
"""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from contracts.errors import Transient
from voltlake.stack.logs import last_words
from voltlake.stack.service import Service, Standing, State, failures_in_a_row, restart_delay_s

log = logging.getLogger(__name__)

LAUNCH = Path(__file__).with_name("launch.py")
POLL_S = 0.1


class Child:
    """A service and how it stands now."""

    def __init__(self, service: Service, changed: Callable[[], None], log_path: Path) -> None:
        self.service = service
        self.log_path = log_path
        self.was_ready = asyncio.Event()
        self.process: asyncio.subprocess.Process | None = None
        self.started_s = time.monotonic()
        self.log_start = 0
        self.blame = ""
        self.standing = Standing(name=service.name, state="waiting", since=time.time())
        self._changed = changed

    def becomes(self, state: State, exit_code: int | None = None, restarts: int | None = None, said: str = "") -> None:
        """Note a change of state, and tell."""
        before = self.standing
        self.standing = Standing(
            name=before.name,
            state=state,
            since=time.time(),
            pid=self.process.pid if self.process and self.process.returncode is None else None,
            restarts=before.restarts if restarts is None else restarts,
            exit_code=before.exit_code if exit_code is None else exit_code,
            said=said or before.said,
        )
        self._changed()


class Supervisor:
    """`changed` is called with the standings after each change."""

    def __init__(self, services: Iterable[Service], logs: Path, changed: Callable[[list[Standing]], None]) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._tell = changed
        self.children = {one.name: Child(one, self._on_change, logs / f"{one.name}.log") for one in services}
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def standings(self) -> list[Standing]:
        """How all stand now."""
        return [child.standing for child in self.children.values()]

    def start(self) -> None:
        """Start all; returns at once."""
        self._tasks = [asyncio.create_task(self._keep(child), name=name) for name, child in self.children.items()]

    async def failed(self) -> None:
        """Returns never, raises what broke the supervision itself."""
        await asyncio.gather(*self._tasks)

    def restart(self, name: str, why: str) -> None:
        """Kill a service that lives but does not work; it comes back as after any death."""
        child = self.children[name]
        if child.process and child.process.returncode is None:
            log.warning("%s is restarted: %s", name, why)
            child.blame = why
            _signal(child.process, signal.SIGKILL)

    async def stop(self) -> None:
        """Stop all, the highest layer first, each layer at once: SIGTERM, then SIGKILL after the grace."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for layer in sorted({child.service.layer for child in self.children.values()}, reverse=True):
            await asyncio.gather(*(_stop(child) for child in self.children.values() if child.service.layer == layer))

    def kill(self) -> None:
        """End all at once: for the second Ctrl-C."""
        for child in self.children.values():
            if child.process and child.process.returncode is None:
                _signal(child.process, signal.SIGKILL)

    def _on_change(self) -> None:
        self._tell(self.standings())

    async def _keep(self, child: Child) -> None:
        for name in child.service.needs:
            await self.children[name].was_ready.wait()
        failures = restarts = 0
        while True:
            healthy_from = time.monotonic()
            if await self._prepare(child):
                await self._spawn(child, child.service.command, "starting")
                healthy_from = await self._until_ready_or_dead(child) or time.monotonic()
            exit_code = await child.process.wait() if child.process else None
            if child.service.once and exit_code == 0:
                child.was_ready.set()
                return child.becomes("done", exit_code, restarts)
            failures = failures_in_a_row(failures, time.monotonic() - healthy_from)
            restarts += 1
            delay_s = restart_delay_s(failures)
            said, child.blame = child.blame or last_words(child.log_path, child.log_start), ""
            log.warning("%s ended with exit code %s and is started again in %.1f s; last it said: %s", child.service.name, exit_code, delay_s, said)
            child.becomes("restarting", exit_code, restarts, said)
            await asyncio.sleep(delay_s)

    async def _prepare(self, child: Child) -> bool:
        """Run what must be done once before the start; False where that failed."""
        service = child.service
        if not service.prepare or service.prepared is None or service.prepared.exists():
            return True
        await self._spawn(child, service.prepare, "preparing")
        if child.process is None or await child.process.wait() != 0:
            return False
        service.prepared.touch()
        return True

    async def _spawn(self, child: Child, command: tuple[str, ...], state: State) -> None:
        launched = (sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(child.service.nice), *command)
        with child.log_path.open("ab") as output:
            child.log_start = output.tell()
            child.process = await asyncio.create_subprocess_exec(
                *launched, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, env=child.service.environ, start_new_session=True
            )
        child.started_s = time.monotonic()
        child.becomes(state)

    async def _until_ready_or_dead(self, child: Child) -> float | None:
        """The instant (monotonic seconds) at which it was ready, None where it died before."""
        process, ready = child.process, child.service.ready
        while process and process.returncode is None:
            try:
                if ready:
                    await asyncio.to_thread(ready)
            except Transient as missing:
                self._restart_if_late(child, str(missing))
                await asyncio.sleep(POLL_S)
                continue
            if process.returncode is None:
                if not child.service.once:
                    child.was_ready.set()
                    child.becomes("running")
                return time.monotonic()
        return None

    def _restart_if_late(self, child: Child, missing: str) -> None:
        limit_s = child.service.ready_within_s
        if limit_s is not None and time.monotonic() - child.started_s > limit_s:
            child.started_s = time.monotonic()
            self.restart(child.service.name, f"it was not ready within {limit_s:.0f} s: {missing}")


async def _stop(child: Child) -> None:
    process = child.process
    if process and process.returncode is None:
        _signal(process, signal.SIGTERM)
        _signal(process, signal.SIGCONT)  # one that was halted would not hear it
        try:
            await asyncio.wait_for(process.wait(), child.service.grace_s)
        except TimeoutError:
            log.warning("%s did not stop within %.0f s and is killed", child.service.name, child.service.grace_s)
            _signal(process, signal.SIGKILL)
            await process.wait()
    child.becomes("stopped", process.returncode if process else None)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """To the whole group of a child: it leads one of its own."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        log.debug("process %d is gone already", process.pid)
