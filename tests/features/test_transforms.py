"""What a live feature is."""

import random
from datetime import timedelta

import pyarrow as pa

from contracts.signals import BY_NAME
from features.transforms import ENERGY_V1_FEATURES, KNOWN_TIME, VEHICLE_LIVE_FEATURES, VEHICLE_LIVE_TABLE, live_columns, newest
from lakehouse.tables import SCHEMAS
from tests.features.made import T0, frames


def test_every_live_feature_is_a_signal_that_silver_keeps() -> None:
    assert set(VEHICLE_LIVE_FEATURES) <= set(BY_NAME) & set(SCHEMAS[VEHICLE_LIVE_TABLE].names)
    assert set(ENERGY_V1_FEATURES) <= set(VEHICLE_LIVE_FEATURES)
    assert 15 <= len(VEHICLE_LIVE_FEATURES) == len(set(VEHICLE_LIVE_FEATURES))


def test_the_newest_row_is_that_of_the_last_event_whatever_the_order() -> None:
    rows = live_columns(frames(4, 30))
    shuffled = list(range(rows.num_rows))
    random.Random(3).shuffle(shuffled)
    found = {row["vehicle_id"]: row for row in newest(rows.take(shuffled)).to_pylist()}
    assert len(found) == 4
    for row in rows.slice(rows.num_rows - 4).to_pylist():
        assert found[row["vehicle_id"]] == row


def test_of_two_frames_of_one_instant_the_one_known_last_is_the_newest() -> None:
    rows = live_columns(frames(1, 1))
    later = rows.set_column(rows.column_names.index(KNOWN_TIME), KNOWN_TIME, pa.array([T0 + timedelta(seconds=9)]).cast(rows[KNOWN_TIME].type))
    for order in ([rows, later], [later, rows]):
        assert newest(pa.concat_tables(order)).to_pylist() == later.to_pylist()


def test_nothing_has_no_newest_row() -> None:
    assert newest(live_columns(frames(1, 1)).slice(0, 0)).num_rows == 0
