"""What makes a rebuild's exact rows out of silver: this process, or a cluster (`lakehouse.gold.spark`). The functions are the same."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from contracts.identity import Kind
from lakehouse.gold.folds import Fold
from lakehouse.gold.shadow import of
from lakehouse.positions import Reached, upto
from lakehouse.reader import dataset

MOST_PARTS = 16
"""Batches that wait to be folded: bounds the memory."""


class Need(NamedTuple):
    """A table of gold that needs silver up to these positions."""

    fold: Fold
    reached: Reached


Engine = Callable[[Kind, DeltaTable, Mapping[str, Sequence[Need]], Sequence[str]], Iterator[tuple[str, str, pa.Table]]]
"""Takes a kind of silver, its table, who needs which day, and vehicles (none: all); gives `(table of gold, day, exact rows)`."""


def local(kind: Kind, silver: DeltaTable, days: Mapping[str, Sequence[Need]], vehicles: Sequence[str]) -> Iterator[tuple[str, str, pa.Table]]:
    """The engine of this process: one day after the other, batch by batch, each batch read once for all who need it."""
    held = dataset(silver)
    for day, needs in sorted(days.items()):
        columns = sorted({column for need in needs for column in need.fold.columns[kind]})
        piled: dict[str, list[pa.Table]] = {need.fold.name: [] for need in needs}
        mine = (ds.field("date") == day) & of(vehicles)
        for batch in held.to_batches(columns=columns, filter=mine, batch_readahead=2, fragment_readahead=1):
            if batch.num_rows:
                _take(kind, pa.Table.from_batches([batch]), needs, piled)
        for need in needs:
            yield need.fold.name, day, need.fold.merge(piled[need.fold.name])


def _take(kind: Kind, rows: pa.Table, needs: Sequence[Need], piled: dict[str, list[pa.Table]]) -> None:
    known: list[tuple[Reached, pa.Table]] = []
    for fold, reached in needs:
        mine = next((table for at, table in known if at == reached), None)
        if mine is None:
            mine = upto(rows, reached)
            known.append((reached, mine))
        if mine.num_rows:
            pile = piled[fold.name]
            pile.append(fold.partial(kind, mine))
            if len(pile) > MOST_PARTS:
                pile[:] = [fold.merge(pile)]
