"""Facts are exact: whatever the order, the batches and the restarts, they equal one pass over all rows, to the last bit."""

import random
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse import current
from lakehouse.gold import cells, dimensions, facts, fleet
from lakehouse.gold.battery import BATTERY
from lakehouse.gold.charging import SESSIONS
from lakehouse.gold.frames import frames
from lakehouse.gold.hours import HOURS
from lakehouse.gold.spans import GAP_MS
from lakehouse.gold.tables import FACTS
from lakehouse.gold.trips import TRIPS
from lakehouse.tables import SILVER_CELLS, SILVER_TELEMETRY
from tests.lakehouse.made import NOW_MS

MINUTE_MS = 60_000
UNKNOWN = dimensions.as_of(dimensions.VEHICLE.empty_table())
VALUES = {
    "speed_kmh": st.sampled_from([0.0, 0.5, 30.0, 87.21]),
    "odometer_m": st.integers(0, 10**6).map(float),
    "acceleration_ms2": st.sampled_from([-4.0, -0.123, 0.0, 0.456, 3.0]),
    "soc_pct": st.integers(0, 10_000).map(lambda whole: whole / 100),
    "energy_in_kwh": st.integers(0, 10**7).map(lambda whole: whole / 1000),
    "energy_out_kwh": st.integers(0, 10**7).map(lambda whole: whole / 1000),
    "pack_v": st.integers(30_000, 42_000).map(lambda whole: whole / 100),
    "pack_a": st.integers(-30_000, 30_000).map(lambda whole: whole / 100),
    "pack_w": st.integers(-100_000, 150_000).map(float),
    "is_charging": st.sampled_from([0.0, 1.0]),
    "cable_connected": st.sampled_from([0.0, 1.0]),
    "soh_pct": st.integers(8000, 10_000).map(lambda whole: whole / 100),
    "lat": st.floats(-90, 90),
    "lon": st.floats(-180, 180),
}
FRAMES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 4 * 3600 * 1000), st.fixed_dictionaries({}, optional=VALUES)),
    min_size=1,
    max_size=40,
)
"""Vehicle, when it happened (ms after NOW) and some of the signals, as wild as a sensor can be."""


def silver(made: list[tuple[int, int, dict[str, float]]]) -> pa.Table:
    rows = [
        {
            "vehicle_id": f"V-{vehicle}",
            "region": "eu-north",
            "boot_id": "0000000a",
            "seq": seq,
            "partition": vehicle % 2,
            "event_ts": (NOW_MS + after) * 1000,
            "known_at": (NOW_MS + seq) * 1000,
            "offset": seq,
            **signals,
        }
        for seq, (vehicle, after, signals) in enumerate(made)
    ]
    return pa.Table.from_pylist(rows, SILVER_TELEMETRY)


def summed(fact: facts.Fact, rows: pa.Table) -> pa.Table:
    return fact.partial(frames(rows, fact.signals))


def shown(fact: facts.Fact, exact: pa.Table, clock_ms: int = NOW_MS) -> pa.Table:
    return facts.present(fact, exact, {0: clock_ms, 1: clock_ms}, UNKNOWN)


@pytest.mark.parametrize("fact", FACTS.values(), ids=lambda fact: fact.name)
@settings(max_examples=25, deadline=None)
@given(made=FRAMES, seed=st.integers(0, 99))
def test_a_fact_is_the_same_whatever_order_batches_and_restarts(fact: facts.Fact, made: list[tuple[int, int, dict[str, float]]], seed: int) -> None:
    rows = silver(made)
    whole = shown(fact, facts.fold(fact, [facts.empty(fact), summed(fact, rows)]))
    chance = random.Random(seed)
    order = list(range(rows.num_rows))
    chance.shuffle(order)
    exact = facts.empty(fact)
    while order:
        size = chance.randint(1, 8)
        batch, order = order[:size], order[size:]
        exact = facts.fold(fact, [exact, summed(fact, rows.take(pa.array(batch)))])
        if chance.random() < 0.5:
            exact = facts.exact_of(fact, shown(fact, exact))  # written and read again
    assert shown(fact, exact).equals(whole)


@settings(max_examples=25, deadline=None)
@given(made=FRAMES, seed=st.integers(0, 99))
def test_the_newest_state_is_the_same_in_any_order(made: list[tuple[int, int, dict[str, float]]], seed: int) -> None:
    rows = silver(made)
    order = list(range(rows.num_rows))
    random.Random(seed).shuffle(order)
    state = current.newest(rows.slice(0, 0))
    for at in range(0, len(order), 7):
        state = current.newest(state, rows.take(pa.array(order[at : at + 7])))
    assert state.equals(current.newest(rows))


