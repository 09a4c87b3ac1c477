"""Exact rows on a pile: folded now and then, so that memory depends on what comes out and not on what goes in."""

from collections.abc import Iterator, Set
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.gold.folds import Fold

MOST_ROWS = 200_000


class Pile:
    """Exact rows in memory."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._tables: list[pa.Table] = []
        self._folded = self._size = 0

    def add(self, exact: pa.Table) -> None:
        """Put rows on it. It is folded when it has grown by as much as it held: the cost stays in proportion."""
        self._tables.append(exact)
        self._size += exact.num_rows
        if self._size > self._folded + max(self._folded, MOST_ROWS):
            self.fold()

    def fold(self) -> pa.Table:
        """All of it as one table."""
        whole = self._fold.merge(self._tables)
        self._tables, self._folded, self._size = [whole], whole.num_rows, whole.num_rows
        return whole

    def days(self, _: Set[str]) -> Iterator[tuple[str | None, pa.Table]]:
        """All of it, of no particular day."""
        yield None, self.fold()


class DayPile:
    """Exact rows that have a date, on disk, a folder a day."""

    def __init__(self, fold: Fold, folder: Path) -> None:
        self._fold, self._folder = fold, folder / fold.name
        self._tables: dict[str, list[pa.Table]] = {}
        self._size = self._files = 0

    def add(self, exact: pa.Table) -> None:
        """Put rows on it; many go to disk."""
        for day in exact["date"].unique().to_pylist():
            self._tables.setdefault(day, []).append(exact.filter(pc.equal(exact["date"], day)))
        self._size += exact.num_rows
        if self._size > MOST_ROWS:
            self._spill()

    def _spill(self) -> None:
        for day, tables in self._tables.items():
            (self._folder / day).mkdir(parents=True, exist_ok=True)
            pq.write_table(self._fold.merge(tables), self._folder / day / f"{self._files}.parquet", compression="zstd", compression_level=1)
            self._files += 1
        self._tables, self._size = {}, 0

    def days(self, others: Set[str]) -> Iterator[tuple[str | None, pa.Table]]:
        """Each day that it holds, and the others, which it knows nothing of."""
        self._spill()
        held = {path.name for path in self._folder.iterdir()} if self._folder.exists() else set()
        for day in sorted(held | others):
            files = sorted((self._folder / day).glob("*.parquet")) if day in held else []
            yield day, self._fold.merge([pq.read_table(file) for file in files])
