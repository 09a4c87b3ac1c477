"""Load tests against a real broker: shapes, storms, workers, TLS, and what the report says."""

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import msgspec
import pytest

from contracts.codec import decode_payload
from contracts.errors import Terminal, Transient
from contracts.identity import KINDS
from contracts.report import Report
from simulators import load_report
from simulators.fleet_source import FleetSource, Plan
from simulators.lags import Lags
from simulators.ledger import read_ledgers
from simulators.run import measure
from simulators.scenarios import scenario
from simulators.settings import FleetSettings
from simulators.shape import shaped
from simulators.workers import measure_all

REGIONS = ("eu-north", "us-east")
START_MS = 1_760_000_000_000
ROOT = Path(__file__).parents[2]
EVERY_KIND = ROOT / "simulators" / "scenarios" / "examples" / "every_kind.yaml"
TELEMETRY = KINDS.index("telemetry")


def settings(broker, **more):
    options = {"vehicles": 20, "rate_hz": 5.0, "seconds": 2.0, "puback_is_safe": True, "regions": REGIONS, "resend_s": 1.0}
    return FleetSettings(mqtt_port=broker.port, **(options | more))


def series(source):
    """Per vehicle its messages as (due, kind, payload)."""
    found = defaultdict(list)
    while (due_s := source.due_s()) is not None:
        for one in source.take(START_MS):
            found[source.vehicles[one.vehicle].vehicle_id].append((round(due_s, 6), one.kind, one.payload))
    return found


def test_a_vehicle_is_the_same_whichever_process_simulates_it():
    plan = Plan(vehicles=23, regions=REGIONS, seconds=4, rate_hz=2, scenario=scenario.load(EVERY_KIND))
    whole = series(FleetSource(plan))
    parts = [series(FleetSource(msgspec.structs.replace(plan, part=part, parts=3))) for part in range(3)]
    assert sum(len(part) for part in parts) == len(whole) == 23
    assert parts[0] | parts[1] | parts[2] == whole


def test_physical_vehicles_are_real_models_with_cells_of_their_own_number():
    source = FleetSource(Plan(vehicles=40, regions=REGIONS, seconds=3, cells_s=1.0))
    cells, frames = {}, 0
    while source.due_s() is not None:
        for one in source.take(START_MS):
            payload = decode_payload(KINDS[one.kind], one.payload)
            if KINDS[one.kind] == "cells":
                cells[source.vehicles[one.vehicle].model] = len(payload.cell_v)
                assert all(2.5 < volts < 4.3 for volts in payload.cell_v)
            elif one.kind == TELEMETRY:
                frames += 1
                assert payload.signals["pack_v"] > 200
                assert len(payload.signals) >= 25
    assert frames == 40 * 3
    assert len(cells) > 5
    assert len(set(cells.values())) > 1


def test_a_ramp_lets_vehicles_join_one_after_the_other():
    source = shaped(FleetSource(Plan(vehicles=50, regions=REGIONS, seconds=10)), "ramp", 10.0, 1.0)
    seen = defaultdict(set)
    while (due_s := source.due_s()) is not None:
        for one in source.take(START_MS):
            if one.kind == TELEMETRY:
                seen[int(due_s)].add(one.vehicle)
    counts = [len(seen[second]) for second in range(10)]
    assert counts == sorted(counts)
    assert counts[0] <= 5
    assert 20 <= counts[4] <= 30
    assert 45 <= counts[9] <= 50


def test_a_burst_sends_all_vehicles_at_one_instant_and_dates_them_so():
    plan = Plan(vehicles=50, regions=REGIONS, seconds=3)
    source = shaped(FleetSource(plan), "burst", 3.0, 1.0)
    stamps = defaultdict(set)
    while (due_s := source.due_s()) is not None:
        for one in source.take(START_MS):
            assert decode_payload(KINDS[one.kind], one.payload).ts == START_MS + round(due_s * 1000)
            stamps[due_s].add(one.vehicle)
    assert sorted(stamps) == [0.0, 1.0, 2.0]
    assert all(len(vehicles) == 50 for vehicles in stamps.values())


def test_the_report_counts_every_message_and_says_where_time_went(broker):
    parts = [measure(settings(broker))]
    figures = load_report.figures(parts)
    assert figures["published"] == figures["safe"][:1] + figures["published"][1:]
    assert figures["sent"][0] == figures["published"][0] == parts[0].summary.acknowledged >= 20 * 10
    assert figures["ack_p50_ms"][0] <= figures["ack_p95_ms"][0] <= figures["ack_p99_ms"][0] <= figures["ack_max_ms"][0]
    assert figures["generator_cpu_s"][0] > 0
    assert figures["generator_peak_bytes"][0] > 10_000_000
    assert figures["errors"][0] == 0
    assert load_report.make(parts).passed


def test_several_workers_are_one_fleet(broker, gateway, tmp_path):
    scripted = gateway(broker.port, REGIONS, lambda _: {"held", "safe"})
    parts = measure_all(settings(broker, puback_is_safe=False, vehicles=21, ledger=str(tmp_path)), 2)
    assert [part.summary.vehicles for part in parts] == [11, 10]
    figures = load_report.figures(parts)
    assert figures["safe"][0] == figures["published"][0] == len(scripted.identities())
    assert {one.vehicle_id for one in scripted.identities()} == {f"SIM-{number:05d}" for number in range(1, 22)}
    assert sum(len(entry.published) for entry in read_ledgers(tmp_path).values()) == figures["published"][0]


