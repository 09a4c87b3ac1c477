from pathlib import Path

import pyarrow.parquet as pq
import pytest

from contracts.errors import Terminal
from simulators.history import files
from simulators.history.tables import Wanted, faults_of
from simulators.physics.world import Fleet
from simulators.scenarios import labels, scenario

WISH = Wanted(fleet=Fleet(vehicles=6, seed=2), start_s=1_781_071_200.0, days=2 / 24)


def test_history_stands_in_files_with_its_labels_beside_it(tmp_path: Path) -> None:
    ordered = scenario.parsed("name: t\nfaults:\n  - {kind: cell.weak_capacity, vehicles: {count: 2}}\n")
    heard: list[float] = []
    found = files.write(WISH, faults_of(WISH, ordered), tmp_path / "h", heard.append)
    assert (found.telemetry, found.cells, found.labels) == (6 * 120, 6 * 12, 2)
    assert pq.read_table(tmp_path / "h" / "telemetry").num_rows == 720
    assert [one.vehicle_id for one in labels.read(tmp_path / "h" / "labels.jsonl")] == ["SIM-00001", "SIM-00002"]
    assert heard[-1] == 1
    assert not list((tmp_path / "h").rglob("*.tmp"))


def test_a_history_is_the_same_twice_and_never_overwrites(tmp_path: Path) -> None:
    files.write(WISH, [], tmp_path / "a")
    files.write(WISH, [], tmp_path / "b")
    for kind in files.KINDS:
        assert pq.read_table(tmp_path / "a" / kind).equals(pq.read_table(tmp_path / "b" / kind)), kind
    with pytest.raises(Terminal, match="holds a history already"):
        files.write(WISH, [], tmp_path / "a")
