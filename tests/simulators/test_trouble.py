"""Faults of units and networks, carried out live against a real broker and a scripted gateway; and what a scenario does to a fleet's messages."""

import math
from collections import defaultdict
from pathlib import Path

import pytest

from contracts.codec import Malformed, decode_payload
from contracts.errors import Terminal
from contracts.identity import KINDS
from simulators.fleet_source import FleetSource, Plan
from simulators.run import simulate
from simulators.scenarios import labels, scenario
from simulators.scenarios.kinds import KINDS as FAULTS
from simulators.settings import FleetSettings

REGIONS = ("eu-north", "us-east")
START_MS = 1_760_000_000_000
EVERY_KIND = scenario.load(Path(scenario.__file__).parent / "examples" / "every_kind.yaml")
TROUBLE = """
name: trouble
faults:
  - {kind: unit.reboot, vehicles: {ids: [SIM-00001]}, start_s: 1, severity: 1, parameters: {off_s: 0.5}}
  - {kind: network.outage, vehicles: {ids: [SIM-00002]}, start_s: 0.5, duration_s: 1}
  - {kind: network.duplicate, vehicles: {ids: [SIM-00003]}, severity: 1}
  - {kind: network.reorder, vehicles: {ids: [SIM-00004]}, severity: 1, parameters: {window_s: 0.6}}
  - {kind: network.corrupt, vehicles: {ids: [SIM-00005]}, severity: 0.3}
  - {kind: unit.clock_jump, vehicles: {ids: [SIM-00006]}, severity: 1, parameters: {jump_s: -7200}}
"""


def play(plan):
    """All messages of a plan by vehicle."""
    source, found = FleetSource(plan), defaultdict(list)
    while source.due_s() is not None:
        for one in source.take(START_MS):
            found[source.vehicles[one.vehicle].vehicle_id].append((KINDS[one.kind], one.boot, one.payload))
    return found


def ordered(text, **more):
    return Plan(vehicles=4, regions=REGIONS, hot=0, scenario=scenario.parsed(f"name: t\nfaults:\n  - {text}\n"), **more)


def signals(messages):
    return [decode_payload("telemetry", payload).signals for kind, _, payload in messages if kind == "telemetry"]


def test_with_a_scenario_too_the_same_seed_gives_the_same_bytes_and_a_vehicle_does_not_depend_on_the_fleet():
    plan = Plan(vehicles=22, regions=REGIONS, seconds=20, scenario=EVERY_KIND)
    first, larger = play(plan), play(Plan(vehicles=90, regions=REGIONS, seconds=20, scenario=EVERY_KIND))
    assert first == play(plan)
    assert {name: larger[name] for name in first} == first


def test_a_fault_changes_its_vehicle_and_leaves_every_byte_of_the_others():
    faults = "{kind: sensor.missing, vehicles: {ids: [SIM-00002]}, signals: [pack_v, odometer_m], severity: 1}"
    sick, sound = play(ordered(faults, seconds=12)), play(Plan(vehicles=4, regions=REGIONS, hot=0, seconds=12))
    assert {name for name in sound if sick[name] != sound[name]} == {"SIM-00002"}
    assert all("pack_v" not in one and "odometer_m" not in one for one in signals(sick["SIM-00002"]))
    assert len(signals(sick["SIM-00002"])) == 12


def test_a_cell_fault_shows_and_its_fault_code_is_told():
    sick = play(ordered("{kind: pack.isolation_loss, vehicles: {ids: [SIM-00001]}, severity: 1, duration_s: 60}", seconds=70, rate_hz=0.5))
    events = [decode_payload("event", payload) for kind, _, payload in sick["SIM-00001"] if kind == "event"]
    told = [(one.event, one.attributes) for one in events if one.event.startswith("fault_code")]
    assert told == [("fault_code_set", {"code": "isolation_low"}), ("fault_code_cleared", {"code": "isolation_low"})]
    assert not any(b"fault_code" in payload for kind, _, payload in sick["SIM-00002"] if kind == "event")


