"""`get_historical_features` and its kin through plain Feast, over real Delta tables."""

import random
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.data_format import DeltaFormat, ParquetFormat
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.types import Float64, Int64, String

from contracts.errors import Terminal, Transient
from features.repo.entities import vehicle
from features.store import apply, open_store
from features.transforms import ENERGY_V1_FEATURES, VEHICLE_LIVE, VEHICLE_LIVE_TTL
from lakehouse import saved
from tests.features.made import T0, add, frames, minutes

SPEED = f"{VEHICLE_LIVE}:speed_kmh"


def entities(rows: list[tuple[str, datetime]], **more: list) -> pd.DataFrame:
    names, instants = zip(*rows, strict=True)
    return pd.DataFrame({"vehicle_id": names, "event_timestamp": pd.to_datetime(list(instants), utc=True), **more})


def expected(rows: list[dict], name: str, instant: datetime, known_until: datetime | None, feature: str) -> float | None:
    """By definition, in plain Python."""
    fit = [
        row
        for row in rows
        if row["vehicle_id"] == name
        and row["event_ts"] <= instant <= row["event_ts"] + VEHICLE_LIVE_TTL
        and (known_until is None or row["known_at"] <= known_until)
    ]
    return max(fit, key=lambda row: (row["event_ts"], row["known_at"]))[feature] if fit else None


def test_history_is_what_was_known_at_each_instant(store: FeatureStore) -> None:
    rows = frames(8, 600).to_pylist()
    some = random.Random(5)
    asked = [(f"TEST-{some.randrange(10):03d}", T0 + timedelta(seconds=some.uniform(-20, 1300))) for _ in range(300)]
    found = store.get_historical_features(entity_df=entities(asked), features=store.get_feature_service("energy_v1")).to_arrow()
    assert found.column_names[: 2 + len(ENERGY_V1_FEATURES)] == ["vehicle_id", "event_timestamp", *ENERGY_V1_FEATURES]
    assert list(zip(found["vehicle_id"].to_pylist(), found["event_timestamp"].to_pylist(), strict=True)) == asked
    for feature in ("speed_kmh", "hvac_w"):
        assert found[feature].to_pylist() == [expected(rows, name, instant, instant, feature) for name, instant in asked]
    assert 0 < found["speed_kmh"].null_count < 200


def test_a_limit_of_knowledge_of_its_own_for_each_row(store: FeatureStore) -> None:
    rows = frames(8, 600).to_pylist()
    some = random.Random(6)
    asked = [(f"TEST-{some.randrange(8):03d}", T0 + timedelta(seconds=some.uniform(0, 600))) for _ in range(120)]
    limits = [some.choice([None, instant, instant - timedelta(seconds=some.uniform(0, 30)), instant + timedelta(seconds=9)]) for _, instant in asked]
    frame = entities(asked, known_until=limits)
    found = store.get_historical_features(entity_df=frame, features=[SPEED]).to_arrow()
    assert found["speed_kmh"].to_pylist() == [expected(rows, name, at, limit, "speed_kmh") for (name, at), limit in zip(asked, limits, strict=True)]


def test_entities_that_are_missing_are_null_and_other_columns_stay(store: FeatureStore) -> None:
    frame = entities(
        [("NOBODY", T0 + timedelta(seconds=5)), ("TEST-001", T0 + timedelta(seconds=5)), ("TEST-001", T0 - timedelta(days=1))], label=[1, 2, 3]
    )
    frame.loc[3] = [None, pd.Timestamp(T0), 4]
    found = store.get_historical_features(entity_df=frame, features=[f"{VEHICLE_LIVE}:pack_v"], full_feature_names=True).to_arrow()
    assert found.column_names == ["vehicle_id", "event_timestamp", "label", "vehicle_live__pack_v"]
    assert found["label"].to_pylist() == [1, 2, 3, 4]
    assert [value is None for value in found["vehicle_live__pack_v"].to_pylist()] == [True, False, True, True]


