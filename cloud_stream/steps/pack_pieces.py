"""The memory of packs as bytes of a checkpoint and back."""

from collections.abc import Mapping

import msgspec
import numpy as np

from cloud_stream.steps.live_cells import Pack
from features.cells import Memory, Sums

_encode = msgspec.msgpack.Encoder().encode


class _Saved(msgspec.Struct, array_like=True):
    """A pack; arrays are bytes of 64-bit numbers, a row after the other, with their columns beside them."""

    heard_ms: int
    open: list[tuple[int, int, bytes, bytes]]
    memory: tuple[int, bytes]
    said: dict[str, tuple[int, bytes]]


def packed_packs(packs: Mapping[str, Pack], partition: int) -> bytes:
    """The packs of one partition."""
    return _encode({vehicle: _saved(pack) for vehicle, pack in packs.items() if pack.partition == partition})


def unpacked_packs(content: bytes, partition: int) -> dict[str, Pack]:
    """The same, back."""
    return {vehicle: _loaded(saved, partition) for vehicle, saved in msgspec.msgpack.decode(content, type=dict[str, _Saved]).items()}


def _saved(pack: Pack) -> _Saved:
    hours = [(hour, size, sums.cells.astype(np.int64).tobytes(), sums.pack.tobytes()) for (hour, size), sums in pack.open.items()]
    return _Saved(pack.heard_ms, hours, _flat(pack.memory.below), {name: _flat(scores) for name, scores in pack.said.items()})


def _loaded(saved: _Saved, partition: int) -> Pack:
    hours = {
        (hour, size): Sums(np.frombuffer(cells, np.int64).reshape(-1, size), np.frombuffer(pack, np.int64)) for hour, size, cells, pack in saved.open
    }
    said = {name: _rows(*flat) for name, flat in saved.said.items()}
    return Pack(partition, saved.heard_ms, hours, Memory(_rows(*saved.memory)), said)


def _flat(rows: np.ndarray) -> tuple[int, bytes]:
    return rows.shape[1], np.ascontiguousarray(rows, float).tobytes()


def _rows(columns: int, content: bytes) -> np.ndarray:
    return np.frombuffer(content, float).reshape(-1, columns) if columns else np.empty((0, 0))