def test_a_clock_that_is_wrong_dates_messages_wrong_and_a_reboot_is_a_new_boot_with_a_gap():
    jumped = play(ordered("{kind: unit.clock_jump, vehicles: {ids: [SIM-00003]}, start_s: 5, duration_s: 4, severity: 1}", seconds=12))
    stamps = [decode_payload(kind, payload).ts for kind, _, payload in jumped["SIM-00003"] if kind == "telemetry"]
    assert sum(ts > START_MS + 3_000_000 for ts in stamps) == 4
    again = play(ordered("{kind: unit.reboot, vehicles: {ids: [SIM-00003]}, start_s: 4, severity: 1, parameters: {off_s: 3}}", seconds=12))
    boots = [boot for kind, boot, _ in again["SIM-00003"] if kind == "telemetry"]
    assert sorted(boots) == boots
    assert (boots.count(0), boots.count(1)) == (4, 5)
    assert [boot for kind, boot, payload in again["SIM-00003"] if kind == "event" and b'"boot"' in payload] == [0, 1]


def test_a_scenario_that_names_a_vehicle_that_is_not_there_is_one_sentence_with_its_line():
    with pytest.raises(Terminal, match=r"scenario, line 3: the fleet has no vehicle SIM-00009; it has SIM-00001 to SIM-00004"):
        FleetSource(ordered("{kind: pack.contactor, vehicles: {ids: [SIM-00009]}}"))


def test_every_kind_can_be_carried_out_and_is_labelled():
    plan = Plan(vehicles=40, regions=REGIONS, scenario=EVERY_KIND)
    assert {fault.kind for fault in plan.faults(START_MS)} == set(FAULTS)


def test_trouble_on_the_way_is_carried_out_live_and_loses_nothing(broker, gateway, tmp_path):
    (tmp_path / "trouble.yaml").write_text(TROUBLE)
    told = {"mqtt_port": broker.port, "vehicles": 7, "rate_hz": 10.0, "seconds": 2.5, "regions": REGIONS, "resend_s": 5.0, "hot_vehicles": 0}
    scripted = gateway(broker.port, REGIONS, lambda _: {"held", "safe"})
    arrived: list[tuple[str, int]] = []
    scripted.says = lambda one: (arrived.append((one.vehicle_id, one.seq)) if one.kind == "telemetry" else None) or {"held", "safe"}
    settings = FleetSettings(**told, scenario=str(tmp_path / "trouble.yaml"), labels=str(tmp_path / "labels.jsonl"), boot_id="0000000a")
    summary = simulate(settings)
    assert summary.safe == summary.published == len(scripted.identities())
    assert summary.pending == 0
    seen = scripted.counts()

    def of(number, kind="telemetry"):
        return [one for one in scripted.identities() if one.vehicle_id == f"SIM-{number:05d}" and one.kind == kind]

    boots = {boot: sorted(one.seq for one in of(1) if one.boot_id == boot) for boot in {one.boot_id for one in of(1)}}
    assert len(boots) == 2, "the unit started anew"
    assert all(seqs == list(range(len(seqs))) for seqs in boots.values())
    assert sum(map(len, boots.values())) == pytest.approx(20, abs=1), "it was off for half a second"
    assert len(of(2)) == len(of(7)) == 25, "what an outage held back came in the end"
    assert all(seen[one] == 2 for one in of(3))
    assert all(seen[one] == 1 for one in of(7))
    fourth, seventh = ([seq for name, seq in arrived if name == f"SIM-{number:05d}"] for number in (4, 7))
    assert fourth != sorted(fourth) == list(range(25))
    assert seventh == sorted(seventh)
    assert 0 < sum(broken(scripted.payloads[one]) for one in of(5)) < 25
    clock = [decode_payload("telemetry", scripted.payloads[one]).ts for one in of(6)]
    assert max(clock) < min(decode_payload("telemetry", scripted.payloads[one]).ts for one in of(7)) - 7_000_000
    written = {one.vehicle_id: one for one in labels.read(tmp_path / "labels.jsonl")}
    assert len(written) == 6
    begin = min(decode_payload("telemetry", scripted.payloads[one]).ts for one in of(7))
    assert math.isclose(written["SIM-00002"].start_ts, begin + 500, abs_tol=200)


def broken(payload):
    try:
        decode_payload("telemetry", payload)
    except Malformed:
        return True
    return False
