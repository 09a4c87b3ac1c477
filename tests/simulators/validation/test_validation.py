"""The validation on small made-up data of the same layout, and on the real data where they are."""

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.report import Report
from simulators.physics.models import fits
from simulators.validation import behaviour, i3, recorded_load, recordings
from simulators.validation.recordings import Drive
from simulators.validation.split import is_test, unseen

ROOT = Path(__file__).parents[3]
KEYS = {
    "epa_mae_pct": 7.0,
    "i3_energy_mape_pct": 8.0,
    "i3_voltage_rmse_v": 5.0,
    "dc_10_80_max_error_pct": 15.0,
    "fastsim_mae_pct": 10.0,
    "charging_ks": 0.2,
}


def judge(*arguments: str) -> subprocess.CompletedProcess[str]:
    asked = [sys.executable, "-m", "simulators.validation", *arguments]
    return subprocess.run(asked, capture_output=True, text=True, timeout=200, cwd=ROOT, check=False)


def a_drive(name: str, scale: float = 1.0, seconds: int = 600) -> pa.Table:
    """A drive whose power is what the model predicts, times `scale`."""
    time = np.arange(seconds)
    speed = 40 * np.abs(np.sin(time / 60))
    zero = np.zeros(seconds)
    columns = {
        "speed_kmh": speed, "elevation_m": zero + 500, "ambient_temp_c": zero + 20, "batt_temp_c": zero + 22, "soc_pct": zero + 80,
        "heating_power_can_kw": zero, "aircon_power_kw": zero, "batt_voltage_v": zero + 370, "batt_current_a": zero,
    }  # fmt: skip
    watts = i3.power_w(fits()["i3"].values, i3.trace(fits()["i3"].values, Drive(name, columns))) * scale
    columns["batt_current_a"] = -np.concatenate([[0], watts]) / 370
    return pa.table({"trip": [name] * seconds, "time_s": time} | columns)


def test_running_numbers_divisible_by_four_are_the_test_part() -> None:
    assert [number for number in range(1, 13) if is_test(number)] == [4, 8, 12]
    assert unseen(["a", "b"], ["b"]) == [True, False]


def test_no_shipped_fit_has_seen_a_record_of_the_test_part() -> None:
    for group in ("i3", "i3_pack"):
        numbers = [int(identity.split("/")[0].removeprefix("TripA")) for identity in fits()[group].fitted_on]
        assert numbers
        assert not any(is_test(number) for number in numbers)
    assert not any(identity.startswith(i3.IMPOSSIBLE) for identity in fits()["i3"].fitted_on)


def test_other_drives_of_the_same_columns_are_judged_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "bmw_i3_driving"
    folder.mkdir()
    pq.write_table(a_drive("TripZ01", 1.0), folder / "mine.parquet")
    pq.write_table(a_drive("TripZ02", 1.25), folder / "other.parquet")
    ran = judge("--data", str(tmp_path), "--json", str(tmp_path / "v.json"), "--out", str(tmp_path / "page" / "v.md"))
    assert "skipped: EPA 2022 dynamometer tests" in ran.stdout
    found = msgspec.json.decode((tmp_path / "v.json").read_bytes(), type=Report)
    assert found.figures["i3_energy_mape_pct"].value == pytest.approx(10, abs=0.1)
    assert found.figures["i3_drives"].value == 2
    assert found.name == "validation"
    page = (tmp_path / "page" / "v.md").read_text()
    assert "TripZ02" in page
    for picture in (tmp_path / "page" / "validation").iterdir():
        assert picture.stat().st_size < 60_000


def test_absent_or_broken_data_are_one_sentence(tmp_path: Path) -> None:
    ran = judge("--data", str(tmp_path / "nowhere"))
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert "there is no folder" in ran.stderr
    ran = judge("--data", str(tmp_path), "--out", str(tmp_path / "v.md"))
    assert ran.returncode == 2
    assert "holds none of the data" in ran.stderr
    (tmp_path / "epa_ev_dyno").mkdir()
    (tmp_path / "epa_ev_dyno" / "tests.csv").write_text("make,model\nA,B\n")
    ran = judge("--data", str(tmp_path))
    assert ran.returncode == 2
    assert "lacks the columns" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_spikes_and_stuck_offsets_leave_the_heating_record_and_a_real_heater_stays() -> None:
    rng = np.random.default_rng(1)
    offset = np.full(600, 1.5)
    offset[rng.integers(0, 600, 20)] = 5.0
    assert recorded_load.offset(recorded_load.without_spikes(offset)) == pytest.approx(1.5)
    heater = 1.5 + 4 * np.exp(-np.arange(600) / 120) + 0.2 * rng.standard_normal(600)
    assert recorded_load.offset(recorded_load.without_spikes(heater)) == 0
    held = np.concatenate([np.full(400, 5.5), 2 + 0.2 * rng.standard_normal(200)])
    assert recorded_load.offset(held) == 0
    assert recorded_load.without_spikes(heater).mean() == pytest.approx(heater.mean(), rel=0.03)


def test_the_distance_of_distributions_is_that_of_kolmogorov_and_smirnov() -> None:
    even = np.arange(1000) / 1000
    assert behaviour.distance(even, even) == 0
    assert behaviour.distance(even, even + 0.3) == pytest.approx(0.3, abs=0.002)
    assert behaviour.distance(even, even + 5) == 1


@pytest.mark.recordings
def test_the_shipped_physics_reaches_what_it_must_on_the_measured_data(recordings_folder: Path, tmp_path: Path) -> None:
    ran = judge("--data", str(recordings_folder), "--json", str(tmp_path / "v.json"), "--out", str(tmp_path / "v.md"))
    assert ran.returncode == 0, ran.stderr
    found = msgspec.json.decode((tmp_path / "v.json").read_bytes(), type=Report)
    assert found.passed
    for key, must in KEYS.items():
        assert float(found.figures[key].value or 0) <= must, key
    assert float(found.figures["epa_within_10_pct"].value or 0) >= 70


@pytest.mark.recordings
def test_the_shipped_fit_is_what_the_fit_part_gives(recordings_folder: Path) -> None:
    from simulators.validation import fit

    drives = recordings.drives(recordings_folder)
    assert drives
    again = fit.fit_i3_pack(drives)
    for name, value in fits()["i3_pack"].values.items():
        assert again.values[name] == pytest.approx(value, rel=0.01), name