def test_an_instant_is_the_same_in_every_time_zone(store: FeatureStore) -> None:
    instant = T0 + timedelta(seconds=200.25)
    zones = [UTC, ZoneInfo("America/New_York"), timezone(timedelta(hours=5, minutes=30))]
    found = []
    for zone in zones:
        frame = pd.DataFrame({"vehicle_id": ["TEST-002"], "event_timestamp": pd.DatetimeIndex([instant]).tz_convert(zone)})
        found.append(store.get_historical_features(entity_df=frame, features=[SPEED, f"{VEHICLE_LIVE}:lat"]).to_arrow())
    naive = pd.DataFrame({"vehicle_id": ["TEST-002"], "event_timestamp": [instant.replace(tzinfo=None)]})
    found.append(store.get_historical_features(entity_df=naive, features=[SPEED, f"{VEHICLE_LIVE}:lat"]).to_arrow())
    assert all(answer.equals(found[0]) for answer in found)
    assert found[0]["event_timestamp"].to_pylist() == [instant]
    assert found[0]["speed_kmh"].null_count == 0


def test_entities_may_come_from_one_select_over_the_lake(store: FeatureStore) -> None:
    question = "SELECT vehicle_id, minute AS event_timestamp FROM gold.vehicle_minutes WHERE vehicle_id = 'TEST-003' ORDER BY minute"
    found = store.get_historical_features(entity_df=question, features=[SPEED]).to_arrow()
    rows = frames(8, 600).to_pylist()
    assert found.num_rows == 10
    assert found["speed_kmh"].to_pylist() == [expected(rows, "TEST-003", at, at, "speed_kmh") for at in found["event_timestamp"].to_pylist()]


station = Entity(name="station", join_keys=["station_id"], value_type=ValueType.INT64)
PLAIN = FileSource(
    name="plain",
    path="saved.weather",
    file_format=DeltaFormat(),
    timestamp_field="seen",
    created_timestamp_column="made",
    field_mapping={"temp": "degrees"},
)
weather = FeatureView(
    name="weather",
    entities=[station],
    ttl=timedelta(hours=1),
    source=PLAIN,
    schema=[Field(name="station_id", dtype=Int64), Field(name="degrees", dtype=Float64), Field(name="word", dtype=String)],
)


def weather_rows() -> pa.Table:
    seen = [T0, T0, T0 + timedelta(minutes=30), T0 + timedelta(minutes=30)]
    made = [T0 + timedelta(hours=5), T0 + timedelta(hours=4), T0 + timedelta(hours=6), None]
    values = {"station_id": pa.array([7, 7, 7, 8]), "temp": [1.5, 9.9, 3.5, 4.5], "word": ["a", "z", None, "d"]}
    time = pa.timestamp("us", tz="UTC")
    return pa.table({**values, "seen": pa.array(seen, time), "made": pa.array(made, time)})


@pytest.fixture
def second(tmp_path: Path, empty_redis: str) -> FeatureStore:
    """A store of its own, with a second view over a saved table."""
    lake = str(tmp_path / "lake")
    saved.save(lake, "saved.weather", weather_rows(), overwrite=False)
    add(Path(lake), "silver.telemetry", frames(3, 60))
    apply(tmp_path / "repo", lake, empty_redis)
    made = open_store(tmp_path / "repo", lake, empty_redis)
    made.apply([station, weather])
    return made


def test_two_views_with_other_keys_ties_ttl_and_mapped_names(second: FeatureStore) -> None:
    instants = [T0, T0 + timedelta(minutes=29), T0 + timedelta(minutes=31), T0 + timedelta(minutes=90), T0 + timedelta(minutes=90, microseconds=1)]
    frame = entities([("TEST-001", instant) for instant in instants]).assign(station_id=np.int32(7))
    found = second.get_historical_features(entity_df=frame, features=["weather:degrees", SPEED, "weather:word"]).to_arrow()
    assert found["degrees"].to_pylist() == [1.5, 1.5, 3.5, 3.5, None]
    assert found["word"].to_pylist() == ["a", "a", None, None, None]
    assert [value is None for value in found["speed_kmh"].to_pylist()] == [True] * 5  # known only after T0, and 10 minutes later too old


