"""Make a table of gold again from silver, beside the flows: into a shadow, then put in place in one commit.

The shadow holds exact rows by day of silver, up to the positions that the table had when the rebuild began. The swap reads what silver has
got since, up to the positions that the table has by then, folds both, and replaces the days in one numbered commit that leaves the
positions as they are. If the flow commits in between, that commit is refused and the swap is tried on the newer state.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from deltalake import DeltaTable

from contracts.errors import Terminal
from contracts.identity import Kind
from lakehouse.gold import commits, fleet, silver
from lakehouse.gold.dims import Dimensions
from lakehouse.gold.engine import Engine, Need
from lakehouse.gold.folds import FOLDS, Fold
from lakehouse.gold.hours import HOURS
from lakehouse.gold.rollup import Rollup
from lakehouse.gold.shadow import Shadow, Tell, Wish, part, partition_values
from lakehouse.gold.swap import swap
from lakehouse.positions import position
from lakehouse.reader import open_table
from lakehouse.tables import SILVER_OF
from lakehouse.tail import sources

KINDS: tuple[Kind, ...] = ("telemetry", "cells")
"""Of silver, that gold is made of."""


def rebuild(lake: str, wishes: Sequence[Wish], scratch: Path, engine: Engine, tell: Tell = lambda _: None) -> dict[str, int]:
    """Make tables again; how many rows of each were put in place. Tables of gold are made in one pass over silver.

    Raises Terminal for a wish that makes no sense.
    """
    for wish in wishes:
        _check(wish)
    made = {wish.table: silver.rebuild(lake, wish, scratch, tell) for wish in wishes if wish.table in silver.KIND_OF}
    tasks = [_begun(lake, wish, scratch, tell) for wish in wishes if wish.table in FOLDS]
    for kind in KINDS:
        _shadows(lake, kind, [task for task in tasks if kind in task.fold.columns], engine, tell)
    for task in tasks:
        made[task.wish.table] = commits.persistently(task.table, task.wish.table, partial(_swapped, lake, task))
        task.shadow.remove()
    if fleet.NAME in {wish.table for wish in wishes}:
        made[fleet.NAME] = Rollup(lake).again(Dimensions(lake))
    elif HOURS.name in made:
        Rollup(lake).follow(Dimensions(lake))
    return made


class _Task(NamedTuple):
    """One table of gold that is being made again, and the days of silver that it needs."""

    wish: Wish
    fold: Fold
    table: DeltaTable
    shadow: Shadow
    days: list[str]


def _begun(lake: str, wish: Wish, scratch: Path, tell: Tell) -> _Task:
    fold, table = FOLDS[wish.table], open_table(lake, wish.table)
    held = [open_table(lake, SILVER_OF[kind]) for kind in KINDS if kind in fold.columns]
    shadow = Shadow(scratch, wish, {source: position(table, source) for one in held for source in sources(one)})
    tell(f"{'going on with' if shadow.resumed else 'beginning'} {wish.table}")
    return _Task(wish, fold, table, shadow, _days(held, wish, fold))


def _shadows(lake: str, kind: Kind, tasks: Sequence[_Task], engine: Engine, tell: Tell) -> None:
    """Write the parts of a kind of silver that are missing."""
    missing: dict[str, list[Need]] = {}
    for task in tasks:
        for day in task.days:
            if not task.shadow.has(part(kind, day)):
                missing.setdefault(day, []).append(Need(task.fold, task.shadow.reached))
    if not missing:
        return
    shadows = {task.wish.table: task.shadow for task in tasks}
    for name, day, exact in engine(kind, open_table(lake, SILVER_OF[kind]), missing, tasks[0].wish.vehicles):
        shadows[name].write(part(kind, day), exact)
        tell(f"{name}: {exact.num_rows} exact rows of {kind} of {day}")


def _swapped(lake: str, task: _Task) -> int:
    return swap(lake, task.wish, task.table, task.shadow, task.days)


def _check(wish: Wish) -> None:
    for day in (wish.first, wish.last):
        if day and not _is_day(day):
            raise Terminal(f"{day} is no day; write it as 2026-01-31")
    if wish.table not in FOLDS and wish.table not in silver.KIND_OF and wish.table != fleet.NAME:
        raise Terminal(f"{wish.table} cannot be rebuilt; these can: {', '.join([*FOLDS, fleet.NAME, *silver.KIND_OF])}")
    if (wish.first or wish.last) and wish.table in FOLDS and not FOLDS[wish.table].dated:
        raise Terminal(f"{wish.table} has no days: rebuild it whole, or by vehicles")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _days(held_in: Iterable[DeltaTable], wish: Wish, fold: Fold) -> list[str]:
    """The days of silver that are needed: for spans one more on each side, which shows whether a span crosses the edge."""
    held = {day for table in held_in for day in partition_values(table, "date")}
    margin = timedelta(days=1 if fold.spans else 0)
    first = (date.fromisoformat(wish.first) - margin).isoformat() if wish.first else ""
    last = (date.fromisoformat(wish.last) + margin).isoformat() if wish.last else ""
    return sorted(day for day in held if Wish(wish.table, first, last).holds(day))
