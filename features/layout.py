"""Feast's Redis layout as bytes, straight from Arrow, without importing Feast (5 CPU seconds). Pure.

A vehicle is one hash. Its key is Feast's entity key, version 3, then the project. Its fields, for a feature view:

    4 bytes, little endian: murmur3("view:feature")    Feast's `Value` message; empty where the feature is null
    _ts:view                                           Feast's `Timestamp` message: the event time
    _known:view                                        the same message: the Kafka time up to which the writing flow had read

Feast reads fields by name, so it never sees `_known:`. Layout of feast 0.67 (feast/infra/online_stores/redis.py and
feast/infra/key_encoding_utils.py); a test reads back through Feast what is written here.
"""

import struct
from collections.abc import Sequence

import mmh3
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.transforms import EVENT_TIME, JOIN_KEY, KNOWN_TIME, PROJECT

_STRING = 2  # feast.types.ValueType.STRING
_DOUBLE_TAG = b"\x29"  # Value.double_val: field 5, eight bytes
_SECONDS_TAG, _NANOS_TAG = 0x08, 0x10
_TIME_SIZE = 12
_PLACES = np.array([1 << shift for shift in range(0, 35, 7)])
_NAN = struct.pack("<d", float("nan"))

Bytes = np.ndarray


def entity_key(vehicle_id: str, project: str = PROJECT) -> bytes:
    """The Redis key of a vehicle."""
    join_key, value = JOIN_KEY.encode(), vehicle_id.encode()
    head = struct.pack("<III", 1, _STRING, len(join_key)) + join_key
    return head + struct.pack("<II", _STRING, len(value)) + value + project.encode()


def feature_field(view: str, feature: str) -> bytes:
    """The hash field of a feature."""
    return struct.pack("<I", mmh3.hash(f"{view}:{feature}", signed=False))


def event_time_field(view: str) -> bytes:
    """The hash field of a view's event time."""
    return f"_ts:{view}".encode()


def known_time_field(view: str) -> bytes:
    """The hash field of the Kafka time up to which a view's flow had read."""
    return f"_known:{view}".encode()


def encode(rows: pa.Table, view: str, features: Sequence[str]) -> bytes:
    """One HSET command a row, in Redis' own protocol: send as it is and read one integer reply a row.

    Needs `vehicle_id`, `event_ts`, `known_at` (microseconds, none null) and the features (64-bit floats). The commands
    differ only in the key, in numbers and in which values are null: so they are laid out as a rectangle of the longest
    command, filled by column, and what a row does not use is left out.
    """
    if not rows.num_rows:
        return b""
    keys = [entity_key(vehicle) for vehicle in rows[JOIN_KEY].to_pylist()]
    columns = [_literal(b"*%d\r\n$4\r\nHSET\r\n" % (2 * len(features) + 6)), _keys(keys)]
    for feature in features:
        columns += [_literal(_bulk(feature_field(view, feature))), _doubles(rows[feature])]
    for field, column in ((event_time_field(view), EVENT_TIME), (known_time_field(view), KNOWN_TIME)):
        columns += [_literal(_bulk(field) + b"$%d\r\n" % _TIME_SIZE), _times(rows[column]), _literal(b"\r\n")]
    rectangle = np.empty((rows.num_rows, sum(part.shape[1] for part, _ in columns)), np.uint8)
    used = np.ones(rectangle.shape, bool)
    at = 0
    for part, mask in columns:
        end = at + part.shape[1]
        rectangle[:, at:end] = part
        if mask is not None:
            used[:, at:end] = mask
        at = end
    return rectangle[used].tobytes()


def plain_double(value: bytes | None) -> bytes:
    """The eight bytes of a feature's number, those of NaN where it is null or absent. Raises ValueError where it is another type."""
    if not value:
        return _NAN
    if len(value) != 9 or value[:1] != _DOUBLE_TAG:
        raise ValueError(f"not a Feast double: {value[:16].hex()}")
    return value[1:]


def decode_times(values: Sequence[bytes | None]) -> Bytes:
    """Microseconds since the epoch of many `Timestamp` messages, 0 where absent. Those that were written here are read together."""
    if not all(value is not None and len(value) == _TIME_SIZE for value in values):
        return np.array([decode_time(value) or 0 for value in values], np.int64)
    whole = np.frombuffer(b"".join(value for value in values if value), np.uint8).reshape(len(values), _TIME_SIZE).astype(np.int64)
    if not ((whole[:, 0] == _SECONDS_TAG) & (whole[:, 6] == _NANOS_TAG)).all():
        return np.array([decode_time(value) or 0 for value in values], np.int64)
    seconds, nanos = ((whole[:, at : at + 5] & 0x7F) @ _PLACES for at in (1, 7))
    micros: Bytes = seconds * 1_000_000 + nanos // 1000
    return micros


def decode_time(value: bytes | None) -> int | None:
    """Microseconds since the epoch from a `Timestamp` message; None where it is absent."""
    if value is None:
        return None
    numbers = {_SECONDS_TAG: 0, _NANOS_TAG: 0}
    at = 0
    while at < len(value):
        tag, at = value[at], at + 1
        number = shift = 0
        while True:
            byte, at = value[at], at + 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        numbers[tag] = number
    return numbers[_SECONDS_TAG] * 1_000_000 + numbers[_NANOS_TAG] // 1000


def _bulk(value: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(value), value)


def _literal(value: bytes) -> tuple[Bytes, None]:
    return np.frombuffer(value, np.uint8)[None, :], None


def _keys(keys: list[bytes]) -> tuple[Bytes, Bytes | None]:
    bulks = [_bulk(key) for key in keys]
    sizes = np.array([len(bulk) for bulk in bulks])
    width = int(sizes.max())
    filled = np.frombuffer(b"".join(bulk.ljust(width, b"\0") for bulk in bulks), np.uint8).reshape(len(bulks), width)
    return filled, None if sizes.min() == width else np.arange(width)[None, :] < sizes[:, None]


def _doubles(column: pa.ChunkedArray) -> tuple[Bytes, Bytes | None]:
    """`$9 CRLF tag, eight bytes, CRLF`; or `$0 CRLF CRLF` for a null, which is a part of the same fifteen bytes."""
    whole = np.empty((len(column), 15), np.uint8)
    whole[:] = np.frombuffer(b"$9\r\n" + _DOUBLE_TAG + bytes(8) + b"\r\n", np.uint8)
    values = pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy()
    whole[:, 5:13] = np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(-1, 8)
    if not column.null_count:
        return whole, None
    null = pc.is_null(column).to_numpy()
    whole[null, 1] = ord("0")
    used = np.ones(whole.shape, bool)
    used[null, 4:13] = False
    return whole, used


def _times(column: pa.ChunkedArray) -> tuple[Bytes, None]:
    """`Timestamp` messages of a fixed size: protobuf allows a number to be written with leading zero groups."""
    micros = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
    whole = np.empty((len(micros), _TIME_SIZE), np.uint8)
    for at, tag, numbers in ((0, _SECONDS_TAG, micros // 1_000_000), (6, _NANOS_TAG, micros % 1_000_000 * 1000)):
        whole[:, at] = tag
        groups = numbers[:, None] >> np.arange(0, 35, 7)[None, :] & 0x7F
        whole[:, at + 1 : at + 6] = groups | np.array([0x80, 0x80, 0x80, 0x80, 0])
    return whole, None