def test_feasts_own_flag_hides_what_was_made_later(second: FeatureStore) -> None:
    frame = entities([("TEST-001", T0 + timedelta(minutes=40))]).assign(station_id=7)
    assert second.get_historical_features(entity_df=frame, features=["weather:degrees"]).to_arrow()["degrees"].to_pylist() == [3.5]
    hidden = second.get_historical_features(entity_df=frame, features=["weather:degrees"], filter_by_created_timestamp=True)
    assert hidden.to_arrow()["degrees"].to_pylist() == [None]


def test_what_is_pushed_offline_is_found_there(second: FeatureStore) -> None:
    frame = pd.DataFrame({"station_id": [9], "word": ["new"], "temp": [20.25], "made": [pd.Timestamp(T0)], "seen": [pd.Timestamp(T0)]})
    second.write_to_offline_store("weather", frame)
    asked = entities([("TEST-001", T0 + timedelta(minutes=1))]).assign(station_id=9)
    found = second.get_historical_features(entity_df=asked, features=["weather:degrees", "weather:word"]).to_arrow()
    assert (found["degrees"].to_pylist(), found["word"].to_pylist()) == ([20.25], ["new"])


def test_the_roads_own_tables_are_not_written_by_feast(second: FeatureStore, lake: Path) -> None:
    rows = frames(1, 1)
    with pytest.raises(Terminal, match=r"written by the road alone"):
        second._get_provider().ingest_df_to_offline_store(second.get_feature_view(VEHICLE_LIVE), rows)


def test_materialized_values_are_the_newest_of_the_interval(second: FeatureStore) -> None:
    second.materialize(T0 - timedelta(hours=1), T0 + timedelta(minutes=29), ["weather"])
    found = second.get_online_features(features=["weather:degrees", "weather:word"], entity_rows=[{"station_id": 7}, {"station_id": 8}]).to_dict()
    assert (found["degrees"], found["word"]) == ([1.5, None], ["a", None])
    second.materialize(T0 - timedelta(hours=1), T0 + timedelta(minutes=30), ["weather"])
    found = second.get_online_features(features=["weather:degrees", "weather:word"], entity_rows=[{"station_id": 7}, {"station_id": 8}]).to_dict()
    assert (found["degrees"], found["word"]) == ([3.5, 4.5], [None, "d"])


def test_all_rows_of_an_interval_both_ends_included(second: FeatureStore) -> None:
    store = second._get_provider().offline_store
    for first, last, count in ((None, None, 4), (T0, T0, 2), (T0 + timedelta(seconds=1), None, 2), (None, T0 - timedelta(seconds=1), 0)):
        job = store.pull_all_from_table_or_query(second.config, PLAIN, ["station_id"], ["degrees"], "seen", "made", first, last)
        assert job.to_arrow().num_rows == count
        assert job.to_arrow().column_names == ["station_id", "degrees", "seen", "made"]


def test_a_feature_set_is_saved_and_read_back(second: FeatureStore) -> None:
    job = second.get_historical_features(entity_df=entities([("TEST-001", T0 + timedelta(seconds=30))]), features=[SPEED, f"{VEHICLE_LIVE}:soc_pct"])
    storage = SavedDatasetFileStorage(path="saved.first_set", file_format=DeltaFormat())
    with pytest.warns(RuntimeWarning, match="experimental"):
        kept = second.create_saved_dataset(job, "first_set", storage, allow_overwrite=True)
    assert kept.to_df()["soc_pct"].tolist() == job.to_df()["soc_pct"].tolist()
    with pytest.raises(Terminal, match="there already"):
        job.persist(storage)
    with pytest.raises(Terminal, match=r"saved\.my_features"):
        job.persist(SavedDatasetFileStorage(path="silver.telemetry", file_format=DeltaFormat()), allow_overwrite=True)


