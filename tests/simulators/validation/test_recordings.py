from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from simulators.validation import recordings


def drive(folder: Path, **columns: np.ndarray) -> list[recordings.Drive] | None:
    names = ("speed_kmh", "elevation_m", "batt_voltage_v", "batt_current_a", "batt_temp_c", "soc_pct", "ambient_temp_c")
    length = len(columns["time_s"])
    every = {name: np.linspace(1, 2, length) for name in names} | columns
    (folder / "bmw_i3_driving").mkdir()
    pq.write_table(pa.table({"trip": ["TripX7"] * length} | every), folder / "bmw_i3_driving" / "x.parquet")
    return recordings.drives(folder)


def test_a_drive_with_gaps_is_brought_to_whole_seconds(tmp_path: Path) -> None:
    time = np.delete(np.arange(200.0), [50, 51, 52, 120])
    found = drive(tmp_path, time_s=time, speed_kmh=time * 0.5)
    assert found
    assert found[0].columns["speed_kmh"] == pytest.approx(np.arange(200) * 0.5)
    assert (found[0].number, found[0].identity) == (7, "TripX7/200")


def test_missing_values_are_filled_and_a_drive_that_is_mostly_missing_is_left_out(tmp_path: Path) -> None:
    time = np.arange(100.0)
    some = np.where(time % 10 == 3, np.nan, time)
    found = drive(tmp_path, time_s=time, batt_current_a=some)
    assert found
    assert found[0].columns["batt_current_a"] == pytest.approx(time)
    (tmp_path / "other").mkdir()
    assert drive(tmp_path / "other", time_s=time, batt_current_a=np.where(time > 30, np.nan, time)) is None


def test_suspect_tests_and_tests_without_figures_are_left_out_but_keep_their_running_number(tmp_path: Path) -> None:
    folder = tmp_path / "epa_ev_dyno"
    folder.mkdir()
    rows = {
        "test_number": ["A", "B", "C", "D", "E"],
        "test_vehicle_id": ["v", "v", "1NFV5831", "v", "v"],
        "test_mass_kg": [1500.0, 1500.0, 1500.0, 1500.0, None],
        "f0_n": [100.0] * 5,
        "f1_n_per_mps": [1.0] * 5,
        "f2_n_per_mps2": [0.4] * 5,
        "cycle": ["udds"] * 5,
        "ac_wh_per_km_clean": [120.0] * 5,
        "unit_suspect": ["False", "True", "False", "False", "False"],
    }
    pyarrow.csv.write_csv(pa.table(rows), folder / "mine.csv")
    found = recordings.epa_tests(tmp_path)
    assert found
    assert [(row["test_number"], row["row"]) for row in found] == [("A", 1), ("D", 4)]


def test_folders_that_are_not_there_are_none(tmp_path: Path) -> None:
    assert recordings.epa_tests(tmp_path) is None
    assert recordings.cycles(tmp_path) is None
    assert recordings.drives(tmp_path) is None
    assert recordings.fastsim(tmp_path) is None
    assert recordings.dc_curves(tmp_path) is None
    assert recordings.sessions(tmp_path) is None
