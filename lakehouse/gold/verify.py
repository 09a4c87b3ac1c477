"""Does gold equal what a rebuild gives? Row for row, to the last bit, at the positions that each table has reached.

Every table is pinned at one version; the flows go on meanwhile. Silver is made again from bronze and folded; minutes, which are
many, wait on disk by day.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from contracts.errors import Terminal
from contracts.identity import Kind
from lakehouse import replay
from lakehouse.gold import commits, dimensions, fleet
from lakehouse.gold.dims import Dimensions
from lakehouse.gold.folds import FOLDS, MINUTES, Fold
from lakehouse.gold.hours import HOURS
from lakehouse.gold.piles import DayPile, Pile
from lakehouse.gold.rollup import COLUMNS, UPSTREAM
from lakehouse.gold.store import DIMENSIONS
from lakehouse.gold.tables import FACTS
from lakehouse.positions import Reached, later, position, upto
from lakehouse.reader import arrow, dataset, exists, open_table
from lakehouse.tables import BRONZE_OF, SCHEMAS, SILVER_OF
from lakehouse.tail import sources

KINDS: tuple[Kind, ...] = ("telemetry", "cells")
PATIENCE = 60
"""Looks, half a second apart, for versions that belong together."""


class Outcome(msgspec.Struct, frozen=True):
    """One table at one version: how many rows stand, how many a rebuild gives, and the first difference in words."""

    table: str
    version: int
    rows: int
    rebuilt: int
    difference: str | None


class _Target:
    """One table under verification."""

    def __init__(self, lake: str, table: DeltaTable, fold: Fold, scratch: Path) -> None:
        self.fold, self.table = fold, table
        every = {source for kind in fold.columns for source in sources(open_table(lake, SILVER_OF[kind]))}  # type: ignore[index]
        self.reached: Reached = {source: position(self.table, source) for source in every}
        self.as_of = Dimensions(lake).as_of
        self.pile = DayPile(fold, scratch) if fold is MINUTES else Pile(fold)

    def take(self, kind: str, rows: pa.Table) -> None:
        """Fold in what the table should hold of these silver rows."""
        if kind in self.fold.columns:
            mine = upto(rows, self.reached)
            if mine.num_rows:
                self.pile.add(self.fold.partial(kind, mine))

    def outcome(self) -> Outcome:
        """Compare, day by day where the rows have days."""
        stands, rebuilt, found = 0, 0, None
        for day, exact in self.pile.days(self._days()):
            made = self.fold.rows(exact, self.reached, self.as_of)
            there = self._rows(day)
            stands, rebuilt = stands + there.num_rows, rebuilt + made.num_rows
            found = found or difference(there, made, self.fold.order)
        return Outcome(self.fold.name, self.table.version(), stands, rebuilt, found)

    def _days(self) -> set[str]:
        if "date" not in SCHEMAS[self.fold.name].names:
            return set()
        return set(pc.unique(pa.table(self.table.get_add_actions(flatten=True))["partition.date"]).to_pylist())

    def _rows(self, day: str | None) -> pa.Table:
        schema = SCHEMAS[self.fold.name]
        mine = ds.field("date") == day if day is not None else None
        return dataset(self.table).to_table(columns=schema.names, filter=mine).cast(schema)


def verify(lake: str, *, from_silver: bool = False, tell: Callable[[str], None] = lambda _: None) -> list[Outcome]:
    """Compare every table of gold that is there with a rebuild from bronze, or from silver where bronze no longer reaches back.

    Raises Terminal where the gold flow has not taken in the newest registry, or `fleet_hourly` has not followed `vehicle_hours`.
    """
    with tempfile.TemporaryDirectory(prefix="voltlake-verify-") as folder:
        pinned = _pinned(lake)
        targets = [_Target(lake, pinned[name], fold, Path(folder)) for name, fold in FOLDS.items() if name in pinned]
        for kind in KINDS:
            until: Reached = {}
            for target in targets:
                until = later(until, target.reached)
            count = 0
            for rows in _silver(lake, kind, until, from_silver) if until else ():
                count += rows.num_rows
                tell(f"{count} rows of {kind} made again")
                for target in targets:
                    target.take(kind, rows)
        made = [target.outcome() for target in targets]
        hours = next((target for target in targets if target.fold.name == HOURS.name), None)
        if fleet.NAME in pinned and hours is not None:
            made.append(_fleet(lake, pinned[fleet.NAME], hours))
    return made + _dimensions(lake)


def _pinned(lake: str) -> dict[str, DeltaTable]:
    """The tables at versions that belong together: facts have the keys of the newest dimension, the fleet's hours are the vehicles'."""
    for left in reversed(range(PATIENCE)):
        tables = {name: open_table(lake, name) for name in (*FOLDS, fleet.NAME) if exists(lake, name)}
        loaded = Dimensions(lake).version if exists(lake, "gold.dim_vehicle") else 0
        keyed = {name: table.transaction_version(DIMENSIONS) for name, table in tables.items() if name in FACTS or name == fleet.NAME}
        behind = [name for name, version in keyed.items() if version is not None and version != loaded]
        if fleet.NAME in tables and tables[fleet.NAME].transaction_version(UPSTREAM) not in {None, commits.number(tables[HOURS.name])}:
            behind.append(fleet.NAME)
        if not behind:
            return tables
        if left:
            time.sleep(0.5)
    raise Terminal(f"{behind[0]} has not followed the registry or the vehicles' hours yet; is the gold flow running (voltlake status)?")


def _silver(lake: str, kind: Kind, until: Reached, from_silver: bool) -> Iterator[pa.Table]:
    if from_silver:
        columns = sorted({column for fold in FOLDS.values() for column in fold.columns.get(kind, [])})
        return replay.standing(lake, kind, columns, until)
    if not exists(lake, BRONZE_OF[kind]) or not replay.reaches_back(lake, kind):
        raise Terminal(f"bronze no longer holds all {kind} that silver was made of; verify from silver (--from-silver)")
    return replay.again(lake, kind, until)


def _fleet(lake: str, summary: DeltaTable, hours: _Target) -> Outcome:
    [(_, exact)] = hours.pile.days(set())
    rows = hours.fold.rows(exact, hours.reached, hours.as_of)
    made = fleet.hourly(rows.select(COLUMNS), Dimensions(lake).models)
    stands = dataset(summary).to_table(columns=fleet.SCHEMA.names).cast(fleet.SCHEMA)
    return Outcome(fleet.NAME, summary.version(), stands.num_rows, made.num_rows, difference(stands, made, ["hour", "region", "model"]))


def _dimensions(lake: str) -> list[Outcome]:
    """What follows from the registry and the calendar."""
    if not exists(lake, "gold.dim_vehicle"):
        return []
    vehicles = arrow(lake, "gold.dim_vehicle").select(dimensions.VEHICLE.names).cast(dimensions.VEHICLE)
    wanted = {"gold.dim_model": (dimensions.model_rows(vehicles), "model_key"), "gold.dim_date": (dimensions.date_rows(), "date_key")}
    made = []
    for name, (rows, key) in wanted.items():
        table = open_table(lake, name)
        stands = dataset(table).to_table(columns=rows.column_names).cast(rows.schema)
        made.append(Outcome(name, table.version(), stands.num_rows, rows.num_rows, difference(stands, rows, [key])))
    return made


def difference(stands: pa.Table, rebuilt: pa.Table, order: list[str]) -> str | None:
    """The first row, in the order of its names, in which two tables differ; None where they are the same to the last bit."""
    ways = [(name, "ascending") for name in order]
    one, other = stands.sort_by(ways).combine_chunks(), rebuilt.sort_by(ways).combine_chunks()
    if one.equals(other):
        return None
    left, right = one.to_pylist(), other.to_pylist()
    for at in range(max(len(left), len(right))):
        mine, theirs = (rows[at] if at < len(rows) else None for rows in (left, right))
        if mine is None or theirs is None or any(mine[name] != theirs[name] for name in order):
            return _alone(mine, theirs, order)
        column = next((name for name in one.column_names if not _same(mine[name], theirs[name])), None)
        if column:
            return f"{_named(mine, order)}: {column} is {mine[column]!r}, a rebuild gives {theirs[column]!r}"
    return None


def _same(one: object, other: object) -> bool:
    return repr(one) == repr(other)


def _alone(mine: dict[str, object] | None, theirs: dict[str, object] | None, order: list[str]) -> str:
    def key(row: dict[str, object]) -> list[str]:
        return [str(row[name]) for name in order]

    if theirs is None or (mine is not None and key(mine) < key(theirs)):
        return f"{_named(mine or {}, order)} stands in the table, a rebuild does not give it"
    return f"{_named(theirs, order)} is missing, a rebuild gives it"


def _named(row: dict[str, object], order: list[str]) -> str:
    return ", ".join(f"{name} {row.get(name)}" for name in order)
