"""The point-in-time join: ours over Delta against Feast's own duckdb store over Parquet, on the same rows and questions."""

import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.store import apply, open_store
from lakehouse import saved

FEATURES = [f"f{number:02d}" for number in range(20)]
START = datetime(2026, 1, 1, tzinfo=UTC)
SPAN_S = 30 * 86_400
QUESTIONS, ROWS = 100_000, 2_000_000
LARGE_QUESTIONS, LARGE_ROWS, LARGE_PART = 1_000_000, 100_000_000, 2_000_000
VEHICLES = 2_000
TABLE = "saved.bench"
Figures = dict[str, tuple[float | int | None, str]]


def rows(count: int, seed: int) -> pa.Table:
    """Feature rows at random instants."""
    random = np.random.default_rng(seed)
    names = np.array([f"BENCH-{number:05d}" for number in range(VEHICLES)])
    values = np.round(random.normal(0, 10, (len(FEATURES), 4096)), 2)
    places = random.integers(0, 4096, count)
    event = np.int64(START.timestamp() * 1e6) + np.sort(random.integers(0, SPAN_S * 1_000_000, count))
    columns = {name: pa.array(np.roll(values[place], place)[(places + 97 * place) % 4096]) for place, name in enumerate(FEATURES)}
    time_of = pa.array(event, pa.timestamp("us", tz="UTC"))
    return pa.table({"vehicle_id": names[random.integers(0, VEHICLES, count)], "event_ts": time_of, "known_at": time_of, **columns})


def questions(count: int) -> pd.DataFrame:
    """Entity rows at random instants."""
    random = np.random.default_rng(9)
    names = np.array([f"BENCH-{number:05d}" for number in range(VEHICLES)])
    after = random.integers(0, SPAN_S * 1_000_000, count)
    instants = pd.to_datetime(np.int64(START.timestamp() * 1e6) + after, unit="us", utc=True)
    return pd.DataFrame({"vehicle_id": names[random.integers(0, VEHICLES, count)], "event_timestamp": instants})


def measure(folder: Path) -> Figures:
    """Both stores over the same rows, best of six and of two runs; the answers are compared."""
    folder.mkdir(parents=True)
    table = rows(ROWS, 1)
    saved.save(str(folder / "lake"), TABLE, table, overwrite=True)
    pq.write_table(table, folder / "rows.parquet")
    del table
    asked = questions(QUESTIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stock, ours = _stock(folder), _ours(folder)
        ours_s, mine = _best(lambda: _ask(ours, asked), 3)
        stock_s, theirs = _best(lambda: _ask(stock, asked), 2)
        ours_s = min(ours_s, _best(lambda: _ask(ours, asked), 3)[0])
    key = ["vehicle_id", "event_timestamp"]
    one, other = (answer.to_pandas().sort_values([*key, *FEATURES]).reset_index(drop=True)[[*key, *FEATURES]] for answer in (mine, theirs))
    same = all(np.array_equal(one[name].to_numpy(), other[name].to_numpy(), equal_nan=name in FEATURES) for name in FEATURES)
    return {
        "pit_join_s": (round(ours_s, 2), "s, 100,000 entity rows over 2 million feature rows of 20 features, over Delta"),
        "pit_join_stock_s": (round(stock_s, 2), "s, the same by Feast's own duckdb store, over Parquet"),
        "pit_join_speedup": (round(stock_s / ours_s, 1) if same else None, "times faster than Feast's own duckdb store, equal answers"),
    }


def measure_large(folder: Path) -> Figures:
    """1 million entity rows over 100 million feature rows, in a process of its own, whose greatest memory is what counts."""
    if not (folder / "whole").exists():
        for part in range(LARGE_ROWS // LARGE_PART):
            saved.save(str(folder / "lake"), TABLE, rows(LARGE_PART, 100 + part), overwrite=part == 0)
        (folder / "whole").touch()
    ran = subprocess.run([sys.executable, "-m", "bench.feature_store.history", str(folder)], capture_output=True, text=True, check=True)
    took, peak, found = ran.stdout.split()[-3:]
    what = "1 million entity rows over 100 million feature rows of 20 features"
    return {
        "pit_join_100m_peak_gb": (float(peak), f"GB of memory at most, {what}"),
        "pit_join_100m_s": (float(took), f"s, {what}"),
        "pit_join_100m_found": (int(found), f"rows found, {what}"),
    }


def _large(folder: Path) -> None:
    store, asked = _ours(folder), questions(LARGE_QUESTIONS)
    began = time.perf_counter()
    answer = _ask(store, asked)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    found = answer.num_rows - answer[FEATURES[0]].null_count
    print(round(time.perf_counter() - began, 1), round(peak_gb, 2), found)


def _ask(store: Any, asked: pd.DataFrame) -> pa.Table:
    refs = [f"bench:{feature}" for feature in FEATURES]
    return store.get_historical_features(entity_df=asked, features=refs).to_arrow()


def _best(run: Callable[[], pa.Table], turns: int) -> tuple[float, pa.Table]:
    best, answer = 1e9, pa.table({})
    for _ in range(turns):
        began = time.perf_counter()
        answer = run()
        best = min(best, time.perf_counter() - began)
    return best, answer


def _view(source: Any) -> list[Any]:
    from feast import Entity, FeatureView, Field, ValueType
    from feast.types import Float64

    vehicle = Entity(name="benched", join_keys=["vehicle_id"], value_type=ValueType.STRING)
    fields = [Field(name=name, dtype=Float64) for name in FEATURES]
    return [vehicle, source, FeatureView(name="bench", entities=[vehicle], ttl=timedelta(days=1), schema=fields, source=source)]


def _ours(folder: Path) -> Any:
    from feast import FileSource
    from feast.data_format import DeltaFormat

    apply(folder / "repo", str(folder / "lake"), "redis://127.0.0.1:1/0")
    store = open_store(folder / "repo", str(folder / "lake"), "redis://127.0.0.1:1/0")
    source = FileSource(name="bench", path=TABLE, file_format=DeltaFormat(), timestamp_field="event_ts", created_timestamp_column="known_at")
    store.apply(_view(source))
    return store


def _stock(folder: Path) -> Any:
    from feast import FeatureStore, FileSource, RepoConfig

    registry = {"registry_type": "sql", "path": f"sqlite:///{folder / 'stock.db'}"}
    config = RepoConfig(
        project="stock",
        provider="local",
        registry=registry,
        offline_store={"type": "duckdb"},
        online_store={"type": "sqlite", "path": str(folder / "online.db")},
        entity_key_serialization_version=3,
        repo_path=folder,
    )
    store = FeatureStore(config=config)
    path = str(folder / "rows.parquet")
    store.apply(_view(FileSource(name="bench", path=path, timestamp_field="event_ts", created_timestamp_column="known_at")))
    return store


if __name__ == "__main__":
    _large(Path(sys.argv[1]))
