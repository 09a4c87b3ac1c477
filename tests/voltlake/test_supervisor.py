"""Children are kept alive, restarted with backoff, stopped in layers, and never outlive their supervisor."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from contracts.errors import Transient
from voltlake.stack.service import Service, Standing, failures_in_a_row, restart_delay_s
from voltlake.stack.supervisor import Supervisor

ENVIRON = {"PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd()}
DEADLINE_S = 30.0


def python(code: str) -> tuple[str, ...]:
    return sys.executable, "-c", textwrap.dedent(code)


SLEEPS = python("import time; time.sleep(600)")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


class Watched:
    """A supervisor whose standings can be waited for."""

    def __init__(self, services: list[Service], logs: Path) -> None:
        self.history: list[list[Standing]] = []
        self.supervisor = Supervisor(services, logs, self.history.append)

    def now(self, name: str) -> Standing:
        return next(one for one in self.supervisor.standings() if one.name == name)

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not holds():
                await asyncio.sleep(0.01)


def run(services: list[Service], logs: Path, course: Callable[[Watched], Awaitable[None]]) -> Watched:
    async def whole() -> Watched:
        watched = Watched(services, logs)
        watched.supervisor.start()
        try:
            await course(watched)
        finally:
            await watched.supervisor.stop()
        return watched

    return asyncio.run(whole())


def test_delays_double_up_to_ten_seconds_and_start_anew_after_health() -> None:
    assert [restart_delay_s(failures) for failures in (1, 2, 3, 6, 7, 1000)] == [0.2, 0.4, 0.8, 6.4, 10.0, 10.0]
    assert failures_in_a_row(5, healthy_s=29.9) == 6
    assert failures_in_a_row(5, healthy_s=30.0) == 1


def test_a_child_that_is_killed_comes_back_as_another_process(tmp_path: Path) -> None:
    async def course(watched: Watched) -> None:
        await watched.until(lambda: watched.now("one").state == "running")
        first = watched.now("one").pid
        assert first
        os.kill(first, signal.SIGKILL)
        await watched.until(lambda: watched.now("one").state == "running" and watched.now("one").pid != first)
        assert watched.now("one").restarts == 1
        assert watched.now("one").exit_code == -signal.SIGKILL

    run([Service(name="one", command=SLEEPS, environ=ENVIRON)], tmp_path, course)


def test_what_a_child_said_last_is_told(tmp_path: Path) -> None:
    async def course(watched: Watched) -> None:
        await watched.until(lambda: watched.now("one").restarts >= 2)
        assert watched.now("one").said == "the disk is full"
        assert watched.now("one").exit_code == 3

    run([Service(name="one", command=python("import sys; print('the disk is full'); sys.exit(3)"), environ=ENVIRON)], tmp_path, course)


def test_one_that_makes_way_has_a_lower_priority_and_so_has_its_group(tmp_path: Path) -> None:
    group = Path("/proc/self/autogroup")
    shows = f"""
        import os, pathlib, time
        group = pathlib.Path({str(group)!r})
        shown = pathlib.Path({str(tmp_path / "shown")!r})
        shown.write_text(str(os.nice(0)) + " " + (group.read_text() if group.exists() else "nice 7").split()[-1])
        os.rename(shown, {str(tmp_path / "seen")!r})
        time.sleep(600)
    """

    async def course(watched: Watched) -> None:
        await watched.until((tmp_path / "seen").exists)
        own = os.nice(0)
        assert (tmp_path / "seen").read_text() == f"{min(own + 7, 19)} 7"

    run([Service(name="one", command=python(shows), environ=ENVIRON, nice=7)], tmp_path, course)


def test_it_starts_only_after_what_it_needs_was_ready(tmp_path: Path) -> None:
    opened = tmp_path / "open"

    def ready() -> None:
        if not opened.exists():
            raise Transient("not yet")

    async def course(watched: Watched) -> None:
        await watched.until(lambda: watched.now("first").state == "starting")
        assert watched.now("second").state == "waiting"
        opened.touch()
        await watched.until(lambda: watched.now("second").state == "running")
        assert watched.now("first").state == "running"

    first = Service(name="first", command=SLEEPS, environ=ENVIRON, ready=ready)
    run([Service(name="second", command=SLEEPS, environ=ENVIRON, needs=("first",)), first], tmp_path, course)


def test_one_that_does_not_become_ready_in_time_is_started_again(tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    command = python(f"""
        import time
        open({str(lives)!r}, "a").write("x")
        time.sleep(600)
    """)

    def ready() -> None:
        if not lives.exists() or lives.read_text() == "x":
            raise Transient("it hangs in its first life")

    async def course(watched: Watched) -> None:
        await watched.until(lambda: watched.now("one").state == "running")
        assert watched.now("one").restarts >= 1
        assert any("was not ready within 2 s" in one.said for standings in watched.history for one in standings)

    run([Service(name="one", command=command, environ=ENVIRON, ready=ready, ready_within_s=2)], tmp_path, course)


def test_what_must_be_prepared_once_is_prepared_once(tmp_path: Path) -> None:
    mark, made = tmp_path / "prepared", tmp_path / "made"
    prepare = python(f"open({str(made)!r}, 'a').write('x')")

    async def course(watched: Watched) -> None:
        await watched.until(lambda: watched.now("one").state == "running")
        pid = watched.now("one").pid
        watched.supervisor.restart("one", "the test says so")
        await watched.until(lambda: watched.now("one").state == "running" and watched.now("one").pid != pid)

    run([Service(name="one", command=SLEEPS, environ=ENVIRON, prepare=prepare, prepared=mark)], tmp_path, course)
    assert made.read_text() == "x"


def test_a_task_that_is_done_is_not_started_again(tmp_path: Path) -> None:
    async def course(watched: Watched) -> None:
        await watched.until(lambda: watched.now("task").state == "done")
        await watched.until(lambda: watched.now("after").state == "running")
        assert watched.now("task").restarts == 0

    task = Service(name="task", command=python("pass"), environ=ENVIRON, once=True)
    run([task, Service(name="after", command=SLEEPS, environ=ENVIRON, needs=("task",))], tmp_path, course)


def test_higher_layers_are_stopped_first_and_the_stubborn_are_killed(tmp_path: Path) -> None:
    stubborn = python("""
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("deaf", flush=True)
        time.sleep(600)
    """)

    async def course(watched: Watched) -> None:
        await watched.until(lambda: (tmp_path / "top.log").exists() and "deaf" in (tmp_path / "top.log").read_text())
        await watched.until(lambda: watched.now("ground").state == "running")

    services = [
        Service(name="ground", command=SLEEPS, environ=ENVIRON, layer=0),
        Service(name="top", command=stubborn, environ=ENVIRON, layer=1, grace_s=0.3),
    ]
    watched = run(services, tmp_path, course)
    ends = [
        next(one.name for one, before in zip(now, last, strict=True) if one != before)
        for last, now in zip(watched.history, watched.history[1:], strict=False)
    ]
    assert ends[-2:] == ["top", "ground"]
    assert watched.now("top").exit_code == -signal.SIGKILL
    assert watched.now("ground").exit_code == -signal.SIGTERM


def test_kill_9_of_the_supervisor_leaves_no_orphan(tmp_path: Path) -> None:
    parent = python(f"""
        import asyncio, os
        from pathlib import Path
        from voltlake.stack.service import Service
        from voltlake.stack.supervisor import Supervisor

        def tell(standings):
            Path({str(tmp_path / "pids")!r}).write_text(" ".join(str(one.pid) for one in standings if one.state == "running"))

        async def main():
            command = ({sys.executable!r}, "-c", "import time; time.sleep(600)")
            services = [Service(name=name, command=command, environ=dict(os.environ)) for name in ("a", "b", "c")]
            supervisor = Supervisor(services, Path({str(tmp_path)!r}), tell)
            supervisor.start()
            await asyncio.sleep(600)

        asyncio.run(main())
    """)
    supervisor = subprocess.Popen(parent, env=ENVIRON)
    try:
        until(lambda: (tmp_path / "pids").exists() and len((tmp_path / "pids").read_text().split()) == 3)
        children = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        assert all(alive(pid) for pid in children)
    finally:
        supervisor.kill()
        supervisor.wait()
    until(lambda: not any(alive(pid) for pid in children))


def test_a_program_that_does_not_exist_is_told(tmp_path: Path) -> None:
    async def course(watched: Watched) -> None:
        await watched.until(lambda: watched.now("one").restarts >= 1)
        assert "cannot be started: No such file" in watched.now("one").said

    run([Service(name="one", command=("/no/such/program",), environ=ENVIRON)], tmp_path, course)
