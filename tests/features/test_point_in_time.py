"""The join against its own definition, written out as a loop."""

import random
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from feast import FeatureStore
from hypothesis import given, settings
from hypothesis import strategies as st

from features import large, sorted_search
from features.point_in_time import latest, match
from features.transforms import VEHICLE_LIVE, VEHICLE_LIVE_FEATURES
from tests.features.made import T0

KEY = st.sampled_from(["A", "B", None])
MOMENT = st.integers(0, 12)
ROWS = st.lists(st.tuples(KEY, MOMENT, st.none() | MOMENT), max_size=25)
QUESTIONS = st.lists(st.tuples(KEY, MOMENT, st.sampled_from(["lived", "any"]) | MOMENT), max_size=15)
TTL = st.none() | st.integers(1, 8)


def by_definition(question: tuple, rows: list[tuple], ttl: int | None) -> int | None:
    key, at, limit = question
    fit = [
        (row_at, known is not None, known or 0, place)
        for place, (row_key, row_at, known) in enumerate(rows)
        if key is not None
        and row_key == key
        and row_at <= at
        and (ttl is None or row_at + ttl >= at)
        and (limit is None or (known is not None and known <= limit))
    ]
    return max(fit)[3] if fit else None


def tables(questions: list[tuple], rows: list[tuple]) -> tuple[pa.Table, pa.Table]:
    asked = {
        "k": pa.array([key for key, _, _ in questions], pa.string()),
        "at": pa.array([at for _, at, _ in questions], pa.int64()),
        "known_until": pa.array([limit for _, _, limit in questions], pa.int64()),
    }
    given_rows = {
        "k": pa.array([key for key, _, _ in rows], pa.string()),
        "at": pa.array([at for _, at, _ in rows], pa.int64()),
        "known": pa.array([known for _, _, known in rows], pa.int64()),
    }
    return pa.table(asked), pa.table(given_rows)


@pytest.mark.parametrize("fits", [1 << 62, 0], ids=["sorted search", "joins"])
def test_the_join_is_its_definition(fits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorted_search, "_FITS", fits)
    agrees()


@settings(max_examples=120, deadline=None)
@given(QUESTIONS, ROWS, TTL)
def agrees(questions: list[tuple], rows: list[tuple], ttl: int | None) -> None:
    limited = [(key, at, {"lived": at, "any": None}.get(limit, limit)) for key, at, limit in questions]
    asked, given_rows = tables(limited, rows)
    assert match(asked, given_rows, ["k"], ttl).to_pylist() == [by_definition(question, rows, ttl) for question in limited]


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_the_latest_row_of_a_key_is_its_definition(rows: list[tuple]) -> None:
    newest: dict[str | None, tuple] = {}
    for place, (key, at, known) in enumerate(rows):
        newest[key] = max(newest.get(key, (-1,)), (at, known is not None, known or 0, place))
    _, given_rows = tables([], rows)
    assert latest(given_rows, ["k"]).to_pylist() == sorted(found[3] for found in newest.values())


def test_several_keys_or_none_at_all() -> None:
    rows = pa.table({"a": ["x", "x", "y"], "b": [1, 2, 2], "at": [1, 2, 3], "known": pa.array([1, 2, 3])})
    asked = pa.table({"a": ["x", "y", "y"], "b": [2, 2, 1], "at": [9, 9, 9], "known_until": pa.nulls(3, pa.int64())})
    assert match(asked, rows, ["a", "b"], None).to_pylist() == [1, 2, None]
    assert match(asked, rows, [], None).to_pylist() == [2, 2, 2]


@pytest.mark.parametrize("until", [None, 5])
def test_a_frame_of_the_future_of_its_own_clock_waits_for_its_time(until: int | None) -> None:
    rows = pa.table({"k": ["A", "A"], "at": [3, 10], "known": [4, 4]})
    asked = pa.table({"k": ["A", "A"], "at": [5, 10], "known_until": pa.array([until, 10 if until else None], pa.int64())})
    assert match(asked, rows, ["k"], None).to_pylist() == [0, 1]


def test_a_table_that_memory_does_not_hold_gives_the_same_answers(lake: Path, store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    some = random.Random(11)
    rows = [(f"TEST-{some.randrange(10):03d}", T0 + timedelta(seconds=some.uniform(-20, 900))) for _ in range(400)]
    asked = pd.DataFrame({"vehicle_id": [who for who, _ in rows], "event_timestamp": [at for _, at in rows]})
    refs = [f"{VEHICLE_LIVE}:{name}" for name in VEHICLE_LIVE_FEATURES]
    whole = store.get_historical_features(entity_df=asked, features=refs).to_arrow()
    monkeypatch.setattr(large, "LARGE_BYTES", 0)
    monkeypatch.setattr(large, "RANGE_ROWS", 1000)
    monkeypatch.setattr(large, "_BATCH_ROWS", 700)
    assert store.get_historical_features(entity_df=asked, features=refs).to_arrow().equals(whole)
    assert whole["pack_v"].null_count < 300
