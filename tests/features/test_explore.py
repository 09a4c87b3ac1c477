"""What a person finds out about the feature store at a terminal."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from feast import FeatureStore

from contracts.errors import Terminal
from features import drift, explore
from features.online import OnlineWriter
from features.store import APPLIED, apply, open_store
from features.transforms import VEHICLE_LIVE_FEATURES, live_columns, newest
from lakehouse import minutes, saved, writer
from lakehouse.tables import VEHICLE_MINUTES
from tests.features.made import T0, add, driven, frames, free_port, full


def test_every_feature_leads_back_to_signals_and_forward_to_services(store: FeatureStore) -> None:
    entries = explore.catalogue(store)
    assert len(entries) > 150
    assert all(entry.description and entry.owner for entry in entries)
    [row] = explore.lineage(store, "wh_per_km_15m")
    assert row["signals"] == "energy_out_kwh, energy_in_kwh, odometer_m, is_charging"
    assert (row["table"], row["view"]) == ("gold.vehicle_minutes", "vehicle_windows")
    assert "energy_v1" in row["services"]
    assert explore.describe(store, "vehicle_windows")["ttl"] == "1:00:00"
    assert explore.describe(store, "charging_v1")["kind"] == "feature service"
    assert explore.describe(store, "station")["join_key"] == "station_id"


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda store: explore.describe(store, "no_such"), "voltlake features list"),
        (lambda store: explore.lineage(store, "no_such"), "voltlake features list"),
        (lambda store: explore.service_of(store, "energy_v9"), "there are battery_fault_v1"),
        (lambda store: explore.historical(store, ["V"], "energy_v1", "2026-03-01T12:00:00"), "has no zone"),
        (lambda store: explore.historical(store, ["V"], "energy_v1", "noon"), "no instant"),
        (lambda store: list(explore.materialize(store, ["no_such"], "")), "no feature view 'no_such'"),
        (lambda store: list(explore.materialize(store, ["vehicle_windows"], "")), "live flow alone"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(store: FeatureStore, ask, said: str) -> None:
    with pytest.raises(Terminal, match=said):
        ask(store)


def test_an_old_value_is_shown_with_its_age_and_not_given_out(store: FeatureStore, empty_redis: str) -> None:
    OnlineWriter(empty_redis).write(newest(live_columns(frames(1, 1))))
    rows = explore.online(store, empty_redis, ["TEST-000", "NOBODY"], "energy_v1")
    live = {row["state"] for row in rows if row["vehicle_id"] == "TEST-000" and row["view"] == "vehicle_live"}
    assert live == {"stale"}
    assert all(row["value"] is None for row in rows)
    assert {row["state"] for row in rows if row["vehicle_id"] == "NOBODY"} == {"missing"}
    assert all(row["age_s"] > 600 for row in rows if row["state"] == "stale")


def test_a_registry_of_another_version_says_what_to_do(tmp_path: Path) -> None:
    apply(tmp_path, str(tmp_path / "lake"), "redis://127.0.0.1:1/0")
    (tmp_path / APPLIED).write_text("older")
    with pytest.raises(Terminal, match="voltlake features apply"):
        open_store(tmp_path, str(tmp_path / "lake"), "redis://127.0.0.1:1/0")


def test_a_postgres_registry_without_its_driver_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(Terminal, match="pip install"):
        apply(tmp_path, str(tmp_path / "lake"), "redis://127.0.0.1:1/0", "postgresql+psycopg://127.0.0.1:1/registry")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake in which three vehicles drove for three quarters of an hour."""
    lake = tmp_path_factory.mktemp("lived")
    rows = full("silver.telemetry", driven(30, 45 * 60, every_s=20))
    add(lake, "silver.telemetry", rows)
    add(lake, "gold.vehicle_minutes", minutes.revise(VEHICLE_MINUTES.empty_table(), minutes.partials(rows)))
    writer.ensure(str(lake), ["gold.trips", "gold.charging_sessions", "gold.battery_daily"])
    return lake