def test_a_slow_signal_is_carried_forward() -> None:
    [row] = current.newest(silver([(0, 0, {"soh_pct": 93.5, "speed_kmh": 5.0}), (0, 1000, {"speed_kmh": 0.0})])).to_pylist()
    assert (row["soh_pct"], row["speed_kmh"], row["seq"]) == (93.5, 0.0, 1)
    assert row["event_ts"] - row["signal_ts"]["soh_pct"] == row["event_ts"] - datetime.fromtimestamp(NOW_MS / 1000, UTC)
    assert row["signal_ts"]["lat"] is None


def drive(vehicle: int, since_ms: int, seconds: int, odometer_m: int = 0) -> list[tuple[int, int, dict[str, float]]]:
    """36 km/h, 2 Wh a second out and 0.5 recovered, from 80 % down by 0.01 % a second."""
    return [
        (
            vehicle,
            since_ms + 1000 * at,
            {
                "speed_kmh": 36.0,
                "odometer_m": odometer_m + 10.0 * at,
                "acceleration_ms2": 3.0 if at % 4 == 0 else -0.5,
                "ambient_c": 20.0,
                "energy_out_kwh": 0.002 * at,
                "energy_in_kwh": 0.001 * (at // 2),
                "regen_kwh": 0.001 * (at // 2),
                "soc_pct": 80 - 0.01 * at,
                "cable_connected": 0.0,
                "is_charging": 0.0,
                "lat": 59.0,
                "lon": 18.0 + at / 1e4,
            },
        )
        for at in range(seconds + 1)
    ]


def test_a_trip_says_what_was_driven() -> None:
    rows = silver(drive(0, 0, 600) + drive(0, 600_000 + GAP_MS + 1000, 60, 6000))
    exact = facts.fold(TRIPS, [summed(TRIPS, rows)])
    first, second = shown(TRIPS, exact, NOW_MS + 600_000 + GAP_MS + 62_000).to_pylist()
    assert (first["open"], second["open"]) == (False, True)
    assert (first["duration_s"], first["distance_km"], first["frames"]) == (600.0, 6.0, 601)
    assert (first["start_soc_pct"], first["end_soc_pct"]) == (80.0, 74.0)
    assert (first["energy_out_kwh"], first["recovered_kwh"], first["recovered_share"]) == (1.2, 0.3, 0.25)
    assert first["wh_per_km"] == pytest.approx(150)
    assert (first["mean_speed_kmh"], first["max_speed_kmh"], first["ambient_c"]) == (36.0, 36.0, 20.0)
    assert first["hard_acceleration_share"] == pytest.approx(151 / 601)
    assert (first["start_lon"], first["end_lon"]) == (18.0, 18.06)
    assert first["trip_id"] != second["trip_id"]
    closed = shown(TRIPS, exact, NOW_MS + 10**7).to_pylist()[1]
    assert closed["open"] is False


def test_frames_that_come_late_join_two_trips() -> None:
    whole = drive(0, 0, 1200)
    early, late = [frame for frame in whole if not 100_000 < frame[1] < 700_000], [frame for frame in whole if 100_000 < frame[1] < 700_000]
    rows = silver(early + late)
    exact = facts.fold(TRIPS, [summed(TRIPS, rows.slice(0, len(early)))])
    assert exact.num_rows == 2
    joined = facts.fold(TRIPS, [exact, summed(TRIPS, rows.slice(len(early)))])
    assert shown(TRIPS, joined).equals(shown(TRIPS, facts.fold(TRIPS, [summed(TRIPS, silver(whole))])))
    assert joined.num_rows == 1


def test_a_session_says_what_was_charged() -> None:
    def frame(at: int) -> tuple[int, int, dict[str, float]]:
        charging = 10 <= at < 1000
        done = min(max(at - 10, 0), 990)
        power = 100_000.0 if done < 500 else 50_000.0
        signals = {"cable_connected": 1.0, "is_charging": float(charging), "soc_pct": 8 + 0.08 * done, "pack_w": power if charging else -200.0}
        return 0, at * 1000, {**signals, "energy_in_kwh": 0.02 * done, "dc_charge_a": 250.0 if charging else 0.0, "speed_kmh": 0.0}

    [row] = shown(SESSIONS, facts.fold(SESSIONS, [summed(SESSIONS, silver([frame(at) for at in range(1101)]))])).to_pylist()
    assert (row["current"], row["peak_kw"], row["energy_kwh"]) == ("DC", 100.0, 19.8)
    assert (row["wait_s"], row["charging_s"], row["idle_s"], row["open"]) == (10.0, 989.0, 101.0, True)
    assert row["seconds_10_to_80"] == pytest.approx(875, abs=1)
    assert (row["start_soc_pct"], row["end_soc_pct"]) == (8.0, 87.2)
    assert row["curve"][0] == {"soc_pct": 7.5, "kw": 100.0}
    assert row["curve"][-1] == {"soc_pct": 87.5, "kw": 50.0}


def test_capacity_and_resistance_come_out_of_a_day() -> None:
    """A pack of 60 kWh and 80 mOhm whose open-circuit voltage is 350 V + 0.8 V a percent."""
    chance, rows, net_wh = random.Random(1), [], 0.0
    for at in range(3000):
        amps = round(chance.uniform(-200, 100), 2)
        soc = round(80 + net_wh / 600, 2)
        signals = {"soc_pct": soc, "pack_a": amps, "pack_v": round(350 + 0.8 * soc + 0.08 * amps, 2)}
        rows.append(
            (0, at * 1000, {**signals, "energy_out_kwh": round(-net_wh / 1000, 3), "energy_in_kwh": 0.0, "energy_left_kwh": round(soc * 0.6, 2)})
        )
        net_wh -= 6
    [row] = shown(BATTERY, facts.fold(BATTERY, [summed(BATTERY, silver(rows))])).to_pylist()
    assert row["capacity_kwh"] == pytest.approx(60, rel=1e-4)
    assert row["reported_capacity_kwh"] == pytest.approx(60, rel=1e-3)
    assert row["resistance_mohm"] == pytest.approx(80, rel=1e-3)
    assert row["cycles"] == pytest.approx(2999 * 0.006 / 2 / 60, rel=1e-3)
    assert row["cell_frames"] == 0
    assert row["hottest_probe"] is None


def test_cells_join_the_day_of_their_pack() -> None:
    message = {"vehicle_id": "V-0", "region": "eu-north", "partition": 0, "event_ts": NOW_MS * 1000}
    made = [{**message, "cell_v": [3.7, 3.65, 3.71], "probe_c": [20.0, 31.5]}, {**message, "cell_v": [3.7, 3.66, 3.7], "probe_c": []}]
    parts = [cells.partial(pa.Table.from_pylist(made[:1], SILVER_CELLS)), cells.partial(pa.Table.from_pylist(made[1:], SILVER_CELLS))]
    [row] = shown(BATTERY, facts.fold(BATTERY, [summed(BATTERY, silver([(0, 0, {"soc_pct": 50.0})])), *parts])).to_pylist()
    assert (row["frames"], row["cell_frames"]) == (1, 2)
    assert (row["cell_spread_max_mv"], row["cell_spread_mean_mv"]) == (60.0, 50.0)
    assert (row["hottest_probe"], row["hottest_probe_c"], row["weakest_cell"], row["weakest_cell_v"]) == (2, 31.5, 2, 3.65)


def test_the_fleet_is_summed_up_by_region_and_model() -> None:
    registry = [
        {"vehicle_id": f"V-{number}", "model": "van-64", "vin": None, "region": None, "home_lat": None, "home_lon": None, "tags": []}
        for number in (0, 1)
    ]
    dimension = dimensions.loaded(dimensions.VEHICLE.empty_table(), registry, datetime.now(UTC))
    rows = silver(drive(0, 0, 60) + drive(1, 0, 30) + drive(2, 0, 10))
    hours = facts.present(HOURS, facts.fold(HOURS, [summed(HOURS, rows)]), {}, dimensions.as_of(dimension))
    unknown, vans = fleet.hourly(hours, dimensions.models(dimension)).to_pylist()
    assert (unknown["model"], unknown["vehicles"], unknown["distance_km"]) == ("unknown", 1, 0.1)
    assert (vans["model"], vans["vehicles"], vans["vehicles_driving"], vans["distance_km"]) == ("van-64", 2, 2, 0.9)


def test_a_vehicle_has_a_version_a_change() -> None:
    def registry(region: str) -> list[dimensions.Row]:
        return [{"vehicle_id": "V-0", "model": "van-64", "vin": "X", "region": region, "home_lat": 1.0, "home_lon": 2.0, "tags": ["taxi"]}]

    june, august = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 8, 1, tzinfo=UTC)
    first = dimensions.loaded(dimensions.VEHICLE.empty_table(), registry("eu-north"), june)
    assert dimensions.loaded(first, registry("eu-north"), august).equals(first)
    second = dimensions.loaded(first, registry("us-east"), august)
    assert [row["is_current"] for row in second.sort_by("valid_from").to_pylist()] == [False, True]
    keys = dimensions.as_of(second)
    instants = [0, round(june.timestamp() * 1000), round(august.timestamp() * 1000) - 1, round(august.timestamp() * 1000)]
    made = keys(["V-0"] * 4, instants)
    assert made[:3] == UNKNOWN(["V-0"] * 3, instants[:3])
    assert made[3] == second.filter(second["is_current"])["vehicle_key"][0].as_py() != made[2]
    third = dimensions.loaded(second, registry("eu-west"), june)  # it comes late: true from June until August
    assert [row["region"] for row in third.sort_by("valid_from").to_pylist()] == ["eu-north", "eu-west", "us-east"]
