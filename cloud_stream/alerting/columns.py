"""Silver rows, events and scores as sorted columns: what rules see of a batch.

A row's place in its vehicle's time is `(ts, minor)`; `minor` holds kind, boot and seq, so that it is also the row's identity.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.events import Score
from contracts.signals import BY_NAME

Array = np.ndarray
KINDS = ("telemetry", "cells", "event", "score")
TELEMETRY, CELLS, EVENT, SCORE = range(4)
_SEQ_BITS, _KIND_BIT = 30, 62
_SEQ_MASK = (1 << _SEQ_BITS) - 1

FROM_CELLS: dict[str, tuple[str, str]] = {
    "cells_low_mv": ("mV", "how far the lowest cell is below the median of the pack"),
    "cells_second_mv": ("mV", "how far the second lowest cell is below the median"),
    "cells_high_mv": ("mV", "how far the highest cell is above the median"),
    "cells_second_high_mv": ("mV", "how far the second highest cell is above the median"),
    "cells_spread_mv": ("mV", "robust spread of the cells: 1.4826 times the median of the distances from their median"),
    "cells_low_id": ("", "number of the lowest cell"),
    "cells_median_v": ("V", "median cell voltage"),
    "cells_count": ("", "number of cells in the message"),
    "probes_spread_k": ("K", "how much hotter the hottest probe is than their median"),
    "probes_max_c": ("Celsius", "hottest probe"),
}
"""Signals that are derived from a `cells` message: unit and meaning."""


def unit_of(signal: str) -> str:
    """The unit of a signal, derived or not."""
    return BY_NAME[signal].unit if signal in BY_NAME else FROM_CELLS.get(signal, ("", ""))[0]


class Rows(NamedTuple):
    """A batch sorted by vehicle and place in time. `values` has a row a signal of the engine, NaN where it is not in the message.

    `region` and `vehicle` are numbers that the engine gave; `known` is Kafka's clock (ms) at the row.
    """

    vehicle: Array
    ts: Array
    minor: Array
    region: Array
    known: Array
    values: Array

    def __len__(self) -> int:
        return len(self.ts)

    def take(self, at: Array) -> "Rows":
        """Some rows, by place or mask."""
        return Rows(self.vehicle[at], self.ts[at], self.minor[at], self.region[at], self.known[at], self.values[:, at])

    def sorted(self) -> "Rows":
        """By vehicle, then place in time."""
        return self.take(np.lexsort((self.minor, self.ts, self.vehicle)))

    def starts(self) -> Array:
        """Where each vehicle's rows begin."""
        return np.flatnonzero(np.diff(self.vehicle, prepend=-1))


def joined(parts: Sequence[Rows]) -> Rows:
    """Several batches as one, sorted."""
    columns = zip(*parts, strict=True)
    return Rows(*(np.concatenate(column, axis=-1) for column in columns)).sorted()


def minor_of(kind: int, boot: Array, seq: Array) -> Array:
    """Kind, boot (as a number) and seq in one number that sorts by them."""
    return (
        (np.uint64(kind) << np.uint64(_KIND_BIT)) | (boot.astype(np.uint64) << np.uint64(_SEQ_BITS)) | (seq.astype(np.uint64) & np.uint64(_SEQ_MASK))
    )


def kind_of(minor: Array) -> Array:
    """The kind in it: a place in `KINDS`."""
    return (minor >> np.uint64(_KIND_BIT)).astype(np.int8)


def identity(minor: int) -> tuple[str, str, int]:
    """Kind, boot id and seq in it."""
    return KINDS[minor >> _KIND_BIT], f"{minor >> _SEQ_BITS & 0xFFFFFFFF:08x}", minor & _SEQ_MASK


def boots(column: pa.ChunkedArray) -> Array:
    """Boot ids as numbers."""
    encoded = column.combine_chunks().dictionary_encode()
    numbers = np.array([int(boot, 16) for boot in encoded.dictionary.to_pylist()], np.uint64)
    return numbers[encoded.indices.to_numpy()]


def coded(column: pa.ChunkedArray, code: Callable[[str], int]) -> Array:
    """Names as the engine's numbers."""
    encoded = column.combine_chunks().dictionary_encode()
    numbers = np.array([code(name or "") for name in encoded.dictionary.to_pylist()], np.int64)
    return numbers[encoded.indices.to_numpy()] if len(numbers) else np.empty(0, np.int64)


def milliseconds(column: pa.ChunkedArray) -> Array:
    """Timestamps as epoch ms."""
    return column.cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).to_numpy()


def lists(column: pa.ChunkedArray) -> tuple[Array, Array]:
    """A column of lists as a rectangle padded with NaN, and how many each has."""
    whole = column.combine_chunks()
    counts = pc.fill_null(pc.list_value_length(whole), 0).to_numpy().astype(np.int64)
    width = int(counts.max(initial=0))
    found = np.full((len(counts), max(width, 1)), np.nan)
    found[np.arange(found.shape[1])[None, :] < counts[:, None]] = pc.list_flatten(whole).to_numpy(zero_copy_only=False)
    return found, counts


def of_cells(rows: pa.Table) -> dict[str, Array]:
    """The derived signals of `cells` rows (columns `cell_v`, `probe_c`)."""
    volts, counts = lists(rows["cell_v"])
    probes, heard = lists(rows["probe_c"])
    millivolts = volts * 1000.0
    ordered = np.sort(millivolts, axis=1)  # NaN last
    at = np.arange(len(counts))
    enough = counts >= 3
    middle = _median(ordered, counts)
    away = np.sort(np.abs(millivolts - middle[:, None]), axis=1)
    warm = np.sort(probes, axis=1)
    hottest = warm[at, np.maximum(heard - 1, 0)]
    lowest = np.where(np.isnan(volts), np.inf, volts).argmin(axis=1)
    second = np.minimum(1, ordered.shape[1] - 1)
    found = {
        "cells_low_mv": middle - ordered[:, 0],
        "cells_second_mv": middle - ordered[:, second],
        "cells_high_mv": ordered[at, np.maximum(counts - 1, 0)] - middle,
        "cells_second_high_mv": ordered[at, np.maximum(counts - 2, 0)] - middle,
        "cells_spread_mv": 1.4826 * _median(away, counts),
        "cells_low_id": lowest + 1.0,
        "cells_median_v": middle / 1000,
        "cells_count": counts.astype(float),
    }
    found = {name: np.where(enough, np.round(column, 4), np.nan) for name, column in found.items()}
    spread = np.where(heard >= 3, hottest - _median(warm, heard), np.nan)
    return found | {"probes_spread_k": np.round(spread, 4), "probes_max_c": np.where(heard > 0, hottest, np.nan)}


def _median(ordered: Array, counts: Array) -> Array:
    """Of sorted rows, the first `counts` of each."""
    at, last = np.arange(len(counts)), np.maximum(counts - 1, 0)
    return (ordered[at, last // 2] + ordered[at, (last + 1) // 2]) / 2


def of_scores(scores: Sequence[Score]) -> tuple[Array, Array]:
    """Times, and identities that differ by model and version, of scores."""
    import zlib

    ts = np.array([score.event_ts for score in scores], np.int64)
    names = np.array([zlib.crc32(f"{score.model}/{score.version}".encode()) for score in scores], np.uint64)
    return ts, minor_of(SCORE, names, np.zeros(len(scores), np.uint64))
