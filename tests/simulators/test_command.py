"""The commands of a person: scenarios, history. Bad input is one sentence and exit code 2."""

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from simulators.scenarios import labels
from simulators.scenarios.kinds import KINDS

ROOT = Path(__file__).parents[2]
EVERY_KIND = "simulators/scenarios/examples/every_kind.yaml"


def voltlake(*words):
    return subprocess.run([sys.executable, "-m", "voltlake", *map(str, words)], check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.fixture
def wrong(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("name: x\nfaults:\n  - kind: cell.melted\n    vehicles: {count: 1}\n")
    return path


def test_history_as_files_is_one_command_and_says_its_speed(tmp_path):
    more = ("--until", "2026-06-10T06:00:00", "--scenario", EVERY_KIND, "--labels", tmp_path / "labels.jsonl")
    done = voltlake("simulate", "--history", 0.05, "--to", "files", "--out", tmp_path / "h", "--vehicles", 30, *more)
    assert done.returncode == 0, done.stderr
    assert "vehicle-hours a second" in done.stdout
    frames = pq.read_table(tmp_path / "h" / "telemetry")
    assert frames.num_rows == pytest.approx(30 * 72, abs=10)
    assert (tmp_path / "labels.jsonl").read_bytes() == (tmp_path / "h" / "labels.jsonl").read_bytes()
    assert {one.kind for one in labels.read(tmp_path / "labels.jsonl")} == set(KINDS)
    again = voltlake("simulate", "--history", 0.05, "--to", "files", "--out", tmp_path / "h")
    assert (again.returncode, again.stderr) == (2, f"voltlake: {tmp_path / 'h'} holds a history already; name another folder or remove it\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--history", "-3", "--to", "files"), "--history -3 is none"),
        (("--history", "1", "--to", "tape"), "--to tape is none"),
        (("--history", "1", "--to", "files", "--until", "tomorrow"), "--until tomorrow is no instant"),
        (("--history", "1", "--to", "files", "--cadence", "0"), "--cadence is 0"),
        (("--history", "1", "--to", "files", "--vehicles", "0"), "vehicles is 0"),
        (("--history", "1", "--to", "files", "--models", "delorean"), "unknown vehicle model 'delorean'"),
        (("--broker", "mqtt://127.0.0.1:9", "--labels", "l.jsonl"), "name a scenario too"),
        (("--broker", "mqtt://127.0.0.1:9", "--scenario", "no-such.yaml"), "the scenario no-such.yaml cannot be read"),
        (("--broker", "mqtt://127.0.0.1:9", "--vehicles", "3", "--scenario", EVERY_KIND), "line 7: the fleet has no vehicle SIM-00004"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(words, sentence, tmp_path):
    done = voltlake("simulate", "--out", tmp_path / "h", *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "h").exists()


def test_a_wrong_scenario_gives_file_line_and_reason(wrong):
    for words in (("scenario", "check", wrong), ("simulate", "--broker", "mqtt://127.0.0.1:9", "--scenario", wrong)):
        done = voltlake(*words)
        assert done.returncode == 2
        assert done.stderr.startswith(f"voltlake: {wrong}, line 3: unknown kind 'cell.melted'; known are cell.weak_capacity")
        assert len(done.stderr.splitlines()) == 1


def test_the_kinds_of_fault_and_the_schema_are_listed():
    assert {line.split()[0] for line in voltlake("scenario", "kinds").stdout.splitlines()} == set(KINDS)
    assert voltlake("scenario", "schema").stdout == (ROOT / "simulators" / "scenarios" / "schema.json").read_text()
    assert voltlake("scenario", "check", EVERY_KIND).returncode == 0
