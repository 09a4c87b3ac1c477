"""What a driven minute is, and what a model is shown of it."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from feast import FeatureStore

from contracts.errors import Terminal
from features.datasets import INPUTS, LEAST_DISTANCE_M, driven_minutes, energy_dataset
from features.store import apply, open_store
from lakehouse.tables import SCHEMAS
from tests.features.made import T0, add, frames, full, minutes

TABLE = "gold.vehicle_minutes"


def changed(rows: pa.Table, **values: object) -> pa.Table:
    """Rows with some columns set to one value."""
    for name, value in values.items():
        rows = rows.set_column(rows.column_names.index(name), name, pa.array([value] * rows.num_rows, SCHEMAS[TABLE].field(name).type))
    return rows


def test_consumption_is_net_energy_over_distance() -> None:
    found = driven_minutes(full(TABLE, minutes(3, 2))).to_pylist()
    assert [(row["vehicle_id"], row["event_timestamp"], row["distance_m"], row["wh_per_km"]) for row in found] == [
        ("TEST-000", T0, 800, 125.0),
        ("TEST-001", T0, 800, 137.5),
        ("TEST-000", T0 + timedelta(minutes=1), 800, 125.0),
        ("TEST-001", T0 + timedelta(minutes=1), 800, 137.5),
    ]


def test_the_newest_revision_is_the_truth_and_the_first_says_whether_it_was_lived() -> None:
    first = full(TABLE, minutes(2, 1))
    late = changed(first, known_at=T0 + timedelta(hours=3), energy_out_kwh_max=2_260)
    for order in ([first, late], [late, first]):
        found = driven_minutes(pa.concat_tables(order)).to_pylist()
        assert [(row["wh_per_km"], row["known_until"]) for row in found] == [(300.0, T0)]
    replayed = driven_minutes(late).to_pylist()
    assert [(row["wh_per_km"], row["known_until"]) for row in replayed] == [(300.0, None)]


def test_standing_crawling_and_unmeasured_minutes_are_left_out() -> None:
    rows = full(TABLE, minutes(2, 1))
    assert driven_minutes(changed(rows, odometer_m_max=5_000 + LEAST_DISTANCE_M - 1)).num_rows == 0
    assert driven_minutes(changed(rows, odometer_m_max=5_000 + LEAST_DISTANCE_M)).num_rows == 2
    assert driven_minutes(changed(rows, energy_in_kwh_min=None, energy_in_kwh_max=None)).num_rows == 0
    assert driven_minutes(changed(rows, odometer_m_min=None)).num_rows == 0


def test_a_model_sees_the_features_at_the_start_of_its_minute(store: FeatureStore, lake: Path) -> None:
    said: list[str] = []
    found = energy_dataset(store, str(lake), said.append)
    assert tuple(found.features) == INPUTS
    assert said == ["70 driven minutes of 7 vehicles; reading their features"]
    # Each vehicle's first minute starts with its first frame, which was known only a moment later: there is nothing to see yet.
    assert (found.minutes, len(found.label), set(found.vehicles)) == (70, 63, {f"TEST-{number:03d}" for number in range(7)})
    rows = {(row["vehicle_id"], row["event_ts"]): row for row in frames(8, 600).to_pylist()}
    for place, (vehicle, micros) in enumerate(zip(found.vehicles, found.instants, strict=True)):
        seen = rows[vehicle, T0 + timedelta(microseconds=int(micros) - int(T0.timestamp()) * 1_000_000 - 1_000_000)]
        speed = found.features["speed_kmh"][place]
        assert speed == seen["speed_kmh"] or (seen["speed_kmh"] is None and speed != speed)


def test_a_replay_is_learned_from_as_if_it_had_been_lived(tmp_path: Path, redis_url: str) -> None:
    lake = tmp_path / "lake"
    an_hour_late = timedelta(hours=1)
    rows, gold = frames(2, 300), full(TABLE, minutes(2, 5))
    late = pa.array([row + an_hour_late for row in rows["known_at"].to_pylist()])
    add(lake, "silver.telemetry", rows.set_column(rows.column_names.index("known_at"), "known_at", late))
    add(lake, TABLE, changed(gold, known_at=T0 + 2 * an_hour_late))
    apply(tmp_path / "repo", str(lake), redis_url)
    found = energy_dataset(open_store(tmp_path / "repo", str(lake), redis_url), str(lake), lambda _: None)
    by_event = {(row["vehicle_id"], row["event_ts"]): row for row in rows.to_pylist()}
    assert len(found.label) == 5
    assert found.features["pack_temp_c"].tolist() == pytest.approx(
        [by_event["TEST-000", T0 + timedelta(minutes=n)]["pack_temp_c"] or float("nan") for n in range(5)], nan_ok=True
    )


def test_without_driven_minutes_a_person_is_told_what_to_do(tmp_path: Path, redis_url: str) -> None:
    lake = tmp_path / "lake"
    apply(tmp_path / "repo", str(lake), redis_url)
    store = open_store(tmp_path / "repo", str(lake), redis_url)
    for prepare in (lambda: None, lambda: add(lake, TABLE, minutes(1, 3))):
        prepare()
        with pytest.raises(Terminal, match=r"no driven minutes yet in gold\.vehicle_minutes: let the simulator run for two minutes"):
            energy_dataset(store, str(lake), lambda _: None)
