"""Make a table of gold again from silver, beside the flows: into a shadow, then put in place in one commit.

The shadow holds exact rows by day of silver, up to the positions that the table had when the rebuild began. The swap reads what silver has
got since, up to the positions that the table has by then, folds both, and replaces the days in one numbered commit that leaves the
positions as they are. If the flow commits in between, that commit is refused and the swap is tried on the newer state.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from contracts.errors import Terminal
from lakehouse.gold import commits, fleet, silver
from lakehouse.gold.dims import Dimensions
from lakehouse.gold.folds import FOLDS, Fold
from lakehouse.gold.hours import HOURS
from lakehouse.gold.rollup import Rollup
from lakehouse.gold.shadow import Shadow, Tell, Wish, of, part, partition_values
from lakehouse.gold.swap import swap
from lakehouse.positions import Position, Source, position, upto
from lakehouse.reader import dataset, open_table
from lakehouse.tables import SILVER_OF
from lakehouse.tail import sources

Engine = Callable[[Fold, str, DeltaTable, Sequence[str], Sequence[str], Mapping[Source, Position]], Iterator[tuple[str, pa.Table]]]
"""Makes exact rows of a kind of silver for days and vehicles (none: all) up to positions, a part a day: `(day, exact rows)`."""


def rebuild(lake: str, wish: Wish, scratch: Path, engine: Engine, tell: Tell = lambda _: None) -> int:
    """Make a table again; how many of its rows were put in place. Raises Terminal for a wish that makes no sense."""
    if wish.table == fleet.NAME:
        return Rollup(lake).again(Dimensions(lake))
    _check_days(wish)
    if wish.table in silver.KIND_OF:
        return silver.rebuild(lake, wish, scratch, tell)
    fold = _checked(wish)
    table = open_table(lake, wish.table)
    held_by = {kind: open_table(lake, SILVER_OF[kind]) for kind in fold.columns}  # type: ignore[index]
    known = {source for one in held_by.values() for source in sources(one)}
    shadow = Shadow(scratch, wish, {source: position(table, source) for source in known})
    tell(f"{'going on with' if shadow.resumed else 'beginning'} {wish.table}")
    days = _days(held_by.values(), wish, fold)
    for kind, held in held_by.items():
        missing = [day for day in days if not shadow.has(part(kind, day))]
        for day, exact in engine(fold, kind, held, missing, wish.vehicles, shadow.reached):
            shadow.write(part(kind, day), exact)
            tell(f"{kind} of {day}: {exact.num_rows} exact rows")
    made = commits.persistently(table, wish.table, lambda: swap(lake, wish, table, shadow, days))
    shadow.remove()
    if wish.table == HOURS.name:
        Rollup(lake).follow(Dimensions(lake))
    return made


def local(
    fold: Fold, kind: str, silver: DeltaTable, days: Sequence[str], vehicles: Sequence[str], reached: Mapping[Source, Position]
) -> Iterator[tuple[str, pa.Table]]:
    """The engine on this machine: one day after the other, batch by batch."""
    held = dataset(silver)
    for day in days:
        piled: list[pa.Table] = []
        for batch in held.to_batches(
            columns=fold.columns[kind], filter=(ds.field("date") == day) & of(vehicles), batch_readahead=2, fragment_readahead=1
        ):
            rows = upto(pa.Table.from_batches([batch]), reached) if batch.num_rows else None
            if rows is not None and rows.num_rows:
                piled.append(fold.partial(kind, rows))
                if len(piled) > 16:
                    piled = [fold.merge(piled)]
        yield day, fold.merge(piled)


def _check_days(wish: Wish) -> None:
    for day in (wish.first, wish.last):
        if day and not _is_day(day):
            raise Terminal(f"{day} is no day; write it as 2026-01-31")


def _checked(wish: Wish) -> Fold:
    if wish.table not in FOLDS:
        raise Terminal(f"{wish.table} cannot be rebuilt; these can: {', '.join([*FOLDS, fleet.NAME, *silver.KIND_OF])}")
    fold = FOLDS[wish.table]
    if (wish.first or wish.last) and not fold.dated:
        raise Terminal(f"{wish.table} has no days: rebuild it whole, or by vehicles")
    return fold


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _days(silver: Iterable[DeltaTable], wish: Wish, fold: Fold) -> list[str]:
    """The days of silver that are needed: for spans one more on each side, which shows whether a span crosses the edge."""
    held = {day for table in silver for day in partition_values(table, "date")}
    margin = timedelta(days=1 if fold.spans else 0)
    first = (date.fromisoformat(wish.first) - margin).isoformat() if wish.first else ""
    last = (date.fromisoformat(wish.last) + margin).isoformat() if wish.last else ""
    return sorted(day for day in held if Wish(wish.table, first, last).holds(day))
