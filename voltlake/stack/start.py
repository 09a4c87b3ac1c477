"""Start and stop a stack from another process: what `up --detach`, the demo and the tests do."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.errors import Terminal
from voltlake.settings import Surroundings
from voltlake.stack import locking, record
from voltlake.stack.composition import Options
from voltlake.stack.layout import Layout
from voltlake.stack.logs import tail
from voltlake.stack.supervisor import LAUNCH

READY_S = 300.0
STOP_S = 90.0
LOOK_S = 0.1
SUPERVISOR = "voltlake"
Say = Callable[[str], None]


def silent(_: str) -> None:
    """For who wants to hear nothing."""


def start(options: Options, around: Surroundings, say: Say = silent, *, bound: bool) -> record.Record:
    """Start a stack in the background and wait until everything in it is ready.

    A `bound` one ends when the calling process does, in whatever way; call from the main thread then. Raises Terminal with
    what the stack said where it did not come up.
    """
    layout = Layout(options.data.resolve())
    _refuse_second(layout)
    layout.logs.mkdir(parents=True, exist_ok=True)
    log_path = layout.log(SUPERVISOR)
    command = [sys.executable, "-m", "voltlake", "up", "--data", str(layout.data), "--regions", ",".join(options.regions)]
    command += ["--gateways", str(options.gateways)]
    if options.dashboard_port is not None:
        command += ["--dashboard-port", str(options.dashboard_port)]
    if bound:
        command = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), "0", *command]
    with log_path.open("ab") as output:
        heard = output.tell()
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=around.environ | around.notify | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    return _await(child, layout, _Echo(log_path, heard, say))


def stop(data: Path, say: Say = silent) -> bool:
    """Stop the stack of a folder and wait until it is gone; False where none ran. Raises Terminal where it will not go."""
    layout = Layout(data.resolve())
    supervisor = locking.holder(layout.lock)
    if supervisor is None:
        return False
    say(f"stopping the stack in {layout.data}")
    os.kill(supervisor, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while locking.holder(layout.lock) is not None:
        if time.monotonic() > deadline:
            raise Terminal(f"the stack in {layout.data} did not stop within {STOP_S:.0f} s: 'kill -9 {supervisor}' ends it and all its processes")
        time.sleep(LOOK_S)
    return True


@contextmanager
def running(options: Options, around: Surroundings, say: Say = silent) -> Iterator[record.Record]:
    """A stack for as long as the block runs: its own, which is stopped at the end."""
    found = start(options, around, say, bound=True)
    try:
        yield found
    finally:
        stop(options.data, say)


class _Echo:
    """Says what a log file has new."""

    def __init__(self, path: Path, heard: int, say: Say) -> None:
        self._path, self._heard, self._say = path, heard, say

    def __call__(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._heard)
            fresh = file.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._heard += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            self._say(line)


def _await(child: "subprocess.Popen[bytes]", layout: Layout, echo: _Echo) -> record.Record:
    deadline = time.monotonic() + READY_S
    try:
        while time.monotonic() < deadline:
            echo()
            found = record.running(layout.data)
            if found and found.supervisor == child.pid and found.ready_ts:
                return found
            if child.poll() is not None:
                said = next((line for line in reversed(tail(layout.log(SUPERVISOR), 20)) if line.strip()), "it said nothing")
                raise Terminal(said.removeprefix("voltlake: "))
            time.sleep(LOOK_S)
    except BaseException:
        _end(child)
        raise
    found = record.running(layout.data)
    late = [f"{one.name} ({one.said or one.state})" for one in found.processes if one.state not in ("running", "done")] if found else ["all"]
    _end(child)
    raise Terminal(f"the stack was not ready after {READY_S:.0f} s; these were not: {', '.join(late)}; see the logs in {layout.logs}")


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Stop it in order; whatever is still there after that is killed, and the kernel kills its children."""
    child.terminate()
    try:
        child.wait(STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _refuse_second(layout: Layout) -> None:
    pid = locking.holder(layout.lock)
    if pid is not None:
        raise Terminal(f"a stack runs in {layout.data} already (process {pid}): 'voltlake status' shows it, 'voltlake down' stops it")
