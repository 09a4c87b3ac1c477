"""What the gold flow commits at once: revisions of minutes, and the newest state of each vehicle."""

from collections.abc import Collection

import pyarrow as pa

from cloud_stream.connectors.delta import Committed
from lakehouse.gold import commits
from lakehouse.gold.store import CURRENT, CurrentTable, Owned
from lakehouse.positions import Reached, Source, beyond, reached_by
from lakehouse.reader import open_table

MINUTES = "gold.vehicle_minutes"


class Revisions:
    """Appends revisions of minutes with the positions of the frames behind them."""

    def __init__(self, lake: str, reached: Reached) -> None:
        """`reached` is how far the table has read."""
        self._table = open_table(lake, MINUTES)
        self._owned = Owned(self._table, MINUTES, reached)
        self._pending: list[tuple[pa.Table, Reached]] = []

    def add(self, item: tuple[pa.Table, Reached]) -> None:
        """Take one step's revisions and the positions they reach."""
        self._pending.append(item)

    def commit(self) -> Committed:
        """Append them; without a revision the positions wait for the next: what is read again makes nothing twice."""
        rows = pa.concat_tables([rows for rows, _ in self._pending])
        if rows.num_rows:
            reached: Reached = {}
            for _, moved in self._pending:
                reached |= moved
            self._owned.persist(reached, lambda: (None, commits.append(self._table, MINUTES, rows, reached)))
            self._pending = []
        return Committed({MINUTES: rows.num_rows})


class Newest:
    """Folds silver telemetry into `vehicle_current`."""

    def __init__(self, lake: str, sources: Collection[Source]) -> None:
        self._table = CurrentTable(lake, sources)
        self._pending: list[pa.Table] = []

    def add(self, item: pa.Table) -> None:
        """Take silver rows."""
        self._pending.append(item)

    def commit(self) -> Committed:
        """One commit; rows that the table has are passed over."""
        rows = beyond(pa.concat_tables(self._pending), self._table.reached)
        self._pending = []
        return Committed({CURRENT: self._table.fold_in(rows, reached_by(rows)) if rows.num_rows else 0})
