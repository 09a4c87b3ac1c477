import json
from pathlib import Path

import pytest

from contracts.errors import Terminal
from simulators.scenarios import labels, scenario, schema
from simulators.scenarios.kinds import KINDS
from simulators.scenarios.plan import of_group, planned

GOOD = """
name: several
faults:
  - kind: cell.weak_capacity
    vehicles: {share: 0.25}
    start_s: [0, 600]
    duration_s: 3600
    severity: [0.3, 0.9]
  - kind: sensor.drift
    vehicles: {ids: [SIM-00004, SIM-00015]}
    signals: [pack_temp_c, pack_v]
    parameters: {amount: 8}
  - kind: network.outage
    vehicles: {count: 2}
    start_s: 60
"""


def test_a_good_file_becomes_orders() -> None:
    found = scenario.parsed(GOOD)
    assert found.name == "several"
    assert [order.kind for order in found.orders] == ["cell.weak_capacity", "sensor.drift", "network.outage"]
    assert found.orders[0].severity == (0.3, 0.9)
    assert found.orders[1].parameters == {"amount": 8.0}
    assert found.orders[2].start_s == (60.0, 60.0)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "empty"),
        ("name: x\nfaults:\n  - kind: [", 3, "no YAML"),
        ("name: x\nfaults: 7\n", 2, "must be a list"),
        ("name: x\n", 1, "faults is missing"),
        ("name: x\nfaults:\n  - kind: cell.melted\n    vehicles: {count: 1}\n", 3, "unknown kind 'cell.melted'; known are cell.weak_capacity"),
        ("name: x\nfaults:\n  - kind: pack.contactor\n", 3, "vehicles is missing"),
        ("name: x\nfaults:\n  - kind: pack.contactor\n    vehicles: {count: 1, share: 0.5}\n", 4, "exactly one of"),
        ("name: x\nfaults:\n  - kind: pack.contactor\n    vehicles: {share: 1.5}\n", 4, "1.5 is out of range; it must be 0 to 1"),
        ("name: x\nfaults:\n  - kind: pack.contactor\n    vehicles: {count: -1}\n", 4, "0 or more"),
        ("name: x\nfaults:\n  - kind: pack.contactor\n    vehicles: {count: 1}\n    severity: [0.9, 0.1]\n", 5, "upside down"),
        ("name: x\nfaults:\n  - kind: pack.contactor\n    vehicles: {count: 1}\n    severity: bad\n", 5, "'bad' is not a number"),
        ("name: x\nfaults:\n  - kind: pack.contactor\n    vehicles: {count: 1}\n    start_s: .nan\n", 5, "not a number"),
        ("name: x\nfaults:\n  - kind: sensor.stuck\n    vehicles: {count: 1}\n", 3, "name them in `signals`"),
        ("name: x\nfaults:\n  - kind: sensor.stuck\n    vehicles: {count: 1}\n    signals: [warp]\n", 5, "unknown signal 'warp'"),
        ("name: x\nfaults:\n  - kind: unit.reboot\n    vehicles: {count: 1}\n    signals: [pack_v]\n", 5, "only sensor faults"),
        (
            "name: x\nfaults:\n  - kind: unit.reboot\n    vehicles: {count: 1}\n    parameters: {volume: 1}\n",
            5,
            "unit.reboot has no parameter 'volume'",
        ),
        ("name: x\nfaults:\n  - kind: unit.reboot\n    vehicles: {count: 1}\n    colour: red\n", 5, "unknown field 'colour'"),
        ("name: x\nname: y\nfaults: []\n", 2, "stands twice"),
        ("- 1\n", 1, "must be a mapping"),
    ],
)
def test_a_wrong_file_gives_line_and_reason(text: str, line: int, reason: str) -> None:
    with pytest.raises(Terminal) as caught:
        scenario.parsed(text, "my.yaml")
    assert f"my.yaml, line {line}: " in str(caught.value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Terminal, match="cannot be read"):
        scenario.load(tmp_path / "none.yaml")


def test_the_published_schema_is_that_of_the_catalogue() -> None:
    published = json.loads((Path(schema.__file__).parent / "schema.json").read_text())
    assert published == schema.schema()
    fault = published["properties"]["faults"]["items"]
    assert fault["properties"]["kind"]["enum"] == list(KINDS)
    assert {rule["if"]["properties"]["kind"]["const"] for rule in fault["allOf"]} == set(KINDS)


def test_every_fault_of_the_issue_has_a_kind() -> None:
    wanted = {
        "cell": {"weak_capacity", "self_discharge", "high_resistance", "internal_short", "thermal_runaway"},
        "pack": {"cooling_failure", "isolation_loss", "contactor", "imbalance"},
        "sensor": {"stuck", "drift", "bias", "noise_burst", "spike", "missing"},
        "unit": {"reboot", "clock_skew", "clock_jump"},
        "network": {"outage", "delay", "duplicate", "reorder", "corrupt"},
    }
    assert {f"{group}.{name}" for group, names in wanted.items() for name in names} == set(KINDS)


def test_the_plan_of_a_vehicle_does_not_depend_on_the_fleet() -> None:
    found = scenario.parsed(GOOD)
    large, small = planned(found, 1, range(400), 1e9), planned(found, 1, range(10, 20), 1e9)
    assert [fault for fault in large if 10 <= fault.vehicle < 20] == small
    assert 60 < sum(fault.kind == "cell.weak_capacity" for fault in large) < 140
    assert {fault.vehicle for fault in large if fault.kind == "sensor.drift"} == {3, 14}
    assert {fault.vehicle for fault in of_group(large, "network")} == {0, 1}
    assert planned(found, 2, range(400), 1e9) != large


def test_labels_say_who_what_when_and_how_bad(tmp_path: Path) -> None:
    faults = planned(scenario.parsed(GOOD), 1, range(20), 1_000_000.0)
    assert labels.write(faults, lambda number: f"SIM-{number + 1:05d}", tmp_path / "labels.jsonl") == len(faults)
    found = labels.read(tmp_path / "labels.jsonl")
    outage = next(one for one in found if one.kind == "network.outage")
    assert (outage.vehicle_id, outage.start_ts, outage.end_ts, outage.group) == ("SIM-00001", 1_000_060_000, None, "network")
    weak = next(one for one in found if one.kind == "cell.weak_capacity")
    assert 0.3 <= weak.severity <= 0.9
    assert weak.end_ts == pytest.approx(weak.start_ts + 3_600_000, abs=1)


def test_the_shipped_example_has_every_kind_and_stands() -> None:
    found = scenario.load(Path(scenario.__file__).parent / "examples" / "every_kind.yaml")
    assert {order.kind for order in found.orders} == set(KINDS)
    assert {fault.kind for fault in planned(found, 1, range(60), 0.0)} == set(KINDS)
