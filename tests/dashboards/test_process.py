"""The process: how it starts, refuses and ends."""

import os
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.dashboards.made import ROOT, Dashboard, free_port, until

GIVEN = {"DASHBOARD_PORT": "1", "DASHBOARD_KAFKA": "127.0.0.1:1", "DASHBOARD_LAKE": "nowhere", "DASHBOARD_REDIS": "redis://127.0.0.1:1/0"}
GIVEN["DASHBOARD_ACCOUNTS"] = tempfile.mkdtemp()


def run(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dashboards", *words]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"DASHBOARD_PORT": ""}, "DASHBOARD_PORT is malformed"),
        ({"DASHBOARD_PORT": "70000"}, "DASHBOARD_PORT is 70000"),
        ({"DASHBOARD_COLOUR": "red"}, "DASHBOARD_COLOUR"),
        ({"DASHBOARD_REDIS": "127.0.0.1:6379"}, "address of Redis is malformed"),
    ],
)
def test_a_wrong_setting_is_one_sentence(changed: dict[str, str], said: str) -> None:
    ended = run(**{**GIVEN, "DASHBOARD_PORT": str(free_port()), **changed})
    assert ended.returncode == 1
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run(**{**GIVEN, "DASHBOARD_PORT": str(taken.getsockname()[1])})
    assert ended.returncode == 1
    assert "cannot be had: Address already in use; set DASHBOARD_PORT" in ended.stderr


def test_help_names_every_setting_and_words_are_refused() -> None:
    helped = run("--help")
    assert helped.returncode == 0
    assert "DASHBOARD_LAKE" in helped.stdout
    assert run("now").returncode == 2


def test_it_is_healthy_while_everything_it_reads_is_down_and_ends_when_asked(tmp_path: Path) -> None:
    dead = f"127.0.0.1:{free_port()}"
    dashboard = Dashboard(free_port(), dead, tmp_path / "nowhere", f"redis://{dead}/0", tmp_path / "log")
    dashboard.start()
    try:
        until(
            lambda: "Kafka" in dashboard.log() and "Redis" in dashboard.log() and "gold.vehicle_current" in dashboard.log(),
            "the log to name all three",
        )
        health = dashboard.health()
        assert health["status"] == "ready"
        assert not any(feed["live"] for feed in health["feeds"].values())
        assert dashboard.stop() == 0
        assert "Traceback" not in dashboard.log()
        assert "ERROR" not in dashboard.log()
    finally:
        dashboard.end()


def test_what_is_not_there_is_not_found_and_nothing_outside_of_the_static_files_is_served(dashboard: Dashboard) -> None:
    for path in ("/static/nothing.js", "/static/../server.py", "/static/%2e%2e/server.py", "/static/..%2f..%2fserver.py"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{dashboard.url}{path}")
        assert refused.value.code in (401, 403, 404), path
        refused.value.close()
