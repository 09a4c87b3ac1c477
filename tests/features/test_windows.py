"""Windows say what the frames known by then say, to the last bit, whoever asks."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from contracts.signals import BY_NAME
from features import days, transforms
from features.definitions import DAY_FEATURES, VEHICLE_WINDOWS, WINDOW_FEATURES
from features.windows import DAYS, MINUTES, Questions
from lakehouse import minutes
from lakehouse.tables import VEHICLE_MINUTES
from tests.features.made import T0, driven, full

MINUTE_US, SECOND_US = 60_000_000, 1_000_000


@pytest.fixture(scope="module")
def frames() -> pa.Table:
    return full("silver.telemetry", driven(3, 75 * 60, every_s=7, seed=5))


@pytest.fixture(scope="module")
def revisions(frames: pa.Table) -> pa.Table:
    return minutes.revise(VEHICLE_MINUTES.empty_table(), minutes.partials(frames))


def instants(count: int, seed: int = 2) -> Questions:
    random = np.random.default_rng(seed)
    start = int(T0.timestamp() * 1e6)
    vehicles = [f"TEST-{number:03d}" for number in random.integers(0, 4, count)]
    return Questions(pa.array(vehicles), start + random.integers(0, 90 * 60, count) * SECOND_US + random.integers(0, SECOND_US, count))


def known(frames: pa.Table, vehicle: str, instant: int, window: int) -> pa.Table:
    """The frames of the window that were known then, by the rule of `lakehouse.minutes`, written down once more."""
    event, arrived = (frames[name].cast(pa.int64()).to_numpy() for name in ("event_ts", "known_at"))
    minute = event // MINUTE_US * MINUTE_US
    from_then_on = np.maximum(minute + MINUTE_US, arrived // SECOND_US * SECOND_US + SECOND_US)
    last = instant // MINUTE_US * MINUTE_US
    mask = (from_then_on <= instant) & (minute < last) & (minute >= last - window * MINUTE_US)
    return frames.filter(pc.and_(pa.array(mask), pc.equal(frames["vehicle_id"], vehicle)))


def test_a_window_is_made_of_the_frames_known_at_the_instant(frames: pa.Table, revisions: pa.Table) -> None:
    asked = instants(300)
    found = transforms.windows(revisions, asked)
    heard = 0
    for row, (vehicle, instant) in enumerate(zip(asked.vehicles.to_pylist(), asked.instants_us.tolist(), strict=True)):
        for window in MINUTES.windows:
            mine = known(frames, vehicle, instant, window)
            heard += bool(mine.num_rows)
            speed = np.rint(pc.drop_null(mine["speed_kmh"]).to_numpy() * 100).astype(np.int64)
            assert found[f"speed_mean_kmh_{window}m"][row].as_py() == (speed.sum() / len(speed) / 100 if len(speed) else None)
            assert found[f"speed_max_kmh_{window}m"][row].as_py() == (speed.max() / 100 if len(speed) else None)
            odometer = pc.drop_null(mine["odometer_m"]).to_numpy()
            assert found[f"distance_km_{window}m"][row].as_py() == ((odometer.max() - odometer.min()) / 1000 if len(odometer) else None)
            assert found[f"minutes_heard_{window}m"][row].as_py() == len({ts.replace(second=0, microsecond=0) for ts in mine["event_ts"].to_pylist()})
    assert heard > 500


def test_the_answer_does_not_depend_on_who_else_asks_or_on_the_order_of_revisions(revisions: pa.Table) -> None:
    asked = instants(200)
    whole = transforms.windows(revisions, asked)
    shuffled = revisions.take(np.random.default_rng(0).permutation(revisions.num_rows))
    for at in range(0, 200, 50):
        part = transforms.windows(shuffled, Questions(asked.vehicles[at : at + 50], asked.instants_us[at : at + 50]))
        for name in WINDOW_FEATURES:
            assert part[name].equals(whole[name][at : at + 50]), name


def test_late_frames_change_what_is_known_from_then_on_only(frames: pa.Table, revisions: pa.Table) -> None:
    again = revisions.group_by(["vehicle_id", "minute"]).aggregate([("known_at", "count")])
    assert pc.sum(pc.greater(again["known_at_count"], 1)).as_py() > 10, "the frames hold late ones"
    late = revisions.filter(pc.greater(pc.subtract(revisions["known_at"], revisions["minute"]), pa.scalar(timedelta(seconds=90))))
    late = late.filter(pc.less(pc.subtract(late["known_at"], late["minute"]), pa.scalar(timedelta(minutes=50))))
    instant = late["known_at"].cast(pa.int64()).to_numpy()
    vehicles = late["vehicle_id"].combine_chunks()
    before = transforms.windows(revisions, Questions(vehicles, instant - 1), ["speed_mean_kmh_60m"])
    after = transforms.windows(revisions, Questions(vehicles, instant), ["speed_mean_kmh_60m"])
    changed = pc.not_equal(before["speed_mean_kmh_60m"], after["speed_mean_kmh_60m"])
    assert pc.mean(changed.cast(pa.float64())).as_py() > 0.9


def test_without_a_limit_all_that_ever_became_known_counts(revisions: pa.Table) -> None:
    asked = instants(100)
    endless = transforms.windows(revisions, asked._replace(known_until_us=np.full(100, 1 << 62)))
    newest = transforms.windows(minutes.newest(revisions), asked._replace(known_until_us=np.full(100, 1 << 62)))
    for name in WINDOW_FEATURES:
        assert endless[name].equals(newest[name]), name


def test_a_window_over_nothing_is_null() -> None:
    empty = VEHICLE_MINUTES.empty_table()
    found = transforms.windows(empty, instants(3))
    assert all(found[name].null_count == 3 for name in WINDOW_FEATURES if not name.startswith("minutes_heard"))
    assert transforms.windows(empty, Questions(pa.array([], pa.string()), np.zeros(0, np.int64)))["wh_per_km_5m"].to_pylist() == []


def test_slow_signals_are_carried_forward_and_need_only_the_minutes_that_they_name(frames: pa.Table, revisions: pa.Table) -> None:
    slow = [name for name in WINDOW_FEATURES if "_last_" in name]
    columns = ["vehicle_id", "minute", "known_at", *transforms.minute_columns(slow)]
    asked = Questions(pa.array(["TEST-000"]), np.array([int((T0 + timedelta(minutes=40)).timestamp() * 1e6)]))
    found = transforms.windows(revisions.select(columns), asked, slow)
    assert all(found[name].null_count == 0 for name in slow)
    assert BY_NAME["tyre_fl_kpa"].cadence_s > 1


def test_days_add_up_minutes_and_their_revisions(frames: pa.Table) -> None:
    spread = frames.set_column(frames.column_names.index("event_ts"), "event_ts", _thrice(frames["event_ts"]))
    spread = spread.set_column(spread.column_names.index("known_at"), "known_at", _thrice(frames["known_at"]))
    made = minutes.revise(VEHICLE_MINUTES.empty_table(), minutes.partials(spread))
    by_day = days.revisions(made)
    day = int(T0.timestamp() * 1e6) // DAYS.bucket_us * DAYS.bucket_us
    asked = Questions(pa.array(["TEST-000"] * 5), day + np.arange(1, 6) * DAYS.bucket_us + 3600 * SECOND_US)
    found = transforms.days(by_day, asked)
    assert found["days_heard_7d"].to_pylist() == [1, 2, 3, 3, 3]
    mine = spread.filter(pc.equal(spread["vehicle_id"], "TEST-000"))
    odometer = mine["odometer_m"].to_numpy()
    assert found["distance_km_7d"][3].as_py() == (np.nanmax(odometer) - np.nanmin(odometer)) / 1000
    ambient = np.rint(pc.drop_null(mine["ambient_c"]).to_numpy() * 10).astype(np.int64)
    assert found["ambient_mean_c_30d"][4].as_py() == ambient.sum() / len(ambient) / 10
    assert set(DAY_FEATURES) == set(found)


def _thrice(times: pa.ChunkedArray) -> pa.Array:
    """The same rows over three days: twenty-five minutes of each."""
    micros = times.cast(pa.int64()).to_numpy()
    part = (micros - int(T0.timestamp() * 1e6)) // (25 * MINUTE_US)
    return pa.array(micros + part * DAYS.bucket_us).cast(times.type)


def test_every_windowed_feature_comes_from_signals_that_a_minute_keeps() -> None:
    for one in VEHICLE_WINDOWS:
        assert set(transforms.minute_columns([*one.columns(MINUTES)])) <= set(VEHICLE_MINUTES.names), one.name