def test_a_question_that_cannot_be_answered_says_why(store: FeatureStore, tmp_path: Path, redis_url: str) -> None:
    with pytest.raises(Terminal, match="no column vehicle_id"):
        store.get_historical_features(entity_df=entities([("A", T0)]).rename(columns={"vehicle_id": "car"}), features=[SPEED])
    with pytest.raises(Terminal, match="event_timestamp"):
        store.get_historical_features(entity_df=pd.DataFrame({"vehicle_id": ["A"]}), features=[SPEED])
    with pytest.raises(Terminal, match="cannot be read"):
        store.get_historical_features(entity_df=pd.DataFrame({"vehicle_id": ["A"], "event_timestamp": ["yesterday-ish"]}), features=[SPEED])
    apply(tmp_path / "repo", str(tmp_path / "lake"), redis_url)
    empty = open_store(tmp_path / "repo", str(tmp_path / "lake"), redis_url)
    with pytest.raises(Transient, match=r"silver\.telemetry"):
        empty.get_historical_features(entity_df=entities([("A", T0)]), features=[SPEED]).to_arrow()
    parquet = FileSource(name="elsewhere", path="x.parquet", file_format=ParquetFormat(), timestamp_field="seen")
    empty.apply(
        [
            vehicle,
            FeatureView(
                name="other", entities=[vehicle], source=parquet, schema=[Field(name="vehicle_id", dtype=String), Field(name="x", dtype=Float64)]
            ),
        ]
    )
    with pytest.raises(Terminal, match="no Delta table"):
        empty.get_historical_features(entity_df=entities([("A", T0)]), features=["other:x"])


def test_without_entities_every_one_is_asked_at_every_instant_of_the_interval(store: FeatureStore) -> None:
    last = T0 + timedelta(seconds=9)
    found = store.get_historical_features(features=[SPEED], start_date=T0, end_date=last).to_df()
    assert len(found) == 80
    assert set(found["vehicle_id"]) == {f"TEST-{number:03d}" for number in range(8)}
    assert found["event_timestamp"].min() == pd.Timestamp(T0)
    assert found["event_timestamp"].max() == pd.Timestamp(last)


def test_no_questions_have_no_answers_but_all_columns(store: FeatureStore) -> None:
    frame = entities([("TEST-001", T0)]).iloc[:0]
    found = store.get_historical_features(entity_df=frame, features=[SPEED]).to_arrow()
    assert (found.num_rows, found.column_names) == (0, ["vehicle_id", "event_timestamp", "speed_kmh"])


def test_an_empty_table_answers_null(tmp_path: Path, redis_url: str) -> None:
    add(tmp_path / "lake", "silver.telemetry", frames(1, 1).slice(0, 0))
    add(tmp_path / "lake", "gold.vehicle_minutes", minutes(1, 1).slice(0, 0))
    apply(tmp_path / "repo", str(tmp_path / "lake"), redis_url)
    store = open_store(tmp_path / "repo", str(tmp_path / "lake"), redis_url)
    assert store.get_historical_features(entity_df=entities([("A", T0)]), features=[SPEED]).to_arrow()["speed_kmh"].to_pylist() == [None]


def test_times_without_a_zone_and_times_known_by_another_name_are_read(tmp_path: Path, redis_url: str) -> None:
    rows = {"vehicle_id": ["A", "A"], "seen_at": pa.array([T0.replace(tzinfo=None), (T0 + timedelta(hours=2)).replace(tzinfo=None)]), "x": [1.0, 2.0]}
    saved.save(str(tmp_path / "lake"), "saved.naive", pa.table(rows), overwrite=True)
    apply(tmp_path / "repo", str(tmp_path / "lake"), redis_url)
    store = open_store(tmp_path / "repo", str(tmp_path / "lake"), redis_url)
    source = FileSource(name="naive", path="saved.naive", file_format=DeltaFormat(), timestamp_field="ts", field_mapping={"seen_at": "ts"})
    fields = [Field(name="vehicle_id", dtype=String), Field(name="x", dtype=Float64)]
    store.apply([vehicle, FeatureView(name="naive", entities=[vehicle], ttl=timedelta(hours=1), source=source, schema=fields)])
    moments = [T0 - timedelta(seconds=1), T0, T0 + timedelta(minutes=61), T0 + timedelta(hours=2)]
    found = store.get_historical_features(entity_df=entities([("A", moment) for moment in moments]), features=["naive:x"]).to_arrow()
    assert found["x"].to_pylist() == [None, 1.0, None, 2.0]
