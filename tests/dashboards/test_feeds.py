"""Each feed against the real thing that it reads (alerts: against librdkafka's mock cluster)."""

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from contracts.errors import Terminal, Transient
from contracts.events import Alert
from dashboards.board import Board
from dashboards.feeds.alerts import alert_feed
from dashboards.feeds.lake import BronzeFeed, GoldFeed
from dashboards.feeds.online import OnlineFeed
from dashboards.metrics import Metrics
from features.online import OnlineWriter
from features.transforms import live_columns
from lakehouse import reader, writer
from lakehouse.tables import SCHEMAS
from tests.dashboards.made import MockCluster, alert, fleet, free_port, publish, rows, until


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def board() -> Board:
    return Board({})


def count(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


def test_gold_is_waited_for_and_read_only_when_it_changed(lake: Path, board: Board) -> None:
    metrics = Metrics()
    feed = GoldFeed(str(lake), board, metrics)
    with pytest.raises(Transient, match=r"gold\.vehicle_current"):
        feed.round()
    publish(lake, rows(*fleet(3)))
    for _ in range(3):
        feed.round()
    assert count(metrics, "dashboard_received_total", feed="gold") == 1
    version = publish(lake, rows(*fleet(5)))
    feed.round()
    newest = board.news().frames[-1]
    assert (len(newest.vehicles), board.gold_version) == (5, version)
    assert newest.signals["soc_pct"][newest.vehicles.index("TEST-004")] == 24.0


def test_a_gold_that_was_made_anew_is_read_though_its_version_is_the_same(lake: Path, board: Board) -> None:
    feed = GoldFeed(str(lake), board, Metrics())
    publish(lake, rows(*fleet(3)))
    feed.round()
    shutil.rmtree(lake)
    publish(lake, rows(*fleet(4)))
    feed.round()
    assert len(board.news().frames[-1].vehicles) == 4


def test_a_file_of_gold_that_vanished_is_waited_for(lake: Path, board: Board) -> None:
    publish(lake, rows(*fleet(3)))
    for file in lake.rglob("*.parquet"):
        file.unlink()
    with pytest.raises(Transient, match="cannot be read"):
        GoldFeed(str(lake), board, Metrics()).round()


def test_the_rate_is_what_bronze_grew_by(lake: Path, board: Board) -> None:
    feed = BronzeFeed(str(lake), board)
    with pytest.raises(Transient, match="bronze"):
        feed.round()
    writer.ensure(str(lake), ["bronze.telemetry", "bronze.events"])
    feed.round()
    schema = SCHEMAS["bronze.telemetry"]
    columns = {field.name: pa.nulls(30, field.type) for field in schema} | {"ingest_date": pa.array(["2026-03-01"] * 30)}
    writer.append(reader.open_table(str(lake), "bronze.telemetry"), "bronze.telemetry", pa.table(columns, schema=schema), {})
    feed.round()
    assert board.messages_per_s > 0


def test_alerts_are_followed_and_what_is_no_alert_is_counted_and_passed(board: Board) -> None:
    mock_cluster, metrics = MockCluster(), Metrics()
    feed = alert_feed(mock_cluster.address, board, metrics)
    feed.round()
    mock_cluster.send(b'{"alert_id": 5}')
    mock_cluster.send(b"")
    mock_cluster.alert(alert("a", "TEST-001"))

    told: list[Alert] = []

    def seen() -> bool:
        feed.round()
        told.extend(board.news().alerts)
        return bool(told) and count(metrics, "dashboard_rejected_total", reason="malformed") == 2

    until(seen, "one alert and two records that are none")
    assert [one.vehicle_id for one in told] == ["TEST-001"]
    feed.close()


def test_a_kafka_that_is_not_there_is_waited_for(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.feeds.topic.PATIENCE_S", 0.3)
    feed = alert_feed(f"127.0.0.1:{free_port()}", board, Metrics())
    with pytest.raises(Transient, match="waiting for Kafka"):
        feed.round()
    feed.close()


def test_features_are_read_for_the_vehicles_that_someone_looks_at(redis_url: str, board: Board) -> None:
    table = rows({"vehicle_id": "LOOK-1", "soc_pct": 55.5}, {"vehicle_id": "LOOK-2", "soc_pct": 66.5})
    OnlineWriter(redis_url).write(live_columns(table))
    feed = OnlineFeed(redis_url, board)
    feed.round()
    assert not board.online.get("LOOK-1")
    board.choose("LOOK-1")
    board.choose("LOOK-1")
    board.choose("NEVER-SEEN")
    board.leave("LOOK-1")
    feed.round()
    assert board.online.get("LOOK-1").features["soc_pct"] == 55.5
    assert board.online.get("LOOK-1").features["speed_kmh"] is None
    assert board.online.get("NEVER-SEEN").event_ms is None
    assert board.online.get("LOOK-2") is None
    board.leave("LOOK-1")
    assert board.chosen() == ("NEVER-SEEN",)
    feed.close()


def test_a_redis_that_is_not_there_is_waited_for_and_a_wrong_address_is_told(board: Board) -> None:
    with pytest.raises(Transient):
        OnlineFeed(f"redis://127.0.0.1:{free_port()}/0", board).round()
    with pytest.raises(Terminal, match="malformed"):
        OnlineFeed("127.0.0.1:6379", board)
