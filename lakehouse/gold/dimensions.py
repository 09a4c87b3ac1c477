"""Dimensions of gold: vehicles as they were (type 2), their models, the days.

A vehicle's first version is valid from the beginning of time, so its surrogate key is known before the registry names the vehicle:
a fact that comes before its dimension row (an inferred member) bears the key that the row will have. A later version is valid
from the instant that it was loaded for; facts from that instant on get its key, also those that were written before.
"""

import csv
import hashlib
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from contracts.errors import Terminal
from contracts.identity import VEHICLE_ID
from lakehouse.gold.exact import TIME

VEHICLE = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("vehicle_key", "vehicle_id", "vin", "model", "model_key", "region")),
        *(pa.field(name, pa.float64()) for name in ("home_lat", "home_lon")),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("valid_from", TIME),
        pa.field("valid_to", TIME),
        pa.field("is_current", pa.bool_()),
    ]
)
"""`valid_to` is null while a version is current; the first version's `valid_from` is the epoch."""
MODEL = pa.schema([pa.field("model_key", pa.string()), pa.field("model", pa.string()), pa.field("vehicles", pa.int64())])
DATE = pa.schema(
    [
        pa.field("date_key", pa.int32()),
        pa.field("date", pa.string()),
        *(pa.field(name, pa.int32()) for name in ("year", "quarter", "month", "day", "iso_year", "iso_week", "weekday")),
        pa.field("is_weekend", pa.bool_()),
    ]
)
COLUMNS = ("vehicle_id", "vin", "model", "region", "home_lat", "home_lon", "tags")
"""Of a registry file."""
_FACTS = ("vin", "model", "region", "home_lat", "home_lon", "tags")
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
CALENDAR = (date(2015, 1, 1), date(2040, 12, 31))
Row = dict[str, object]


def vehicle_key(vehicle_id: str, valid_from_ms: int) -> str:
    """The surrogate key of one version of a vehicle: 16 hex digits."""
    return hashlib.blake2b(f"vehicle/{vehicle_id}/{valid_from_ms}".encode(), digest_size=8).hexdigest()


def model_key(model: str) -> str:
    """The surrogate key of a model: 16 hex digits."""
    return hashlib.blake2b(f"model/{model}".encode(), digest_size=8).hexdigest()


