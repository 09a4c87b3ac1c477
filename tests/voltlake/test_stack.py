"""A whole stack on one machine: it runs, it mends itself, it does not get in the way of another, and it leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from voltlake.settings import surroundings
from voltlake.stack import record
from voltlake.stack.composition import Options
from voltlake.stack.handle import Handle
from voltlake.stack.locking import holder
from voltlake.stack.mirror_positions import Positions
from voltlake.stack.ports import allot
from voltlake.stack.start import start

pytestmark = pytest.mark.stack


def voltlake(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "voltlake", *words], capture_output=True, text=True, timeout=200, check=False)


def until(holds: Callable[[], object], timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_everything_runs_and_status_says_so(stack: Handle) -> None:
    done = voltlake("status", "--data", str(stack.data), "--json")
    assert done.returncode == 0, done.stdout
    shown = json.loads(done.stdout)
    assert shown["ready"]
    names = {one["name"] for one in shown["processes"]}
    assert names >= {
        "kafka-edge",
        "kafka-central",
        "mirror",
        "mqtt",
        "redis",
        "ingest",
        "flow-bronze",
        "flow-silver",
        "flow-gold",
        "flow-live",
        "dashboards",
    }
    assert {name for name in names if name.startswith("gateway-")} == {
        f"gateway-{region}-{number}" for region in stack.plan.regions for number in (1, 2)
    }


def test_a_second_up_in_the_same_folder_says_that_it_runs_already(stack: Handle) -> None:
    for words in (["up"], ["up", "--detach"]):
        done = voltlake(*words, "--data", str(stack.data))
        assert done.returncode == 1
        assert "runs in" in done.stderr
        assert "already" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["redis", "mqtt", "flow-live", "gateway-us-east-2", "ingest"])
def test_what_is_killed_comes_back_and_is_shown(stack: Handle, name: str) -> None:
    restarts = stack.processes[name].restarts
    pid = stack.kill(name)
    after = stack.wait_running(name, other_than=pid)
    assert after.restarts == restarts + 1
    assert after.exit_code == -signal.SIGKILL


def test_a_mirror_that_stands_still_is_restarted_and_catches_up(stack: Handle) -> None:
    before = stack.wait_running("mirror").pid
    stack.kill("mirror", signal.SIGSTOP)
    drive = ["simulate", "--vehicles", "4", "--rate", "5", "--seconds", "2", "--data", str(stack.data)]
    assert voltlake(*drive).returncode == 0, "the edge takes messages without the mirror"
    positions = Positions(stack.kafka_edge, stack.kafka_central)
    try:
        assert positions.look().behind > 0
        until(lambda: stack.processes["mirror"].pid not in (None, before), 180)
        assert "did not move" in stack.processes["mirror"].said
        until(lambda: positions.look().behind == 0, 120)
    finally:
        positions.close()
    stack.wait_running("mirror")


def test_another_stack_beside_it_shares_nothing_and_leaves_no_orphan(stack: Handle, tmp_path: Path) -> None:
    page = allot(["page"], tmp_path, {})["page"]
    start(Options(data=tmp_path, regions=("eu-north",), dashboard_port=page), surroundings(os.environ), print, bound=True)
    other = Handle(tmp_path)
    assert not set(other.plan.ports.values()) & set(stack.plan.ports.values())
    assert voltlake("simulate", "--vehicles", "3", "--seconds", "2", "--data", str(tmp_path)).returncode == 0
    until(lambda: "3" in voltlake("query", "SELECT count(*) AS n FROM gold.vehicle_current", "--data", str(tmp_path), "--format", "csv").stdout)

    supervisor = holder(other.layout.lock)
    pids = [one.pid for one in other.processes.values() if one.pid]
    assert supervisor
    assert len(pids) >= 11
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: all(gone(pid) for pid in pids), 20)
    assert record.running(tmp_path) is None
    assert all(one.state in ("running", "done") for one in stack.processes.values()), "the first one never noticed"
