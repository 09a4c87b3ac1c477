import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.codec import decode_payload
from contracts.errors import Terminal
from contracts.identity import KINDS, VEHICLE_ID
from simulators.mapping import mapping_file, shipped_mappings
from simulators.recordings import load
from simulators.replay_source import ReplaySource
from simulators.run import replay
from simulators.settings import ReplaySettings

REGIONS = ("eu-north", "us-east")
START_MS = 1_760_000_000_000
ROOT = Path(__file__).parents[2]

I3 = {
    "trip": ["a 1"] * 4 + ["b"] * 3,
    "time_s": [0, 1, 2, 3, 0, 1, 2],
    "speed_kmh": [0.0, 36.0, 36.0, 0.0, 72.0, 72.0, 72.0],
    "elevation_m": [500.0] * 7,
    "batt_voltage_v": [400.0] * 7,
    "batt_current_a": [0.0, -90.0, -9.0, 45.0, -9.0, -9.0, float("nan")],
    "batt_temp_c": [20.0] * 7,
    "soc_pct": [80.0] * 6 + [180.0],
    "heating_power_can_kw": [0.5] * 7,
    "aircon_power_kw": [0.25] * 7,
    "ambient_temp_c": [18.0] * 7,
    "cabin_temp_c": [21.0] * 7,
    "motor_torque_nm": [10.0] * 7,
}


@pytest.fixture
def recording(tmp_path):
    """A small made-up file with the columns of the i3's."""
    path = tmp_path / "trips.parquet"
    pq.write_table(pa.table(I3), path)
    return path


def play(source):
    """(ts, seconds after the start at which it was due, vehicle id, event or telemetry) of all messages."""
    out = []
    while (due_s := source.due_s()) is not None:
        for message in source.take(START_MS):
            decoded = decode_payload(KINDS[message.kind], message.payload)
            out.append((decoded.ts, due_s, source.vehicles[message.vehicle].vehicle_id, decoded))
    return out


def telemetry(played, vehicle):
    return [one[3] for one in played if one[2] == vehicle and hasattr(one[3], "signals")]


def test_columns_become_signals_in_our_units_and_signs_with_counters_from_the_recording(recording):
    played = play(ReplaySource(load(recording, shipped_mappings()), REGIONS, 1.0))
    frames = telemetry(played, "I3-A-1")
    assert [one.signals["pack_a"] for one in frames] == [0.0, -90.0, -9.0, 45.0]
    assert [one.signals["pack_w"] for one in frames] == [0, -36_000, -3_600, 18_000]
    assert [one.signals["energy_out_kwh"] for one in frames] == [0.0, 0.01, 0.011, 0.011]
    assert [one.signals["energy_in_kwh"] for one in frames] == [0.0, 0.0, 0.0, 0.005]
    assert [one.signals["odometer_m"] for one in frames] == [0, 10, 20, 20]
    assert frames[0].signals["hvac_w"] == 750


def test_a_value_that_is_missing_or_impossible_is_left_out(recording):
    last = telemetry(play(ReplaySource(load(recording, shipped_mappings()), REGIONS, 1.0)), "I3-B")[-1].signals
    assert not {"soc_pct", "pack_a", "pack_w"} & set(last)
    assert last["speed_kmh"] == 72.0


def test_at_the_pace_of_the_recording_a_frame_is_dated_when_it_is_due(recording):
    played = play(ReplaySource(load(recording, shipped_mappings()), REGIONS, 1.0))
    assert all(ts == START_MS + round(due_s * 1000) for ts, due_s, _, _ in played)
    assert {round(due_s % 1, 3) for _, due_s, _, _ in played} == {0.0, 0.5}, "two trips do not send at the same instants"


@pytest.mark.parametrize("speed", [0.0, 2.0, 10.0])
def test_at_any_speed_the_last_frame_is_now_and_the_distances_are_the_recordings(recording, speed):
    played = play(ReplaySource(load(recording, shipped_mappings()), REGIONS, speed))
    for vehicle, seconds in (("I3-A-1", 3), ("I3-B", 2)):
        frames = [one for one in played if one[2] == vehicle and hasattr(one[3], "signals")]
        assert np.diff([one[0] for one in frames]).tolist() == [1000] * seconds
        assert frames[-1][0] == START_MS + round(frames[-1][1] * 1000)


def test_a_recording_without_a_position_drives_a_marked_route_of_its_own_length(recording):
    frames = telemetry(play(ReplaySource(load(recording, shipped_mappings()), ("us-east",), 1.0)), "I3-B")
    assert all(one.signals["position_synthetic"] == 1 for one in frames)
    north = np.diff([one.signals["lat"] for one in frames]) * 111_320
    east = np.diff([one.signals["lon"] for one in frames]) * 111_320 * np.cos(np.radians(frames[0].signals["lat"]))
    assert np.allclose(np.hypot(north, east), 20.0, atol=0.5)


