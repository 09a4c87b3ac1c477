import csv

import pytest

from contracts.errors import Terminal
from contracts.identity import VEHICLE_ID
from simulators.fleet_source import FleetSource, Plan
from simulators.ledger import Stream, read_ledgers
from simulators.registry import COLUMNS, write_registry

LINE = b'{"vehicle_id":"A","kind":"telemetry","boot_id":"00000001","published":[[0,%d]],"safe":[[0,%d]],"dropped":[]}\n'


def test_ledgers_of_several_runs_are_joined(tmp_path):
    (tmp_path / "fleet").mkdir()
    (tmp_path / "fleet" / "ledger-1.jsonl").write_bytes(LINE % (9, 4))
    (tmp_path / "ledger-2.jsonl").write_bytes(LINE % (11, 2) + LINE.replace(b"00000001", b"00000002") % (0, 0))
    found = read_ledgers(tmp_path)
    assert found[Stream("A", "telemetry", "00000001")].published.pairs() == [(0, 11)]
    assert found[Stream("A", "telemetry", "00000001")].safe.pairs() == [(0, 4)]
    assert len(found) == 2


def test_a_ledger_that_cannot_be_read_is_named_with_its_line(tmp_path):
    (tmp_path / "ledger-1.jsonl").write_bytes(LINE % (9, 4) + b'{"vehicle_id": 3}\n')
    with pytest.raises(Terminal, match=r"ledger-1.jsonl line 2"):
        read_ledgers(tmp_path)


def test_the_registry_names_every_vehicle_with_a_valid_vin(tmp_path):
    vehicles = FleetSource(Plan(vehicles=40, regions=("eu-north", "us-east", "no-such-city"))).vehicles
    assert write_registry(tmp_path / "vehicles.csv", vehicles) == 40
    rows = list(csv.DictReader((tmp_path / "vehicles.csv").read_text().splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert len({row["vin"] for row in rows}) == 40
    for row in rows:
        assert VEHICLE_ID.fullmatch(row["vehicle_id"])
        assert check_digit(row["vin"]) == row["vin"][8]
        assert -90 <= float(row["home_lat"]) <= 90
    assert rows[0]["tags"] == "simulated;runs-hot"


def check_digit(vin):
    """49 CFR 565.15, written a second time."""
    letters = dict(zip("ABCDEFGH", range(1, 9), strict=True)) | dict(zip("JKLMN", range(1, 6), strict=True)) | {"P": 7, "R": 9}
    letters |= dict(zip("STUVWXYZ", range(2, 10), strict=True))
    total = 0
    for place, letter in enumerate(vin, 1):
        weight = 10 if place == 8 else 0 if place == 9 else 9 - place if place < 8 else 19 - place
        total += weight * (int(letter) if letter.isdigit() else letters[letter])
    return "X" if total % 11 == 10 else str(total % 11)


def test_a_registry_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Terminal, match="cannot write"):
        write_registry(tmp_path / "file" / "vehicles.csv", [])
