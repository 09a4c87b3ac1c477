"""Feast's Redis layout, byte by byte, against Feast's own code."""

import math
import struct
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.infra.online_stores.helpers import _mmh3
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from features import layout
from features.transforms import PROJECT, VEHICLE_LIVE, VEHICLE_LIVE_FEATURES

VEHICLES = st.text("ABCXYZ0189-", min_size=1, max_size=32)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 10**16).map(lambda micros: EPOCH + timedelta(microseconds=micros))
ROWS = st.lists(st.tuples(VEHICLES, INSTANTS, INSTANTS, st.none() | st.floats(), st.none() | st.floats()), max_size=12)
TIME = pa.timestamp("us", tz="UTC")


def commands(stream: bytes) -> list[list[bytes]]:
    """The commands of Redis' protocol in a stream of bytes, by its specification."""
    found, at = [], 0

    def number(mark: bytes) -> int:
        nonlocal at
        end = stream.index(b"\r\n", at)
        assert stream[at : at + 1] == mark
        value, at = int(stream[at + 1 : end]), end + 2
        return value

    while at < len(stream):
        words = []
        for _ in range(number(b"*")):
            size = number(b"$")
            words.append(stream[at : at + size])
            assert stream[at + size : at + size + 2] == b"\r\n"
            at += size + 2
        found.append(words)
    return found


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_every_command_is_what_feast_would_write(rows: list[tuple]) -> None:
    features = ["speed_kmh", "soc_pct"]
    vehicles, events, knowns, *values = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    table = pa.table(
        {
            "vehicle_id": pa.array(vehicles, pa.string()),
            "event_ts": pa.array(events, TIME),
            "known_at": pa.array(knowns, TIME),
            **{name: pa.array(column, pa.float64()) for name, column in zip(features, values, strict=True)},
        }
    )
    found = commands(layout.encode(table, VEHICLE_LIVE, features))
    assert len(found) == len(rows)
    for (vehicle, event, known, *numbers), words in zip(rows, found, strict=True):
        assert words[0] == b"HSET"
        proto = EntityKey(join_keys=["vehicle_id"], entity_values=[Value(string_val=vehicle)])
        assert words[1] == serialize_entity_key(proto, 3) + PROJECT.encode()
        fields = dict(zip(words[2::2], words[3::2], strict=True))
        for name, number in zip(features, numbers, strict=True):
            expected = Value() if number is None else Value(double_val=number)
            assert fields.pop(_mmh3(f"{VEHICLE_LIVE}:{name}")) == expected.SerializeToString()
        for name, instant in (("_ts", event), ("_known", known)):
            stamp = Timestamp()
            stamp.ParseFromString(fields[f"{name}:{VEHICLE_LIVE}".encode()])
            assert stamp.ToDatetime(UTC) == instant
            micros = layout.decode_time(fields.pop(f"{name}:{VEHICLE_LIVE}".encode()))
            assert micros == layout.decode_time(stamp.SerializeToString()) == stamp.ToMicroseconds()
        assert not fields


def test_the_fields_of_all_features_differ() -> None:
    assert len({layout.feature_field(VEHICLE_LIVE, name) for name in VEHICLE_LIVE_FEATURES}) == len(VEHICLE_LIVE_FEATURES)


@given(st.floats())
def test_a_number_comes_back_to_the_last_bit(number: float) -> None:
    back = struct.unpack("<d", layout.plain_double(Value(double_val=number).SerializeToString()))[0]
    assert back is not None
    assert struct.pack("<d", back) == struct.pack("<d", number) or math.isnan(number)


def test_null_and_absent_are_none_and_another_type_is_refused() -> None:
    assert math.isnan(struct.unpack("<d", layout.plain_double(None))[0])
    assert layout.plain_double(b"") == layout.plain_double(None)
    assert layout.decode_time(None) is None
    with pytest.raises(ValueError, match="not a Feast double"):
        layout.plain_double(Value(string_val="12").SerializeToString())