def test_a_reconnect_storm_cuts_every_connection_and_loses_nothing(broker, gateway):
    scripted = gateway(broker.port, REGIONS, lambda _: {"held", "safe"})
    parts = [measure(settings(broker, puback_is_safe=False, reconnect_s=0.6, connect_at_once=True))]
    assert parts[0].connects >= 2 * 20
    assert parts[0].summary.safe == parts[0].summary.published == len(scripted.identities())


def test_connections_come_at_the_rate_that_was_asked_for(broker):
    figures = load_report.figures([measure(settings(broker, vehicles=30, connect_rate=40.0, seconds=0.4))])
    assert figures["connects"][0] == 30
    assert figures["connect_per_s"][0] < 80


def test_a_broker_that_dies_during_the_run_is_used_again_and_nothing_promised_is_lost(broker, gateway, running, wait_until):
    run = running(measure, settings(broker, puback_is_safe=False, seconds=4.0))
    scripted = gateway(broker.port, REGIONS, lambda _: {"held", "safe"})
    wait_until(lambda: len(scripted.identities()) > 100, "100 messages")
    broker.kill()
    wait_until(lambda: run.progress[-1].connected == 0, "the loss to be seen")
    broker.start()
    measured = run.end()
    assert measured.summary.safe == measured.summary.published
    assert {one for one, times in scripted.counts().items() if times} == scripted.identities()
    assert len(scripted.identities()) == measured.summary.published
    assert sum(measured.errors.values()) >= 20


def test_no_broker_is_one_sentence_after_the_patience(absent_broker):
    with pytest.raises(Transient, match=r"no MQTT broker at 127.0.0.1:\d+ within 0.3 s: Connection refused"):
        measure(settings(absent_broker, patience_s=0.3))
    with pytest.raises(Transient, match="Connection refused"):
        measure_all(settings(absent_broker, patience_s=0.3), 2)


def test_a_generator_that_is_the_limit_says_so(broker):
    measured = measure(settings(broker, seconds=0.4))
    slow = msgspec.structs.replace(measured, handed_late=measured.summary.published)
    fast = msgspec.structs.replace(measured, handed_late=0, waited_s=0.0, summary=msgspec.structs.replace(measured.summary, cpu_s=0.01))
    assert load_report.figures([fast, slow])["generator_limited"][0] == 1
    assert "1 of 2 processes" in load_report.warning([fast, slow])
    assert load_report.figures([fast])["generator_limited"][0] == 0
    assert load_report.warning([fast]) == ""


def test_histograms_of_several_processes_become_one():
    lags, other = Lags(), Lags()
    for value in range(1, 1001):
        lags.add(value / 1000)
        other.add(value / 1000 + 1)
    other.join(lags.packed())
    assert other.count == 2000
    assert other.percentile(50) == pytest.approx(1.0, rel=0.01)
    assert other.percentile(100) == pytest.approx(2.0, rel=0.01)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--rate", "-1"], "rate_hz is -1"),
        (["--vehicles", "0"], "vehicles is 0"),
        (["--models", "delorean"], "unknown vehicle model 'delorean'"),
        (["--shape", "square"], "square"),
        (["--shape", "ramp", "--seconds", "0"], "a ramp needs an end"),
        (["--shard", "3/2"], "--shard 3/2"),
        (["--broker", "http://127.0.0.1"], "is no address"),
        (["--broker", "mqtts://127.0.0.1", "--ca", "no-such.pem"], "cannot read no-such.pem"),
        (["--json", "."], "is a folder"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(more, sentence):
    command = [sys.executable, "-m", "voltlake", "simulate", "--broker", "mqtt://127.0.0.1:9", "--seconds", "1", *more]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_the_command_loads_any_broker_and_writes_a_report(broker, tmp_path):
    target = tmp_path / "load.json"
    command = [sys.executable, "-m", "voltlake", "simulate", "--broker", f"mqtt://127.0.0.1:{broker.port}", "--vehicles", "10", "--seconds", "1"]
    done = subprocess.run([*command, "--json", str(target)], check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    made = msgspec.json.decode(target.read_bytes(), type=Report)
    assert made.passed
    assert made.figures["safe"].value == made.figures["published"].value >= 10


def test_a_broker_that_is_absent_is_exit_code_1(absent_broker):
    command = [
        sys.executable,
        "-m",
        "voltlake",
        "simulate",
        "--broker",
        f"mqtt://127.0.0.1:{absent_broker.port}",
        "--seconds",
        "1",
        "--patience",
        "0.3",
    ]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "no MQTT broker at" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_of_a_part_that_does_not_exist_are_refused(broker):
    with pytest.raises(Terminal, match="part 3 of 3"):
        measure(settings(broker, part=3, parts=3))
    with pytest.raises(Terminal, match="20 vehicles cannot be spread over 21 parts"):
        measure_all(settings(broker), 21)
