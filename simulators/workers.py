"""A fleet spread over several processes of this machine: each has its part of the vehicles, and what they measured becomes one."""

import logging
import multiprocessing
import multiprocessing.connection as connections
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec

from contracts.errors import Broken, Terminal, Transient
from simulators.fleet_source import vehicles
from simulators.measured import Measured, Summary, total
from simulators.registry import write_registry
from simulators.run import measure, never, now_ms, planned, write_labels
from simulators.settings import FleetSettings, check

log = logging.getLogger("simulators.workers")


READY, STOP = "ready", "stop"
GATHERING_MS = 200
"""How long before the common start the workers hear of it."""


class Failed(msgspec.Struct, frozen=True):
    """A worker's last word where it could not run."""

    text: str
    may_pass: bool


def measure_all(
    settings: FleetSettings, workers: int = 1, stop: Callable[[], bool] = never, progress: Callable[[Summary], None] | None = None
) -> list[Measured]:
    """Run the fleet (or the part of it that the settings name) in so many processes; what each of them measured.

    Raises Terminal and Transient as `run.simulate`. One worker runs in this process.
    """
    if workers < 1:
        raise Terminal(f"{workers} workers cannot simulate anything; give at least 1")
    parts = [part(settings, at, workers) for at in range(workers)]
    for one in parts:
        check(one)
    if workers == 1:
        return [measure(settings, stop, progress)]
    plan = planned(settings)
    if settings.registry:
        write_registry(Path(settings.registry), vehicles(plan))

    def begin(start_ms: int) -> None:
        if settings.labels:
            write_labels(plan, start_ms, Path(settings.labels))

    spawn = multiprocessing.get_context("spawn")
    running: list[tuple[BaseProcess, Connection]] = []
    try:
        for one in parts:
            ours, theirs = spawn.Pipe()
            process: BaseProcess = spawn.Process(target=_work, args=(one, theirs), name=f"simulator-{one.part}", daemon=True)
            process.start()
            theirs.close()
            running.append((process, ours))
        return _listen([pipe for _, pipe in running], stop, progress, begin)
    finally:
        for process, pipe in running:
            pipe.close()
            process.join(5.0)
            if process.is_alive():
                process.kill()
                process.join()


def part(settings: FleetSettings, at: int, workers: int) -> FleetSettings:
    """The settings of one worker: its share of the vehicles and its own ledger; master data and labels are written for all at once."""
    if workers == 1:
        return settings
    return msgspec.structs.replace(
        settings,
        part=settings.part * workers + at,
        parts=settings.parts * workers,
        connect_rate=settings.connect_rate / workers,
        ledger=str(Path(settings.ledger) / f"worker-{at}") if settings.ledger else "",
        registry="",
        labels="",
        metrics_port=settings.metrics_port + at if settings.metrics_port else 0,
    )


def _listen(
    pipes: list[Connection], stop: Callable[[], bool], progress: Callable[[Summary], None] | None, begin: Callable[[int], None]
) -> list[Measured]:
    """Hear all workers to their end; let them start at one instant, which `begin` hears, and tell them when to stop."""
    latest: dict[Connection, Summary] = {}
    done: dict[Connection, Measured] = {}
    ready: set[Connection] = set()
    told, started, shown_s = False, False, time.monotonic()
    while len(done) < len(pipes):
        if not told and stop():
            told = True
            _tell([pipe for pipe in pipes if pipe not in done], STOP)
        if not started and len(ready | done.keys()) == len(pipes):
            started, start_ms = True, now_ms() + GATHERING_MS
            begin(start_ms)
            _tell([pipe for pipe in pipes if pipe not in done], start_ms)
        speaking = connections.wait([pipe for pipe in pipes if pipe not in done], timeout=0.2)
        for pipe in (pipe for pipe in pipes if pipe in speaking):
            word = _hear(pipe)
            if isinstance(word, Measured):
                done[pipe], latest[pipe] = word, word.summary
            elif isinstance(word, Summary):
                latest[pipe] = word
            else:
                ready.add(pipe)
        if progress and len(latest) == len(pipes) and time.monotonic() - shown_s >= 1.0:
            shown_s = time.monotonic()
            progress(total([latest[pipe] for pipe in pipes]))
    parts = [done[pipe] for pipe in pipes]
    if progress:
        progress(total([one.summary for one in parts]))
    return parts


def _tell(pipes: list[Connection], word: int | str) -> None:
    for pipe in pipes:
        try:
            pipe.send(word)
        except OSError as error:
            log.debug("a worker is gone already: %s", error)


def _hear(pipe: Connection) -> Summary | Measured | str:
    """The next word of a worker. Raises what made it fail."""
    try:
        word = pipe.recv()
    except (EOFError, OSError):
        raise Terminal("a worker process of the simulator died: is memory short? try fewer vehicles or fewer workers") from None
    if isinstance(word, Failed):
        raise (Transient if word.may_pass else Terminal)(word.text)
    if not isinstance(word, Summary | Measured) and word != READY:
        raise Terminal(f"a worker process of the simulator said {type(word).__name__}, which is none of its words")
    return word


class _Orders:
    """What the parent says: the instant of the start, and when to stop. Once all is connected the worker says that it is ready."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._stopped, self._ready = pipe, False, False
        self._start_ms: int | None = None

    def start(self) -> int | None:
        """The start, as soon as it is known."""
        if not self._ready:
            self._ready = True
            self._pipe.send(READY)
        self._listen()
        return self._start_ms

    def stop(self) -> bool:
        """Whether it was told to stop, or the parent is gone."""
        self._listen()
        return self._stopped

    def _listen(self) -> None:
        try:
            while not self._stopped and self._pipe.poll():
                word = self._pipe.recv()
                if word == STOP:
                    self._stopped = True
                else:
                    self._start_ms = word
        except (EOFError, OSError):
            self._stopped = True


def _work(settings: FleetSettings, pipe: Connection) -> None:
    """A worker process. Signals of the terminal go to all processes of the group: the parent alone decides."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)

    def show(summary: Summary) -> None:
        try:
            pipe.send(summary)
        except OSError as error:
            raise Terminal(f"the parent of this worker is gone: {error.strerror}") from None

    try:
        orders = _Orders(pipe)
        pipe.send(measure(settings, orders.stop, show, orders.start))
    except Broken as error:
        try:
            pipe.send(Failed(str(error), isinstance(error, Transient)))
        except OSError:
            sys.exit(1)
