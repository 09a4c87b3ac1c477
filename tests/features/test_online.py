"""Online features: written by us, read by Feast and by us."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import redis
from feast import FeatureStore

from contracts.errors import Terminal, Transient
from features import layout
from features.online import OnlineWriter, connect, read
from features.store import count_online
from features.transforms import KNOWN_TIME, VEHICLE_LIVE, VEHICLE_LIVE_FEATURES, VEHICLE_LIVE_TTL, live_columns, newest
from tests.features.made import T0, frames, free_port, redis_server

REFS = [f"{VEHICLE_LIVE}:{name}" for name in VEHICLE_LIVE_FEATURES]


def through_feast(store: FeatureStore, vehicles: list[str]) -> dict[str, list]:
    answer = store.get_online_features(features=REFS, entity_rows=[{"vehicle_id": vehicle} for vehicle in vehicles])
    found = answer.to_dict()
    found["event_us"] = [stamp.ToMicroseconds() for stamp in answer.proto.results[1].event_timestamps]
    return found


def test_feast_reads_what_we_write_to_the_last_bit(store: FeatureStore, empty_redis: str) -> None:
    rows = newest(live_columns(frames(50, 3, late_s=0.9)))
    OnlineWriter(empty_redis).write(rows)
    vehicles = rows["vehicle_id"].to_pylist()
    found = through_feast(store, vehicles)
    assert found["vehicle_id"] == vehicles
    nulls = 0
    for name in VEHICLE_LIVE_FEATURES:
        assert found[name] == rows[name].to_pylist()
        nulls += rows[name].null_count
    assert nulls > 0
    assert found["event_us"] == rows["event_ts"].cast(pa.int64()).to_pylist()


def test_a_vehicle_that_was_never_written_has_no_features(store: FeatureStore, empty_redis: str) -> None:
    OnlineWriter(empty_redis).write(newest(live_columns(frames(1, 1))))
    found = through_feast(store, ["TEST-000", "NOBODY"])
    assert all(found[name][1] is None for name in VEHICLE_LIVE_FEATURES)
    assert found["event_us"][1] == 0
    assert read(connect(empty_redis), ["NOBODY", "TEST-000"], now=T0)["state"].to_pylist() == ["missing", "fresh"]


def test_vehicles_with_a_live_state_are_counted_by_feast(store: FeatureStore, empty_redis: str) -> None:
    rows = frames(3, 1)
    OnlineWriter(empty_redis).write(live_columns(rows))
    known = sorted(set(rows["vehicle_id"].to_pylist()))
    assert count_online(store, [*known, "NEVER-SEEN"]) == len(known) == 3
    assert count_online(store, []) == 0


def test_a_null_replaces_an_older_value(store: FeatureStore, empty_redis: str) -> None:
    rows = live_columns(frames(1, 1))
    full = rows.set_column(3, "speed_kmh", pa.array([88.5]))
    writer = OnlineWriter(empty_redis)
    writer.write(full)
    assert through_feast(store, ["TEST-000"])["speed_kmh"] == [88.5]
    writer.write(full.set_column(3, "speed_kmh", pa.array([None], pa.float64())))
    assert through_feast(store, ["TEST-000"])["speed_kmh"] == [None]
    assert read(connect(empty_redis), ["TEST-000"], now=T0)["speed_kmh"].to_pylist() == [None]


def test_several_rows_of_a_vehicle_are_applied_in_order_also_over_chunks(store: FeatureStore, empty_redis: str) -> None:
    rows = live_columns(frames(3, 3000))
    OnlineWriter(empty_redis).write(rows)
    found = read(connect(empty_redis), ["TEST-002", "TEST-000", "TEST-001"], now=T0)
    last = rows.slice(rows.num_rows - 3).take([2, 0, 1])
    assert found.select(["vehicle_id", *VEHICLE_LIVE_FEATURES]).to_pylist() == last.select(["vehicle_id", *VEHICLE_LIVE_FEATURES]).to_pylist()
    assert through_feast(store, ["TEST-001"])["soc_pct"] == last["soc_pct"].to_pylist()[2:]


def test_an_online_value_says_when_it_happened_how_old_it_is_and_what_was_known(empty_redis: str) -> None:
    rows = newest(live_columns(frames(2, 5)))
    OnlineWriter(empty_redis).write(rows)
    event = rows["event_ts"].to_pylist()[0]
    found = read(connect(empty_redis), ["TEST-000"], now=event + timedelta(seconds=1.5)).to_pylist()[0]
    assert (found["event_ts"], found["known_at"], found["age_s"], found["state"]) == (event, rows["known_at"].to_pylist()[0], 1.5, "fresh")
    old = read(connect(empty_redis), ["TEST-000"], now=event + VEHICLE_LIVE_TTL + timedelta(microseconds=1))
    assert old["state"].to_pylist() == ["stale"]
    assert all(old[name].null_count == 1 for name in VEHICLE_LIVE_FEATURES), "a stale value is not given out"
    assert old["age_s"].to_pylist() == [VEHICLE_LIVE_TTL.total_seconds() + 1e-6]


def test_a_restarted_writer_brings_no_older_row_back(empty_redis: str) -> None:
    rows = live_columns(frames(2, 10))
    OnlineWriter(empty_redis).write(rows)
    newest_rows = read(connect(empty_redis), ["TEST-000", "TEST-001"], now=T0)
    again = OnlineWriter(empty_redis)
    again.write(rows.slice(0, 6))
    assert read(connect(empty_redis), ["TEST-000", "TEST-001"], now=T0).equals(newest_rows)
    later = live_columns(frames(2, 11)).slice(20)
    again.write(pa.concat_tables([rows.slice(8, 4), later]))
    assert read(connect(empty_redis), ["TEST-000", "TEST-001"], now=T0)["event_ts"].to_pylist() == later["event_ts"].to_pylist()


def test_feast_keeps_its_hands_off_the_kafka_time_and_older_rows_out(lake: Path, store: FeatureStore, empty_redis: str) -> None:
    rows = newest(live_columns(frames(8, 600)))
    OnlineWriter(empty_redis).write(rows.slice(0, 4))
    store.materialize(T0 - timedelta(minutes=1), T0 + timedelta(seconds=300), [VEHICLE_LIVE])
    found = read(connect(empty_redis), rows["vehicle_id"].to_pylist(), now=T0)
    ours, theirs = found.slice(0, 4), found.slice(4)
    assert ours.select(rows.column_names).equals(rows.slice(0, 4).select(rows.column_names).cast(ours.select(rows.column_names).schema))
    assert theirs["event_ts"].to_pylist() == [T0 + timedelta(seconds=300)] * 4
    assert theirs[KNOWN_TIME].null_count == 4
    at_300 = live_columns(frames(8, 600)).filter(pc.equal(live_columns(frames(8, 600))["event_ts"], pa.scalar(T0 + timedelta(seconds=300))))
    assert theirs["pack_v"].to_pylist() == at_300["pack_v"].to_pylist()[4:]


def test_the_first_write_and_every_write_to_another_redis_ask_for_a_refill() -> None:
    rows = newest(live_columns(frames(20, 2)))
    port = free_port()
    with redis_server(port) as url:
        writer = OnlineWriter(url)
        assert [writer.write(rows), writer.write(rows), writer.write(rows.slice(0, 0))] == [True, False, False]
    with pytest.raises(Transient, match="Redis does not answer"):
        writer.write(rows)
    with redis_server(port) as url:
        assert writer.write(rows.slice(0, 1)) is True
        assert read(connect(url), ["TEST-000", "TEST-019"])["event_ts"].null_count == 1
        assert writer.write(rows) is False
        assert read(connect(url), ["TEST-000", "TEST-019"])["event_ts"].null_count == 0
        writer.close()


def test_redis_gone_is_transient_and_a_refusal_says_why() -> None:
    gone = f"redis://127.0.0.1:{free_port()}/0"
    with pytest.raises(Transient, match="Redis does not answer"):
        OnlineWriter(gone).write(live_columns(frames(1, 1)))
    with pytest.raises(Transient, match="Redis does not answer"):
        read(connect(gone), ["TEST-000"])
    with pytest.raises(Terminal, match="redis://127"):
        connect("http://127.0.0.1")
    port = free_port()
    with redis_server(port, "--requirepass", "opensesame"):
        with pytest.raises(Terminal, match="user and password") as caught:
            OnlineWriter(f"redis://:wrong@127.0.0.1:{port}/0").write(live_columns(frames(1, 1)))
        assert "wrong@" not in str(caught.value)
        assert OnlineWriter(f"redis://:opensesame@127.0.0.1:{port}/0").write(live_columns(frames(1, 1))) is True


def test_a_full_redis_refuses_loudly_and_the_connection_stays_usable(empty_redis: str) -> None:
    rows = live_columns(frames(30, 1))
    writer = OnlineWriter(empty_redis)
    with redis.Redis.from_url(empty_redis) as client:
        client.set(layout.entity_key("TEST-003"), "not a hash")
        with pytest.raises(Transient, match="WRONGTYPE"):
            writer.write(rows)
        client.delete(layout.entity_key("TEST-003"))
    writer.write(rows)
    assert read(connect(empty_redis), [f"TEST-{number:03d}" for number in range(30)])["event_ts"].null_count == 0


def test_a_value_of_another_type_is_not_taken_for_a_number(empty_redis: str) -> None:
    OnlineWriter(empty_redis).write(live_columns(frames(1, 1)))
    with redis.Redis.from_url(empty_redis) as client:
        client.hset(layout.entity_key("TEST-000"), layout.feature_field(VEHICLE_LIVE, "pack_v"), b"\x12\x0212")
    with pytest.raises(Terminal, match="apply the feature repo"):
        read(connect(empty_redis), ["TEST-000"], now=T0)


def test_writing_and_scoring_import_neither_feast_nor_mlflow() -> None:
    code = "import sys, features.online, features.scoring, features.transforms; print([m for m in ('feast', 'mlflow', 'pandas') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