def test_a_shifted_feature_is_told_from_one_that_is_as_it_was(lived: Path, tmp_path: Path) -> None:
    apply(tmp_path / "repo", str(lived), "redis://127.0.0.1:1/0")
    store = open_store(tmp_path / "repo", str(lived), "redis://127.0.0.1:1/0")
    profiles = {row.feature: row for row in drift.profile(store, str(lived), "energy_v1", "2026-03-01")}
    assert profiles["speed_mean_kmh_5m"].null_share < 0.1
    assert saved.open_saved(str(lived), drift.TABLE).to_pyarrow_table().num_rows == len(profiles)
    now = drift.sample(store, str(lived), "energy_v1", T0.date())
    learned = pd.DataFrame({"speed_mean_kmh_5m": now["speed_mean_kmh_5m"] + 25, "climb_m_5m": now["climb_m_5m"]})
    saved.save(str(lived), "saved.learned", pa.Table.from_pandas(learned), overwrite=True)
    found = {row.feature: row for row in drift.drift(store, str(lived), "energy_v1", "2026-03-01", "saved.learned")}
    assert found["speed_mean_kmh_5m"].psi > 0.2 > found["climb_m_5m"].psi
    drift.draw(list(found.values()), 0.2, tmp_path / "drift.svg")
    assert "speed_mean_kmh_5m" in (tmp_path / "drift.svg").read_text() or (tmp_path / "drift.svg").stat().st_size > 1000
    with pytest.raises(Terminal, match="no vehicle was heard"):
        drift.profile(store, str(lived), "energy_v1", "2020-01-01")


def test_the_stability_index_is_its_definition() -> None:
    before, now = np.arange(1000.0), np.concatenate([np.arange(500.0), np.arange(500.0)])
    found = drift.judge("x", before, now)
    shares = [max(share, 1e-4) for share in found.shares]
    assert found.psi == pytest.approx(sum((here - 0.1) * np.log(here / 0.1) for here in shares), rel=1e-2)
    assert drift.judge("x", before, before).psi == 0
    assert drift.judge("x", before, np.full(50, np.nan)).psi is None


def test_materialize_writes_days_that_feast_reads_back(lived: Path, tmp_path: Path, empty_redis: str) -> None:
    apply(tmp_path / "repo", str(lived), empty_redis)
    store = open_store(tmp_path / "repo", str(lived), empty_redis)
    at = (T0 + timedelta(days=1)).isoformat()
    assert list(explore.materialize(store, ["vehicle_days"], at)) == ["vehicle_days: written up to 2026-03-02 12:00:00 UTC"]
    online = store.get_online_features(features=["vehicle_days:distance_km_7d"], entity_rows=[{"vehicle_id": "TEST-001"}]).to_dict()
    then = explore.historical(store, ["TEST-001"], "energy_v1", at)
    assert online["distance_km_7d"] == then["distance_km_7d"].to_pylist() != [None]


def test_any_feast_client_reads_from_the_feature_server(repo: Path, lake: Path, empty_redis: str) -> None:
    now = datetime.now(UTC)
    rows = newest(live_columns(frames(2, 1, start=now)))
    OnlineWriter(empty_redis).write(rows)
    port = free_port()
    code = "import sys; from pathlib import Path; from features import explore, store; "
    code += "explore.serve(store.open_store(Path(sys.argv[1]), sys.argv[2], sys.argv[3]), '127.0.0.1', int(sys.argv[4]))"
    words = [sys.executable, "-c", code, str(repo), str(lake), empty_redis, str(port)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _until_open(port)
            body = {"features": ["vehicle_live:speed_kmh"], "entities": {"vehicle_id": ["TEST-000", "TEST-001"]}}
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/get-online-features", json.dumps(body).encode(), {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=30) as answer:
                found = json.load(answer)
        finally:
            server.terminate()
            server.wait()
    place = found["metadata"]["feature_names"].index("speed_kmh")
    by_vehicle = dict(zip(rows["vehicle_id"].to_pylist(), rows["speed_kmh"].to_pylist(), strict=True))
    assert found["results"][place]["values"] == [by_vehicle["TEST-000"], by_vehicle["TEST-001"]]
    assert len(VEHICLE_LIVE_FEATURES) > 1


def _until_open(port: int) -> None:
    deadline = time.monotonic() + 90
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, "the feature server did not start"
        time.sleep(0.1)
