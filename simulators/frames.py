"""Columns to payload bytes: values rounded to the signal's resolution, inside its range, as plain decimal numbers.

Rows are encoded by msgspec from structs that are made for one set of signals, which costs some 1.6 µs a frame of 26 signals.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from contracts.codec import encode
from contracts.events import Cells, Event
from contracts.signals import BY_NAME, Signal
from simulators.physics.signals import Columns

Floats = NDArray[np.float64]
AnyFloats = NDArray[np.floating[Any]]
_CELL, _PROBE = BY_NAME["cell_v_min"], BY_NAME["pack_temp_min_c"]


class _Frame(msgspec.Struct, gc=False):
    """`contracts.events.Telemetry` with a struct in place of its dictionary: the same bytes."""

    ts: int
    signals: Any


class Layout:
    """The encoder of frames of one set of signals."""

    def __init__(self, names: Sequence[str]) -> None:
        """Raises KeyError for a name that the catalogue lacks."""
        self.names = tuple(names)
        signals = [BY_NAME[name] for name in names]
        self._low, self._high, self._scale = (_column(signals, name) for name in ("low", "high", "scale"))
        self._whole = [signal.scale == 1 for signal in signals]
        fields: list[tuple[str, Any, Any]] = [(name, float | int | UnsetType, UNSET) for name in names]
        self._row = msgspec.defstruct("Signals", fields, gc=False)

    def encode(self, ts: int | Iterable[int], columns: Columns) -> list[bytes]:
        """One payload a row. A value that is not a number (NaN) is left out of its frame.

        `ts` is epoch milliseconds, one for all rows or one a row; `columns` holds at least this layout's names.
        """
        table = quantise(np.array([columns[name] for name in self.names]), (self._low, self._high, self._scale))
        missing = np.isnan(table)
        if missing.any():
            columns_of = zip(table.tolist(), self._whole, strict=True)
            values = [[UNSET if math.isnan(one) else int(one) if whole else one for one in column] for column, whole in columns_of]
        else:
            values = [(row.astype(np.int64) if whole else row).tolist() for row, whole in zip(table, self._whole, strict=True)]
        row, frame = self._row, _Frame
        if isinstance(ts, int):
            return [encode(frame(ts, row(*one))) for one in zip(*values, strict=True)]
        return [encode(frame(at, row(*one))) for at, one in zip(ts, zip(*values, strict=True), strict=True)]


def _column(signals: Sequence[Signal], field: str) -> Floats:
    return np.array([getattr(signal, field) for signal in signals], dtype=np.float64)[:, None]


def quantise(values: AnyFloats, limits: tuple[Floats, Floats, Floats]) -> Floats:
    """Values clipped to (low, high) and rounded to multiples of 1/scale; each is the float that prints as that decimal."""
    low, high, scale = limits
    return (np.rint(np.clip(values, low, high) * scale) + 0.0) / scale


def encode_cells(ts: int | Sequence[int], cell_v: Sequence[AnyFloats], probe_c: Sequence[AnyFloats] | AnyFloats) -> list[bytes]:
    """`cells` payloads, one a vehicle or instant: its voltages and its probe temperatures. `ts` is one for all, or one each."""
    stamps = [ts] * len(cell_v) if isinstance(ts, int) else ts
    if len({len(one) for one in cell_v}) <= 1:
        volts = quantise(np.asarray(cell_v), _limits(_CELL)).tolist()
    else:
        volts = [quantise(one, _limits(_CELL)).tolist() for one in cell_v]
    probes = quantise(np.asarray(probe_c), _limits(_PROBE)).tolist()
    return [encode(Cells(at, v, c)) for at, v, c in zip(stamps, volts, probes, strict=True)]


def _limits(signal: Signal) -> tuple[Floats, Floats, Floats]:
    return np.array(signal.low), np.array(signal.high), np.array(float(signal.scale))


def encode_event(ts: int, event: str, attributes: dict[str, Any]) -> bytes:
    """An `event` payload."""
    return encode(Event(ts, event, attributes))
