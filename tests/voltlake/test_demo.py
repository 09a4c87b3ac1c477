"""The demo: what it starts drives, what it measures is written in the one shape, and what it cannot do it says."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.errors import Terminal
from voltlake.demo import traffic
from voltlake.demo.counters import Counts
from voltlake.demo.outcome import Audit, Latencies, Outcome, figures, lines
from voltlake.demo.screen import Frame, line, table
from voltlake.stack.handle import Handle

KEYS = {
    "published",
    "bronze_rows",
    "silver_rows",
    "quarantined",
    "gold_vehicles",
    "online_vehicles",
    "alerts",
    "lost",
    "duplicated",
    "replayed",
    "sensor_to_silver_p95_ms",
    "sensor_to_online_p99_ms",
    "sensor_to_alert_p50_ms",
    "sensor_to_alert_p99_ms",
    "start_s",
}
GOOD = Outcome(
    counts=Counts(published=10, safe=10, edge=10, central=10, bronze=10, silver=10, gold=2, online=2),
    replayed=0,
    audit=Audit(lost=0, duplicated=0, in_flight=0, passed=True),
    latencies=Latencies(silver_p95=900.0),
    start_s=12.3456,
    all_safe=True,
)


def outcome(**changes: object) -> Outcome:
    import msgspec

    return msgspec.structs.replace(GOOD, **changes)


def test_the_keys_are_those_that_were_promised() -> None:
    assert figures(GOOD).keys() == KEYS
    assert figures(GOOD)["start_s"] == (12.35, "s")
    assert GOOD.passed
    assert lines(GOOD)[-1] == "nothing was lost and nothing stands twice"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"audit": Audit(1, 0, 0, passed=False)}, "1 lost"),
        ({"audit": Audit(0, 2, 0, passed=False)}, "2 duplicated"),
        ({"audit": Audit(0, 0, 3, passed=True)}, "3 still on the way"),
        ({"all_safe": False}, "not everything that was published became safe"),
    ],
)
def test_whatever_is_missing_fails_it_and_is_named(changes: dict[str, object], why: str) -> None:
    assert not outcome(**changes).passed
    assert why in lines(outcome(**changes))[-1]


def test_a_picture_shows_rates_of_sums_and_not_of_levels() -> None:
    before, now = Counts(published=100, gold=10, central=None), Counts(published=600, gold=60, central=7)
    frame = Frame(counts=now, before=before, between_s=5.0, passed_s=20.0, title="")
    rates = dict(zip(table(frame).columns[0].cells, table(frame).columns[2].cells, strict=True))
    assert rates["published by the vehicles"] == "100"
    assert rates["gold"] == ""
    assert rates["Kafka, central"] == ""
    assert "published 600" in line(frame)


def test_recordings_are_found_by_name_and_a_named_folder_must_have_some(tmp_path: Path) -> None:
    (tmp_path / "some_car").mkdir()
    (tmp_path / "some_car" / "trips_1hz.parquet").touch()
    assert [path.parent.name for path in traffic.recordings(tmp_path)] == ["some_car"]
    with pytest.raises(Terminal, match="--recordings"):
        traffic.recordings(tmp_path / "some_car" / "nothing")


def test_without_recordings_the_demo_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "BESIDE", tmp_path / "none")
    assert traffic.recordings(None) == []


@pytest.mark.stack
def test_the_demo_loses_nothing_and_writes_what_it_measured(stack: Handle, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    words = ["demo", "--data", str(stack.data), "--vehicles", "30", "--rate", "2", "--seconds", "12", "--json", str(out)]
    done = subprocess.run([sys.executable, "-m", "voltlake", *words], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(out.read_bytes())
    measured = {key: figure["value"] for key, figure in report["figures"].items()}
    assert report["name"] == "demo"
    assert report["passed"]
    assert measured.keys() == KEYS
    assert (measured["lost"], measured["duplicated"]) == (0, 0)
    assert measured["published"] >= 30 * 2 * 10
    assert measured["gold_vehicles"] >= 30
    assert measured["online_vehicles"] >= 30
    assert measured["bronze_rows"] >= measured["published"]
    assert all(one.state in ("running", "done") for one in stack.processes.values()), "a stack that ran before goes on"


@pytest.mark.stack
def test_ctrl_c_ends_a_demo_in_order(stack: Handle) -> None:
    words = [sys.executable, "-u", "-m", "voltlake", "demo", "--data", str(stack.data), "--vehicles", "5"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as demo:
        assert demo.stdout
        said = []
        for text in demo.stdout:
            said.append(text)
            if "published" in text and " safe 0 " not in text:
                demo.send_signal(signal.SIGINT)
                break
        said += list(demo.stdout)
    assert demo.returncode == 0, "".join(said)
    assert "nothing was lost" in said[-1]
