"""The rules that a frame alone decides: values are normalised, repaired, refused or marked, a column at a time."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.quality import CELLS, MARKS, REFUSALS, REPAIRS, Ascending, Impossible, Null, Overshoot, Product, Span
from contracts.signals import BY_NAME, SIGNALS

Columns = dict[str, np.ndarray]
"""The signals that a batch has at all, by name; NaN where a frame lacks one."""


class Refusal(NamedTuple):
    """A reason code, a sentence a row, and the rows it is about."""

    code: str
    details: pa.Array
    rows: np.ndarray


class Mark(NamedTuple):
    """The name of a rule and the rows that it marks."""

    name: str
    rows: np.ndarray


class Examined(NamedTuple):
    """A batch's values as silver will hold them, and what the rules say of its rows."""

    columns: Columns
    refusals: list[Refusal]
    marks: list[Mark]


def examine(signals: pa.StructArray) -> Examined:
    """Apply every rule that needs no other frame."""
    columns = normalised(signals)
    marks = _repair(columns)
    refusals = _out_of_range(columns)
    marks += [Mark(rule.name, rows) for rule in MARKS if (rows := _broken(rule, columns)) is not None and rows.any()]
    return Examined(columns, refusals, marks)


def normalised(signals: pa.StructArray) -> Columns:
    """The catalogue's signals as whole multiples of their resolution, without negative zeros: the only place where values are put in form.

    Units are the catalogue's on the wire already: what reads a vehicle's own format converts it (`simulators/mappings`).
    """
    columns: Columns = {}
    for signal in SIGNALS:
        field = signals.field(signals.type.get_field_index(signal.name))
        if field.null_count < len(field):
            values = field.to_numpy(zero_copy_only=False) * signal.scale
            np.rint(values, out=values)
            values /= signal.scale
            values += 0.0
            columns[signal.name] = values
    return columns


def within(span: Span, columns: Columns) -> np.ndarray:
    """Where a span of a signal that the batch has holds."""
    values = np.abs(columns[span.signal]) if span.amount else columns[span.signal]
    return (values >= span.low) & (values <= span.high)


def _together(spans: Sequence[Span], columns: Columns) -> np.ndarray | None:
    if not {span.signal for span in spans} <= columns.keys():
        return None
    found = within(spans[0], columns)
    for span in spans[1:]:
        if found.any():
            found &= within(span, columns)
    return found


def _repair(columns: Columns) -> list[Mark]:
    marks = []
    for rule in REPAIRS:
        rows = _overshot(rule, columns) if isinstance(rule, Overshoot) else _nulled(rule, columns)
        if rows is not None and rows.any():
            marks.append(Mark(rule.name, rows))
    return marks


def _overshot(rule: Overshoot, columns: Columns) -> np.ndarray | None:
    found: np.ndarray | None = None
    for name in rule.signals:
        if name in columns:
            signal, values = BY_NAME[name], columns[name]
            beyond = ((values > signal.high) & (values <= signal.high + rule.by)) | ((values < signal.low) & (values >= signal.low - rule.by))
            if beyond.any():
                columns[name] = np.where(beyond, np.clip(values, signal.low, signal.high), values)
                found = beyond if found is None else found | beyond
    return found


def _nulled(rule: Null, columns: Columns) -> np.ndarray | None:
    rows = _together(rule.where, columns)
    if rows is not None:
        for name in rule.signals:
            if name in columns:
                columns[name] = np.where(rows, np.nan, columns[name])
    return rows


def _out_of_range(columns: Columns) -> list[Refusal]:
    """A refusal for each signal that is out of its range somewhere in the batch; usually none."""
    refusals = []
    for rule in REFUSALS:
        for name, values in columns.items():
            signal = BY_NAME[name]
            outside = (values < signal.low) | (values > signal.high)
            if outside.any():
                texts = pc.cast(pa.array(values), pa.string())
                said = pc.binary_join_element_wise(name, texts, f"is outside {signal.low:g} to {signal.high:g}", " ")
                refusals.append(Refusal(rule.name, said, outside))
    return refusals


def cells_out_of_range(payload: pa.StructArray) -> list[Refusal]:
    """A refusal for each list of cells messages in which some value is out of range; usually none."""
    refusals = []
    for rule in REFUSALS:
        for name, signal in CELLS.items():
            lists, low, high = pc.struct_field(payload, name), BY_NAME[signal].low, BY_NAME[signal].high
            values = pc.list_flatten(lists).to_numpy(zero_copy_only=False)
            outside = np.zeros(len(payload), bool)
            outside[pc.list_parent_indices(lists).to_numpy()[(values < low) | (values > high)]] = True
            if outside.any():
                refusals.append(Refusal(rule.name, pa.repeat(f"a value of {name} is outside {low:g} to {high:g}", len(payload)), outside))
    return refusals


def _broken(rule: Impossible | Product | Ascending, columns: Columns) -> np.ndarray | None:
    if isinstance(rule, Impossible):
        return _together(rule.where, columns)
    if isinstance(rule, Product):
        return _unequal(rule, columns)
    found: np.ndarray | None = None
    for lower, upper in zip(rule.signals, rule.signals[1:], strict=False):
        if lower in columns and upper in columns:
            wrong = columns[lower] > columns[upper]
            found = wrong if found is None else found | wrong
    return found


def _unequal(rule: Product, columns: Columns) -> np.ndarray | None:
    if not {rule.of, *rule.factors} <= columns.keys():
        return None
    one, other = rule.factors
    product = columns[one] * columns[other]
    return np.abs(columns[rule.of] - product) > rule.absolute + rule.relative * np.abs(product)
