"""Facts of gold become features: from when they were over, and what the last ones of a key were like."""

from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pytest
from feast import FeatureStore

from features.store import apply, open_store
from lakehouse import writer
from tests.features.made import T0, add


def trip(number: int, *, vehicle: str = "V-1", is_open: bool = False) -> dict:
    start = T0 + timedelta(hours=number)
    facts = {"distance_km": 10.0 + number, "wh_per_km": 150.0 + number, "mean_speed_kmh": 40.0, "duration_s": 900.0}
    times = {"start_ts": start, "end_ts": start + timedelta(minutes=15), "open": is_open}
    return {"date": "2026-03-01", "vehicle_id": vehicle, "partition": 0, "trip_id": f"{vehicle}-{number}", **times, **facts}


def stay(number: int, vehicle: str, current: str) -> dict:
    start = T0 + timedelta(hours=number)
    facts = {"energy_kwh": 5.0 + number, "peak_kw": 11.0 * number, "duration_s": 3600.0, "lat": 52.5201, "lon": 13.4049, "current": current}
    return {
        "date": "2026-03-01",
        "vehicle_id": vehicle,
        "partition": 0,
        "session_id": f"S-{number}",
        "start_ts": start,
        "end_ts": start + timedelta(hours=1),
        "open": False,
        **facts,
    }


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    lake = tmp_path_factory.mktemp("facts")
    add(lake, "gold.trips", pa.Table.from_pylist([trip(0), trip(1), trip(2), trip(3, is_open=True), trip(1, vehicle="V-2")]))
    add(lake, "gold.charging_sessions", pa.Table.from_pylist([stay(0, "V-1", "ac"), stay(2, "V-2", "dc"), stay(4, "V-1", "dc")]))
    days = [{"date": "2026-02-28", "vehicle_id": "V-1", "partition": 0, "soh_pct": 93.5, "max_spread_mv": 21.0}]
    add(lake, "gold.battery_daily", pa.Table.from_pylist(days))
    writer.ensure(str(lake), ["gold.vehicle_minutes", "silver.telemetry"])
    apply(lake / "repo", str(lake), "redis://127.0.0.1:1/0")
    return open_store(lake / "repo", str(lake), "redis://127.0.0.1:1/0")


def asked(store: FeatureStore, refs: list[str], key: str, rows: list[tuple[str, timedelta]]) -> list[dict]:
    entities = pd.DataFrame({key: [who for who, _ in rows], "event_timestamp": [T0 + after for _, after in rows]})
    return store.get_historical_features(entity_df=entities, features=refs).to_arrow().to_pylist()


def test_a_fact_counts_from_when_it_was_over_for_certain(store: FeatureStore) -> None:
    moments = [timedelta(minutes=after) for after in (10, 16, 20, 80, 140, 60 * 24)]
    found = asked(store, ["trip_habits:trips_counted", "trip_habits:habit_trip_km"], "vehicle_id", [("V-1", moment) for moment in moments])
    assert [row["trips_counted"] for row in found] == [None, None, 1, 2, 3, 3], "five minutes after its end; the open one never"
    assert found[-1]["habit_trip_km"] == 11.0


def test_facts_are_found_by_their_own_key(store: FeatureStore) -> None:
    found = asked(
        store, ["trip_facts:trip_wh_per_km"], "trip_id", [("V-1-2", timedelta(days=1)), ("V-1-3", timedelta(days=1)), ("no", timedelta(days=1))]
    )
    assert [row["trip_wh_per_km"] for row in found] == [152.0, None, None]


def test_stations_are_places_and_habits_follow_the_vehicle(store: FeatureStore) -> None:
    station = asked(
        store, ["station_habits:station_sessions", "station_habits:station_peak_kw"], "station_id", [("52.520,13.405", timedelta(days=1))]
    )
    assert [station[0]["station_sessions"], station[0]["station_peak_kw"]] == [3, 44.0]
    habit = asked(store, ["charging_habits:habit_fast_share", "charging_habits:habit_charge_kwh"], "vehicle_id", [("V-1", timedelta(days=1))])
    assert [habit[0]["habit_fast_share"], habit[0]["habit_charge_kwh"]] == [0.5, 7.0]


def test_a_battery_day_counts_from_its_end(store: FeatureStore) -> None:
    midnight = -timedelta(hours=12)
    found = asked(store, ["battery_health:battery_soh_pct"], "vehicle_id", [("V-1", midnight - timedelta(seconds=1)), ("V-1", midnight)])
    assert [row["battery_soh_pct"] for row in found] == [None, 93.5]


def test_on_demand_features_join_the_request_to_what_is_known(store: FeatureStore) -> None:
    request = {"vehicle_id": ["V-1"], "event_timestamp": [T0], "route_km": [50.0], "route_climb_m": [100.0], "ambient_forecast_c": [3.0]}
    refs = ["route_ahead:ahead_climb_m_per_km", "route_ahead:ahead_kwh_as_lately", "route_ahead:ahead_ambient_c"]
    found = store.get_historical_features(entity_df=pd.DataFrame(request), features=refs).to_df().iloc[0]
    assert found["ahead_climb_m_per_km"] == 2.0
    assert found["ahead_ambient_c"] == 3.0
    assert pd.isna(found["ahead_kwh_as_lately"]), "nothing is known of the last hour"