def read_registry(path: Path) -> list[Row]:
    """The vehicles of a registry file (CSV with a header). Raises Terminal that names file, line and what is wrong."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in ("vehicle_id", "model") if name not in (reader.fieldnames or ())]
            if missing:
                raise Terminal(f"{path} is no registry: it lacks the column {missing[0]}; the columns are {', '.join(COLUMNS)}")
            rows = [_vehicle(path, number, row) for number, row in enumerate(reader, start=2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Terminal(f"cannot read the registry {path}: {error}") from None
    names = [str(row["vehicle_id"]) for row in rows]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Terminal(f"{path} names the vehicle {twice} more than once; keep one line of it")
    return rows


def _vehicle(path: Path, number: int, row: Mapping[str, str | None]) -> Row:
    vehicle = row.get("vehicle_id") or ""
    if not VEHICLE_ID.fullmatch(vehicle):
        raise Terminal(f"{path}, line {number}: {vehicle!r} is no vehicle id; it has 1 to 32 capital letters, digits and hyphens")
    try:
        places: dict[str, object] = {name: float(row[name] or "") if row.get(name) else None for name in ("home_lat", "home_lon")}
    except ValueError:
        raise Terminal(f"{path}, line {number}: the home of {vehicle} is no pair of degrees") from None
    texts: dict[str, object] = {name: row.get(name) or None for name in ("vin", "model", "region")}
    return {"vehicle_id": vehicle, **texts, **places, "tags": [tag for tag in (row.get("tags") or "").split(";") if tag]}


def loaded(dimension: pa.Table, registry: Sequence[Row], since: datetime) -> pa.Table:
    """The dimension after a registry was loaded that is true from `since` on. Loading the same again changes nothing.

    Vehicles that the registry does not name stay as they are. A version that is younger than `since` stays the truth of its own time.
    """
    versions: dict[str, list[Row]] = {}
    for row in dimension.sort_by("valid_from").to_pylist():
        versions.setdefault(row["vehicle_id"], []).append({name: row[name] for name in (*_FACTS, "valid_from")})
    for row in registry:
        facts = {name: row[name] for name in _FACTS}
        known = versions.setdefault(str(row["vehicle_id"]), [])
        if not known:
            known.append({**facts, "valid_from": FIRST})
            continue
        at = bisect_right([version["valid_from"] for version in known], since)  # type: ignore[type-var]
        before = known[at - 1]
        if all(before[name] == facts[name] for name in _FACTS):
            continue
        if before["valid_from"] == since:
            known[at - 1] = {**facts, "valid_from": since}
        else:
            known.insert(at, {**facts, "valid_from": since})
    return _dimension(versions)


def _dimension(versions: Mapping[str, Sequence[Row]]) -> pa.Table:
    rows = []
    for vehicle, known in sorted(versions.items()):
        ends = [version["valid_from"] for version in known[1:]] + [None]
        for version, end in zip(known, ends, strict=True):
            begins = version["valid_from"]
            assert isinstance(begins, datetime)
            rows.append(
                {
                    **version,
                    "vehicle_key": vehicle_key(vehicle, round(begins.timestamp() * 1000)),
                    "vehicle_id": vehicle,
                    "model_key": model_key(str(version["model"])),
                    "valid_to": end,
                    "is_current": end is None,
                }
            )
    return pa.Table.from_pylist(rows, VEHICLE)


def as_of(dimension: pa.Table) -> Callable[[Sequence[str], Sequence[int]], list[str]]:
    """Surrogate keys of vehicles at instants (ms since the epoch), by this dimension."""
    starts: dict[str, list[int]] = {}
    for vehicle, since in zip(dimension["vehicle_id"].to_pylist(), dimension["valid_from"].cast(pa.int64()).to_pylist(), strict=True):
        if since:
            starts.setdefault(vehicle, []).append(since // 1000)
    for known in starts.values():
        known.sort()
    first: dict[str, str] = {}

    def keys(vehicles: Sequence[str], instants: Sequence[int]) -> list[str]:
        made = []
        for vehicle, instant in zip(vehicles, instants, strict=True):
            later = starts.get(vehicle)
            at = bisect_right(later, instant) if later else 0
            if later and at:
                made.append(vehicle_key(vehicle, later[at - 1]))
            else:
                made.append(first.get(vehicle) or first.setdefault(vehicle, vehicle_key(vehicle, 0)))
        return made

    return keys


def models(dimension: pa.Table) -> dict[str, str]:
    """Models by vehicle key."""
    found = zip(dimension["vehicle_key"].to_pylist(), dimension["model"].to_pylist(), strict=True)
    return {key: model for key, model in found if model}


def model_rows(dimension: pa.Table) -> pa.Table:
    """`dim_model`: the models that the dimension names, with how many vehicles are of it now."""
    counts: dict[str, int] = {}
    for model, current in zip(dimension["model"].to_pylist(), dimension["is_current"].to_pylist(), strict=True):
        if model:
            counts[model] = counts.get(model, 0) + bool(current)
    rows = [{"model_key": model_key(model), "model": model, "vehicles": number} for model, number in sorted(counts.items())]
    return pa.Table.from_pylist(rows, MODEL)


def date_rows() -> pa.Table:
    """`dim_date`: every day of the calendar."""
    first, last = CALENDAR
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    rows = [
        {
            "date_key": day.year * 10_000 + day.month * 100 + day.day,
            "date": day.isoformat(),
            "year": day.year,
            "quarter": (day.month + 2) // 3,
            "month": day.month,
            "day": day.day,
            "iso_year": day.isocalendar().year,
            "iso_week": day.isocalendar().week,
            "weekday": day.isoweekday(),
            "is_weekend": day.isoweekday() > 5,
        }
        for day in days
    ]
    return pa.Table.from_pylist(rows, DATE)
