"""Envelopes that look alike, read column by column: the fast way for the frames of a fleet.

A vehicle's frames differ in their values and hardly ever in their shape. So lines with the same number of commas are cut at these by
Arrow's CSV reader; the first of them is read as JSON and becomes the template; the lines whose every piece begins and ends as the
template's and has a plain number or a plain text in between are then the same JSON with other values. All others are left to the
JSON reader (`lakehouse.parse`), which decides alike: what happens to a record does not depend on the way it was read.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from contracts.signals import BY_NAME, SIGNALS

_PIECE = re.compile(rb'^(.*":)(?:(-?[0-9][0-9.eE+-]*)|"([^"\\,]*)")(\}*)$', re.DOTALL)
_ENVELOPE_TEXTS = ("gateway_id", "region", "vehicle_id", "kind", "boot_id", "repaired")
_ENVELOPE_NUMBERS = ("seq", "received_at")
FEWEST = 32
"""Fewer alike lines are not worth a template."""
MOST_TEMPLATES = 4
_FAR = 2**20
"""A longer piece is none of ours. (Arrow's slice to an open end asks for a buffer of negative size.)"""

_valid = msgspec.json.Decoder(msgspec.Raw).decode


class Piece(NamedTuple):
    """What stands between two commas of a template: where its value belongs, and what stands before and behind the value."""

    path: tuple[str, ...]
    prefix: bytes
    suffix: bytes
    is_text: bool


class Alike(NamedTuple):
    """The rows that were read, ascending, and their columns as the JSON reader would give them."""

    rows: np.ndarray
    table: pa.Table


def read(lines: Sequence[bytes], schema: pa.Schema) -> Iterator[Alike]:
    """The telemetry envelopes among the lines that follow a template. Lines that are in no result are for the JSON reader."""
    commas = np.fromiter((line.count(b",") for line in lines), np.int64, len(lines))
    for count in np.unique(commas).tolist():
        rows = np.flatnonzero(commas == count)
        if len(rows) < FEWEST:
            continue
        mine = lines if len(rows) == len(lines) else [lines[row] for row in rows.tolist()]
        valid = _are_json(mine)
        pieces = _cut(mine, count + 1)
        for _ in range(MOST_TEMPLATES):
            if pieces is None or len(rows) < FEWEST:
                break
            template = _template(b",".join(column[0].as_py() for column in pieces.columns))
            fits = valid & _fits(pieces, template) if template else np.zeros(len(rows), bool)
            if template and int(fits.sum()) >= FEWEST:
                alike = _table(pieces if fits.all() else pieces.filter(pa.array(fits)), template, rows[fits], schema)
                if alike is not None:
                    yield alike
            fits[0] = True  # a first line without a template of its own would be looked at for ever
            rows, valid, pieces = rows[~fits], valid[~fits], pieces.filter(pa.array(~fits))


def _are_json(lines: Sequence[bytes]) -> np.ndarray:
    """Which lines are one JSON value each."""
    good = np.ones(len(lines), bool)
    for at, line in enumerate(lines):
        try:
            _valid(line)
        except (msgspec.MsgspecError, RecursionError):
            good[at] = False
    return good


def _cut(lines: Sequence[bytes], columns: int) -> pa.Table | None:
    """The lines cut at their commas; None where a line holds a line break, or what is no UTF-8."""
    text = b"\n".join(lines)
    try:
        if not text.isascii():
            text.decode()
    except UnicodeDecodeError:
        return None
    names = [str(at) for at in range(columns)]
    try:
        table = pv.read_csv(
            pa.BufferReader(text),
            read_options=pv.ReadOptions(column_names=names, use_threads=False, block_size=len(text) + 1),
            parse_options=pv.ParseOptions(quote_char=False, double_quote=False, ignore_empty_lines=False),
            convert_options=pv.ConvertOptions(column_types=dict.fromkeys(names, pa.binary()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != len(lines):
        return None
    return pa.table([column.combine_chunks() for column in table.columns], names=names)


def _template(line: bytes) -> list[Piece] | None:
    """The pieces of a line that is a telemetry envelope with plain values and signals of the catalogue only."""
    try:
        value = json.loads(line, object_pairs_hook=_once)
    except ValueError:
        return None
    paths = list(_paths(value))
    found = [_PIECE.match(piece) for piece in line.split(b",")]
    if len(paths) != len(found) or not all(_known(path) for path in paths):
        return None
    pieces = []
    for path, match in zip(paths, found, strict=True):
        if match is None or b"[" in match[1]:
            return None
        is_text = match[3] is not None
        quote = b'"' if is_text else b""
        pieces.append(Piece(path, match[1] + quote, quote + match[4], is_text))
        if is_text == (path[-1] in _ENVELOPE_NUMBERS or path[0] == "payload"):
            return None
    return pieces


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice")
    return made


def _paths(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, (*path, name))
    else:
        yield path


def _known(path: tuple[str, ...]) -> bool:
    match path:
        case (name,):
            return name in _ENVELOPE_TEXTS or name in _ENVELOPE_NUMBERS or name == "traceparent"
        case ("payload", "ts"):
            return True
        case ("payload", "signals", name):
            return name in BY_NAME
        case _:
            return False


def _fits(pieces: pa.Table, template: Sequence[Piece]) -> np.ndarray:
    """Which lines begin and end each piece as the template does, with something in between."""
    fits = np.ones(pieces.num_rows, bool)
    for column, piece in zip(pieces.columns, template, strict=True):
        fits &= pc.starts_with(column, piece.prefix).to_numpy()
        if piece.suffix:
            fits &= pc.ends_with(column, piece.suffix).to_numpy()
        length = pc.binary_length(column).to_numpy()
        fits &= (length >= len(piece.prefix) + len(piece.suffix) + (not piece.is_text)) & (length <= _FAR)
    return fits


def _table(pieces: pa.Table, template: Sequence[Piece], rows: np.ndarray, schema: pa.Schema) -> Alike | None:
    """The values as columns; None where one of them is not as JSON wants it, so that the JSON reader says what is wrong and where."""
    values: dict[tuple[str, ...], pa.Array] = {}
    for column, piece in zip(pieces.columns, template, strict=True):
        end = -len(piece.suffix) if piece.suffix else _FAR
        values[piece.path] = pc.binary_slice(column, len(piece.prefix), end).combine_chunks()
    texts = [values[piece.path] for piece in template if piece.is_text]
    numbers = [piece.path for piece in template if not piece.is_text]
    if not _plain(pa.concat_arrays(texts)):
        return None
    if not _numeric(pa.concat_arrays([values[path] for path in numbers])):
        return None
    try:
        typed = {path: values[path].view(pa.string()).cast(pa.int64()) for path in numbers if path[:2] != ("payload", "signals")}
        signals = [path for path in numbers if path[:2] == ("payload", "signals")]
        measured = pa.concat_arrays([values[path] for path in signals]).view(pa.string()).cast(pa.float64()) if signals else pa.nulls(0, pa.float64())
    except pa.ArrowInvalid:
        return None
    if not np.isfinite(measured.to_numpy()).all():
        return None
    size = len(rows)
    typed |= {path: measured.slice(at * size, size) for at, path in enumerate(signals)}
    typed |= {piece.path: values[piece.path].view(pa.string()) for piece in template if piece.is_text}
    return Alike(rows, _assembled(typed, size, schema))


def _plain(texts: pa.Array) -> bool:
    """Whether texts have nothing that JSON escapes; control characters are not JSON at all."""
    content = _content(texts)
    return b'"' not in content and b"\\" not in content


def _numeric(numbers: pa.Array) -> bool:
    """Whether values of valid JSON are all numbers."""
    return not _content(numbers).translate(None, b"0123456789.-+eE")


def _content(values: pa.Array) -> bytes:
    """All bytes of an array that begins with its buffer, one value behind the other."""
    end = int(np.frombuffer(values.buffers()[1], np.int32, 1, len(values) * 4)[0])
    content = values.buffers()[2]
    return content.slice(0, end).to_pybytes() if content else b""


def _assembled(values: dict[tuple[str, ...], pa.Array], size: int, schema: pa.Schema) -> pa.Table:
    signals = pa.StructArray.from_arrays(
        [_or_null(values.get(("payload", "signals", signal.name)), size, pa.float64()) for signal in SIGNALS],
        fields=list(schema.field("payload").type.field("signals").type),
    )
    ts = _or_null(values.get(("payload", "ts")), size, pa.int64())
    payload = pa.StructArray.from_arrays([ts, signals], fields=list(schema.field("payload").type))
    columns = [payload if field.name == "payload" else _or_null(values.get((field.name,)), size, field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _or_null(values: pa.Array | None, size: int, kind: pa.DataType) -> pa.Array:
    return pa.nulls(size, kind) if values is None else values
