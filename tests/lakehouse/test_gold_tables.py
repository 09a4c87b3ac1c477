"""The tables of gold are kept by commits that cannot half happen, and equal one pass over all rows."""

import random
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from contracts.errors import Terminal
from lakehouse import writer
from lakehouse.gold import dimensions, dims, facts, fleet
from lakehouse.gold.commits import Refused, replace
from lakehouse.gold.dims import Dimensions
from lakehouse.gold.frames import frames
from lakehouse.gold.rollup import Rollup
from lakehouse.gold.store import FactTable
from lakehouse.gold.tables import FACTS
from lakehouse.gold.trips import TRIPS
from lakehouse.positions import Position, Source, beyond, reached_by
from lakehouse.reader import arrow, open_table
from tests.lakehouse.made import NOW_MS
from tests.lakehouse.test_gold import drive, silver

SOURCES = [Source("cluster", "topic-id", 0), Source("cluster", "topic-id", 1)]


def placed(rows: pa.Table) -> pa.Table:
    """The rows with where they stood in Kafka: offsets count up, clocks with them."""
    columns = {"cluster": pa.repeat("cluster", rows.num_rows), "topic_id": pa.repeat("topic-id", rows.num_rows)}
    for name, values in columns.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    return rows


@pytest.fixture
def lake(tmp_path: Path) -> str:
    place = str(tmp_path / "lake")
    writer.ensure(place, [*FACTS, fleet.NAME])
    dims.ensure(place)
    return place


def fold_in(table: FactTable, fact: facts.Fact, rows: pa.Table, dimensions: Dimensions) -> None:
    fresh = beyond(rows, table.reached)
    table.fold_in(fact.partial(frames(fresh, fact.signals)), reached_by(fresh), dimensions)


def registry(model: str) -> list[dimensions.Row]:
    return [{"vehicle_id": "V-0", "model": model, "vin": None, "region": None, "home_lat": None, "home_lon": None, "tags": []}]


@pytest.mark.parametrize("fact", FACTS.values(), ids=lambda fact: fact.name)
def test_a_table_equals_one_pass_over_all_rows(lake: str, fact: facts.Fact) -> None:
    day = 24 * 3600 * 1000
    made = drive(0, 0, 900) + drive(1, day - 60_000, 400) + drive(2, 3 * day, 30)
    random.Random(5).shuffle(made)
    rows = placed(silver(made))
    table, known = FactTable(lake, fact, SOURCES), Dimensions(lake)
    for at in range(0, rows.num_rows, 300):
        if at % 600 == 0:
            table = FactTable(lake, fact, SOURCES)  # a restart
        fold_in(table, fact, rows.slice(max(at - 40, 0), 340), known)  # what was read before is read again
    clocks = {source.partition: at.clock_ms for source, at in reached_by(rows).items()}
    whole = facts.present(fact, facts.fold(fact, [fact.partial(frames(rows, fact.signals))]), clocks, known.as_of)
    order = [("vehicle_id", "ascending"), ("date", "ascending"), (fact.fields_begin, "ascending")]
    assert arrow(lake, fact.name, fact.schema.names).cast(fact.schema).sort_by(order).equals(whole.sort_by(order))
    assert {source: table.reached[source].offset for source in SOURCES} == {source: at.offset for source, at in reached_by(rows).items()}


def test_an_open_trip_closes_when_its_partitions_clock_has_passed(lake: str) -> None:
    table, known = FactTable(lake, TRIPS, SOURCES), Dimensions(lake)
    rows = placed(silver([*drive(0, 0, 60), (0, 400_000, {"speed_kmh": 0.0})]))
    fold_in(table, TRIPS, rows.slice(0, 61), known)
    assert arrow(lake, TRIPS.name)["open"].to_pylist() == [True]
    at, later = rows.schema.get_field_index("known_at"), pa.array([(NOW_MS + 400_000) * 1000]).cast(rows.schema.field("known_at").type)
    fold_in(table, TRIPS, rows.slice(61).set_column(at, "known_at", later), known)
    assert arrow(lake, TRIPS.name)["open"].to_pylist() == [False]


def test_two_commits_on_the_same_state_cannot_both_stand(lake: str) -> None:
    rows = placed(silver(drive(0, 0, 60)))
    one, other = FactTable(lake, TRIPS, SOURCES), FactTable(lake, TRIPS, SOURCES)
    known, stale = Dimensions(lake), open_table(lake, TRIPS.name)
    fold_in(one, TRIPS, rows, known)
    with pytest.raises(Refused):
        replace(stale, TRIPS.name, TRIPS.schema.empty_table(), "date IN ('2026-09-21') AND partition IN (0)", {}, {})
    with pytest.raises(Terminal, match="another writer"):
        fold_in(other, TRIPS, rows, known)
    assert arrow(lake, TRIPS.name).num_rows == 1


@pytest.mark.parametrize("fact", FACTS.values(), ids=lambda fact: fact.name)
def test_facts_get_the_key_of_a_version_that_comes_late(lake: str, fact: facts.Fact) -> None:
    table, known = FactTable(lake, fact, SOURCES), Dimensions(lake)
    plugged = [(0, at, {"cable_connected": 1.0}) for at in (100_000, 90_100_000)]
    fold_in(table, fact, placed(silver(drive(0, 0, 60) + drive(0, 90_000_000, 60) + plugged)), known)
    begins = fact.fields_begin
    before = arrow(lake, fact.name).sort_by(begins).to_pylist()
    assert dims.load(lake, registry("van-64"), datetime.now(UTC)) == 1
    assert known.refresh()
    assert table.rekey(known) == 0  # the first version has the key that the facts were given
    since = datetime.fromtimestamp((NOW_MS + 5_000_000) / 1000, UTC) if begins != "date" else datetime.fromisoformat(f"{before[1]['date']}T00:00:00Z")
    assert dims.load(lake, registry("van-75"), since) == 2
    assert known.refresh()
    assert table.rekey(known) == 1
    after = arrow(lake, fact.name).sort_by(begins).to_pylist()
    assert before[0] == after[0]
    assert [known.models[row["vehicle_key"]] for row in after] == ["van-64", "van-75"]
    assert arrow(lake, "gold.dim_model").num_rows == 2


def test_the_fleets_hours_follow_the_vehicles_and_the_registry(lake: str) -> None:
    fact, known, rollup = FACTS["gold.vehicle_hours"], Dimensions(lake), Rollup(lake)
    table = FactTable(lake, fact, SOURCES)
    fold_in(table, fact, placed(silver(drive(0, 0, 60) + drive(2, 0, 60))), known)
    rollup.follow(known)
    assert arrow(lake, fleet.NAME).select(["model", "vehicles", "distance_km"]).to_pylist() == [
        {"model": "unknown", "vehicles": 2, "distance_km": 1.2}
    ]
    assert rollup.follow(known) == 0
    dims.load(lake, registry("van-64"), datetime.now(UTC))
    assert known.refresh()
    table.rekey(known)
    Rollup(lake).follow(known)
    assert sorted(arrow(lake, fleet.NAME)["model"].to_pylist()) == ["unknown", "van-64"]


def test_positions_move_where_nothing_drives(lake: str) -> None:
    table, known = FactTable(lake, TRIPS, SOURCES), Dimensions(lake)
    fold_in(table, TRIPS, placed(silver([(0, 0, {"speed_kmh": 0.0})])), known)
    assert FactTable(lake, TRIPS, SOURCES).reached[SOURCES[0]] > Position()
