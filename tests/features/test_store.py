"""The feature store as a data scientist finds it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from feast import FeatureStore

from contracts.errors import Terminal
from contracts.signals import BY_NAME, SIGNALS
from features.online import OnlineWriter
from features.store import SETTINGS, apply, connection_string, open_store
from features.transforms import ENERGY_V1_FEATURES, VEHICLE_LIVE, VEHICLE_LIVE_FEATURES, live_columns, newest
from tests.features.made import frames


def test_plain_feast_opens_the_folder_and_finds_every_feature_described(repo: Path, empty_redis: str) -> None:
    plain = FeatureStore(repo_path=str(repo))
    view = plain.get_feature_view(VEHICLE_LIVE)
    assert [field.name for field in view.features] == list(VEHICLE_LIVE_FEATURES)
    for field in view.features:
        signal = BY_NAME[field.name]
        assert signal.description in field.description
        assert field.tags == {"unit": signal.unit, "vss": signal.vss, "owner": "voltlake"}
    service = plain.get_feature_service("energy_v1")
    assert [field.name for field in service.feature_view_projections[0].features] == list(ENERGY_V1_FEATURES)
    rows = newest(live_columns(frames(1, 1)))
    OnlineWriter(empty_redis).write(rows)
    found = plain.get_online_features(features=service, entity_rows=[{"vehicle_id": "TEST-000"}]).to_dict()
    assert {name: found[name] for name in ENERGY_V1_FEATURES} == {name: rows[name].to_pylist() for name in ENERGY_V1_FEATURES}


def test_applying_again_changes_nothing_and_another_redis_is_taken_up(tmp_path: Path, redis_url: str) -> None:
    for url in (redis_url, redis_url, "redis://127.0.0.1:1/3"):
        apply(tmp_path / "repo", str(tmp_path / "lake"), url)
        store = open_store(tmp_path / "repo", str(tmp_path / "lake"), url)
        assert {VEHICLE_LIVE, "vehicle_windows", "vehicle_days", "battery_health"} <= {view.name for view in store.list_feature_views()}
    assert "127.0.0.1:1,db=3" in (tmp_path / "repo" / SETTINGS).read_text()
    assert stat.S_IMODE((tmp_path / "repo" / SETTINGS).stat().st_mode) == 0o600


def test_every_feature_of_every_view_says_what_it_is(repo: Path) -> None:
    plain = FeatureStore(repo_path=str(repo))
    views = plain.list_feature_views()
    assert {"vehicle", "trip", "charging_session", "station"} <= {entity.name for entity in plain.list_entities()}
    fields = [field for view in views if view.tags["kind"] != "recorded" for field in view.features]
    assert len(fields) >= 60
    assert len({field.name for field in fields}) == len(fields), "one name means one thing in all views"
    paths = {signal.vss for signal in SIGNALS}
    for field in fields:
        assert field.description
        assert set(field.tags) == {"unit", "vss", "owner"}
        assert {path for path in field.tags["vss"].split(",") if path} <= paths
    for service in plain.list_feature_services():
        assert service.tags["version"] == "1"
        assert service.feature_view_projections
        assert service.description


def test_a_store_that_was_never_applied_says_what_makes_it(tmp_path: Path, redis_url: str) -> None:
    with pytest.raises(Terminal, match="voltlake up"):
        open_store(tmp_path, "lake", redis_url)
    assert list(tmp_path.iterdir()) == []


def test_the_address_of_redis_in_feasts_words() -> None:
    assert connection_string("redis://localhost:6380") == "localhost:6380"
    assert connection_string("redis://me:a%2Fb@h:1/2") == "h:1,db=2,username=me,password=a/b"
    assert connection_string("rediss://h") == "h:6379,ssl=true"
    for wrong in ("localhost:6379", "redis://h:x", "redis://"):
        with pytest.raises(Terminal, match="redis://127"):
            connection_string(wrong)


def test_feasts_metrics_reach_neither_our_metrics_nor_our_children(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from features.store import apply
apply(Path(sys.argv[1]) / "repo", sys.argv[1] + "/lake", "redis://127.0.0.1:1/0")
from prometheus_client import values
print(sorted(name for name in os.environ if name.startswith("PROMETHEUS")), values.ValueClass.__name__)
"""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PROMETHEUS")}
    ran = subprocess.run([sys.executable, "-O", "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, env=environ)
    assert ran.stdout.split("\n")[0] == "[] MutexValue"
