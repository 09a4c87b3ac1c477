"""The shipped mappings on files of their shapes, and the published schema."""

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.codec import decode_payload
from contracts.identity import KINDS
from simulators.mapping import SCHEMA, schema_text, shipped_mappings
from simulators.recordings import load
from simulators.replay_source import ReplaySource
from simulators.run import replay
from simulators.settings import ReplaySettings

ROOT = Path(__file__).parents[2]
REGIONS = ("eu-north", "us-east")
START_MS = 1_760_000_000_000


def car3(rows):
    """A made-up file with the columns of car3: a row each 10 s."""
    start = np.datetime64("2019-04-15T18:09:06", "us")
    columns = {"tboxTime": start + np.arange(rows) * np.timedelta64(10, "s"), "vehSpeed": [36.0] * rows, "BMSBatteryVoltage": [350.0] * rows}
    columns |= {"BMSCellVoltageMax": [3.95] * rows, "BMSCellVoltageMin": [3.90] * rows, "BMSBatteryCurrent": [50.0] * rows}
    columns |= {"vehBMSPackSOC": [72] * (rows - 1) + [255], "BMSProbeTempMax": [26] * rows, "BMSProbeTempMin": [25] * rows}
    columns |= {"insulationResistance": [11520.0] * rows}
    columns |= {f"V_{cell}": [3.9 + cell / 10_000] * rows for cell in range(1, 88)}
    columns |= {f"T_{probe}": [255.0 if 8 <= probe <= 15 else 60.0 + probe / 10] * rows for probe in range(1, 24)}
    return columns


def played(source):
    found = {kind: [] for kind in KINDS}
    while source.due_s() is not None:
        for one in source.take(START_MS):
            found[KINDS[one.kind]].append(decode_payload(KINDS[one.kind], one.payload))
    return found


def test_a_car_with_all_its_cells_is_replayed_with_our_signs_and_without_what_is_invalid(tmp_path):
    columns = car3(6)
    columns["V_2"] = [3.9, 3.9, 66.54, 3.9, 3.9, 3.9]
    pq.write_table(pa.table(columns), tmp_path / "car3.parquet")
    (found,) = load(tmp_path / "car3.parquet", shipped_mappings())
    messages = played(ReplaySource([found], REGIONS, 1.0))
    assert found.vehicle_id == "FAULT-CAR3"
    frames = [one.signals for one in messages["telemetry"]]
    assert [one["pack_a"] for one in frames] == [-50.0] * 6
    assert [one["pack_w"] for one in frames] == [-17_500] * 6
    assert "soc_pct" not in frames[-1]
    assert frames[0]["soc_pct"] == 72
    cells = messages["cells"]
    assert [one.ts for one in cells] == [one.ts for at, one in enumerate(messages["telemetry"]) if at != 2]
    assert all(len(one.cell_v) == 87 for one in cells)
    assert cells[0].probe_c == [*(round(20 + probe / 10, 1) for probe in range(1, 8)), *(round(20 + probe / 10, 1) for probe in range(16, 24))]


def test_every_drive_cycle_of_a_file_is_a_vehicle_and_several_files_run_at_once(broker, tmp_path):
    (tmp_path / "cycles.csv").write_text("cycle,time_s,speed_mps,grade\nudds,0,0,0\nudds,1,10,0\nhwfet,0,0,\nhwfet,1,20,\n")
    pq.write_table(pa.table(car3(3)), tmp_path / "car3.parquet")
    files = (str(tmp_path / "cycles.csv"), str(tmp_path / "car3.parquet"))
    summary = replay(ReplaySettings(mqtt_port=broker.port, files=files, speed=0.0, puback_is_safe=True))
    assert summary.vehicles == 3
    assert summary.safe == summary.published == 2 + 2 + 3 + 3 + 3


def test_the_published_schema_is_that_of_the_mappings():
    assert SCHEMA.read_bytes() == schema_text()
    known = msgspec.json.decode(schema_text())["$defs"]["Mapping"]["properties"]["signals"]["propertyNames"]["enum"]
    for mapping in shipped_mappings():
        assert set(mapping.signals) <= set(known)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["no-such-file.parquet"], "cannot read the recording no-such-file.parquet: there is no such file"),
        (["pyproject.toml"], "cannot read the recording pyproject.toml"),
        (["pyproject.toml", "--mapping", "no.yaml"], "cannot read the mapping no.yaml"),
        (["pyproject.toml", "--speed", "0.1"], "speed 0.1"),
    ],
)
def test_a_recording_that_cannot_be_read_is_one_sentence_and_exit_code_2(words, sentence):
    command = [sys.executable, "-m", "voltlake", "replay", "--broker", "mqtt://127.0.0.1:9", *words]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.recordings
def test_the_cars_with_faults_replay_with_all_their_cells(recordings_folder):
    expected = {"car1": (96, 24), "car3": (87, 15)}
    for name, (cells, probes) in expected.items():
        (found,) = load(recordings_folder / "ev_battery_faults" / f"{name}.parquet", shipped_mappings())
        assert found.cells.cell_v.shape[1:] == (cells,)
        assert found.cells.probe_c.shape[1:] == (probes,)
        assert found.cells.cell_v.max() < 4.3
        assert 5 < found.cells.probe_c.min() <= found.cells.probe_c.max() < 60
        charging = found.columns["pack_a"] > 20
        assert found.columns["speed_kmh"][charging].mean() < found.columns["speed_kmh"][found.columns["pack_a"] < -20].mean()


@pytest.mark.recordings
def test_the_standard_cycles_replay_with_their_distance(recordings_folder):
    found = load(recordings_folder / "drive_cycles" / "drive_cycles_fastsim.csv.gz", shipped_mappings())
    metres = {one.trip: one.columns["odometer_m"][-1] for one in found}
    assert len(found) == 10
    assert metres["udds"] == pytest.approx(11_990, rel=0.01)
    assert metres["hwfet"] == pytest.approx(16_503, rel=0.01)