def test_every_trip_becomes_a_vehicle_that_boots(recording):
    played = play(ReplaySource(load(recording, shipped_mappings()), REGIONS, 1.0))
    boots = {one[2]: one[3].attributes["trip"] for one in played if not hasattr(one[3], "signals")}
    assert boots == {"I3-A-1": "a 1", "I3-B": "b"}
    assert all(VEHICLE_ID.fullmatch(name) for name in boots)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot read the recording"),
        (b"not parquet at all", "cannot read the recording"),
        ({"trip": ["a"], "time_s": [0]}, "lacks columns"),
        ({name: [] for name in I3}, "has no rows"),
        (I3 | {"speed_kmh": ["fast"] * 7}, "holds no numbers"),
    ],
)
def test_a_file_that_cannot_be_replayed_is_one_sentence_and_a_useful_exit_code(tmp_path, content, sentence):
    path = tmp_path / "bad.parquet"
    if isinstance(content, dict):
        pq.write_table(pa.table(content), path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(Terminal, match=sentence):
        replay(ReplaySettings(files=(str(path),)))
    done = subprocess.run(
        [sys.executable, "-m", "simulators", "replay", str(path)], check=False, cwd=ROOT, env=os.environ, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_the_same_trip_twice_is_refused(recording):
    with pytest.raises(Terminal, match="I3-A-1, I3-B"):
        replay(ReplaySettings(files=(str(recording), str(recording))))


def test_a_trip_that_is_not_there_is_refused_with_those_that_are(recording):
    with pytest.raises(Terminal, match="known are a 1, b"):
        replay(ReplaySettings(files=(str(recording),), trips=("c",)))


def test_no_file_at_all_is_refused():
    with pytest.raises(Terminal, match="no recording"):
        replay(ReplaySettings())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: x", "malformed"),
        ("a: [", "no YAML"),
        ("{name: x, prefix: X, model: m, time: {column: t}, signals: {warp_factor: {columns: [w]}}}", "unknown signals warp_factor"),
        ("{name: x, prefix: X, model: m, time: {column: t}, signals: {soc_pct: {columns: [w], fcator: 2}}}", "fcator"),
    ],
)
def test_a_wrong_mapping_is_one_sentence(tmp_path, text, sentence):
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(Terminal, match=sentence):
        mapping_file(tmp_path / "m.yaml")


def test_a_mapping_of_ones_own_turns_signs_and_units(tmp_path):
    (tmp_path / "drive.csv").write_text("t_ms,out_a\n0,10\n1000,-20\n")
    (tmp_path / "m.yaml").write_text(
        "{name: x, prefix: CAR, model: m, time: {column: t_ms, unit: ms}, signals: {pack_a: {columns: [out_a], factor: -1}}}"
    )
    (found,) = load(tmp_path / "drive.csv", [mapping_file(tmp_path / "m.yaml")])
    assert found.vehicle_id == "CAR-DRIVE"
    assert found.time_s.tolist() == [0.0, 1.0]
    assert found.columns["pack_a"].tolist() == [-10.0, 20.0]


def test_the_whole_history_arrives_as_fast_as_it_becomes_safe(broker, gateway, recording, tmp_path):
    scripted = gateway(broker.port, REGIONS, lambda _: {"held", "safe"})
    summary = replay(ReplaySettings(mqtt_port=broker.port, files=(str(recording),), speed=0.0, ledger=str(tmp_path / "ledger")))
    assert summary.published == summary.safe == len(scripted.identities()) == 7 + 2
    assert summary.dropped == 0


@pytest.mark.recordings
def test_the_energy_of_every_i3_trip_is_the_recordings(recordings_folder):
    path = recordings_folder / "bmw_i3_driving" / "trips_1hz.parquet"
    table = pq.read_table(path).to_pandas()
    source = ReplaySource(load(path, shipped_mappings()), REGIONS, 0.0)
    last = {}
    while source.due_s() is not None:
        for message in source.take(START_MS):
            if KINDS[message.kind] == "telemetry":
                last[source.vehicles[message.vehicle].vehicle_id] = decode_payload("telemetry", message.payload).signals
    assert len(last) == 24
    for trip, rows in table.groupby("trip"):
        watts = rows.batt_voltage_v.astype(float) * rows.batt_current_a.astype(float)
        signals = last[f"I3-{trip.upper()}"]
        assert signals["energy_out_kwh"] == pytest.approx(-watts[watts < 0].sum() / 3.6e6, abs=0.00051)
        assert signals["energy_in_kwh"] == pytest.approx(watts[watts > 0].sum() / 3.6e6, abs=0.00051)
        assert signals["odometer_m"] == pytest.approx(rows.speed_kmh.astype(float).sum() / 3.6, abs=1.01)


@pytest.mark.recordings
def test_the_twizy_keeps_its_real_positions_and_leaves_out_the_impossible_ones(recordings_folder):
    found = load(recordings_folder / "twizy_gps_driving" / "trips_1hz.parquet", shipped_mappings())
    assert len(found) == 12
    lat = np.concatenate([one.columns["lat"] for one in found])
    assert np.isnan(lat).sum() > 0
    assert 33.5 < np.nanmin(lat) < np.nanmax(lat) < 34.5
    source = ReplaySource(found, REGIONS, 1.0)
    frame = decode_payload("telemetry", next(one for one in source.take(START_MS) if KINDS[one.kind] == "telemetry").payload)
    assert frame.signals["position_synthetic"] == 0


@pytest.mark.recordings
def test_all_36_real_trips_replay_at_once(recordings_folder, broker, gateway, tmp_path):
    scripted = gateway(broker.port, REGIONS, lambda _: {"held", "safe"})
    files = tuple(str(recordings_folder / name / "trips_1hz.parquet") for name in ("bmw_i3_driving", "twizy_gps_driving"))
    options = {"mqtt_port": broker.port, "seconds": 3.0, "registry": str(tmp_path / "vehicles.csv")}
    summary = replay(ReplaySettings(files=files, **options))
    assert summary.vehicles == 36
    assert summary.safe == summary.published == 36 * 4
    assert len({one.vehicle_id for one in scripted.identities()}) == 36
    assert len((tmp_path / "vehicles.csv").read_text().splitlines()) == 37
    assert json.loads(scripted.payloads[sorted(scripted.identities())[0]])
