"""The command: it helps a newcomer, and where something is wrong it says one sentence and does not return 0."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = ["up", "down", "status", "logs", "demo", "simulate", "replay", "audit", "query", "doctor"]


def voltlake(*words: str, environ: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "voltlake", *words], capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ) | (environ or {})
    )


def sentence(done: "subprocess.CompletedProcess[str]") -> str:
    """What went wrong: one line, no traceback, exit code 1."""
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("voltlake: ")
    return lines[0]


def test_help_lists_every_command() -> None:
    done = voltlake("--help")
    assert done.returncode == 0
    assert all(f"\n  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_teaches_with_an_example(name: str) -> None:
    done = voltlake(name, "--help")
    assert done.returncode == 0
    assert f"Example: voltlake {name}" in done.stdout


def test_help_imports_nothing_that_is_slow() -> None:
    slow = ["pyarrow", "deltalake", "confluent_kafka", "feast", "numpy", "rich.table"]
    code = f"import sys; import voltlake.__main__; print([name for name in {slow} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize("words", [["nonsense"], ["demo", "--seconds", "soon"], ["query"], ["replay", "/no/such/file"], ["up", "--vehicles", "3"]])
def test_wrong_usage_is_exit_code_2(words: list[str]) -> None:
    done = voltlake(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["status"], ["simulate"], ["status", "--json"]])
def test_without_a_stack_it_says_how_to_start_one(tmp_path: Path, words: list[str]) -> None:
    assert "voltlake up" in sentence(voltlake(*words, "--data", str(tmp_path)))


def test_the_log_of_nothing_names_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "redis.log").touch()
    assert "there are redis" in sentence(voltlake("logs", "nobody", "--data", str(tmp_path)))


def test_down_where_nothing_runs_is_no_error(tmp_path: Path) -> None:
    done = voltlake("down", "--data", str(tmp_path))
    assert done.returncode == 0
    assert "no stack runs" in done.stdout


def test_a_dashboard_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert f"port {port} for the dashboard is taken" in sentence(voltlake("up", "--data", str(tmp_path), "--dashboard-port", str(port)))


@pytest.mark.parametrize(("option", "value"), [("--regions", "Eu North"), ("--regions", "a,a"), ("--regions", ","), ("--gateways", "0")])
def test_a_shape_that_cannot_be_is_one_sentence(tmp_path: Path, option: str, value: str) -> None:
    assert option in sentence(voltlake("up", "--data", str(tmp_path), option, value))


def test_a_machine_without_a_home_is_told_what_to_set(tmp_path: Path) -> None:
    said = sentence(voltlake("status", "--data", str(tmp_path), environ={"HOME": "", "XDG_CACHE_HOME": ""}))
    assert "XDG_CACHE_HOME" in said


def test_recordings_that_are_not_there_are_one_sentence(tmp_path: Path) -> None:
    assert "trips_1hz.parquet" in sentence(voltlake("demo", "--data", str(tmp_path), "--recordings", str(tmp_path)))


def test_doctor_checks_every_part(tmp_path: Path) -> None:
    done = voltlake("doctor", "--data", str(tmp_path), "--json")
    report = json.loads(done.stdout)
    assert {"python", "packages", "java", "redis", "mqtt", "jars", "disk", "memory", "port", "stack"} == report["figures"].keys()
    assert report["passed"] is (done.returncode == 0)


def test_doctor_says_what_to_do_about_a_corrupted_jar(tmp_path: Path) -> None:
    jars = tmp_path / "voltlake" / "jars"
    jars.mkdir(parents=True)
    (jars / "slf4j-simple-1.7.36.jar").write_bytes(b"not a jar")
    done = voltlake("doctor", "--data", str(tmp_path), environ={"XDG_CACHE_HOME": str(tmp_path)})
    assert done.returncode == 1
    assert "slf4j-simple-1.7.36.jar has SHA-256" in done.stdout
    assert not (jars / "slf4j-simple-1.7.36.jar").exists()
