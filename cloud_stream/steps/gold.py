"""The gold flow's memory: minutes that are not known yet, and the newest revisions of those that are."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse import minutes
from lakehouse.positions import Reached, beyond, later, reached_by
from lakehouse.tables import TIME, VEHICLE_MINUTES

RECENT_MS = 5 * 60 * 1000
"""Revisions younger than this are kept at hand; older ones are looked up in the table."""
_PILE = 16

Lookup = Callable[[pa.Table], pa.Table]
"""The revisions that the table holds of the minutes of the given rows; of their vehicles' other minutes too, which are passed over."""


class MinuteMaker:
    """Silver telemetry rows in, revisions of minutes out, each as soon as its source's clock has passed its `known_at`."""

    def __init__(self, reached: Reached, pending: pa.Table, recent: pa.Table, lookup: Lookup) -> None:
        """`pending` are partials with their topics."""
        self.reached = dict(reached)
        self._pending = [pending] if pending.num_rows else []
        self._recent = recent
        self._lookup = lookup

    def step(self, rows: pa.Table) -> tuple[pa.Table, Reached]:
        """Take in silver rows; the revisions that are due and the positions that they reach together with all before them."""
        fresh = beyond(rows, self.reached)
        if not fresh.num_rows:
            return VEHICLE_MINUTES.empty_table(), {}
        moved = reached_by(fresh)
        self.reached = later(self.reached, moved)
        self._pending.append(minutes.sourced(fresh))
        return self._due(), {source: self.reached[source] for source in moved}

    def _due(self) -> pa.Table:
        if len(self._pending) > _PILE:
            self._pending = [minutes.piled(self._pending)]
        due, waiting = [], []
        for table in self._pending:
            known = minutes.due(table, self.reached)
            due.append(table.filter(known))
            waiting.append(table.filter(pc.invert(known)))
        self._pending = [table for table in waiting if table.num_rows]
        known_now = minutes.merge(due)
        if not known_now.num_rows:
            return known_now
        revisions = minutes.revise(self._base(known_now), known_now)
        self._remember(revisions, max(position.clock_ms for position in self.reached.values()))
        return revisions

    def _base(self, known: pa.Table) -> pa.Table:
        """Earlier revisions of these minutes. Only a minute that is known later than at its end can have any."""
        ends = pc.add(known["minute"], pa.scalar(60_000_000, pa.duration("us")))
        again = known.filter(pc.greater(known["known_at"], ends))
        key = ["vehicle_id", "minute"]
        recent = self._recent.join(known.select(key), key, join_type="left semi").select(VEHICLE_MINUTES.names)
        elsewhere = again.join(recent.select(key), key, join_type="left anti").select(VEHICLE_MINUTES.names)
        if not elsewhere.num_rows:
            return recent
        found = self._lookup(elsewhere).join(elsewhere.select(key), key, join_type="left semi").select(VEHICLE_MINUTES.names)
        return pa.concat_tables([recent, found])

    def _remember(self, revisions: pa.Table, clock_ms: int) -> None:
        together = pa.concat_tables([self._recent, revisions])
        young = pc.greater_equal(together["known_at"], pa.scalar(clock_ms - RECENT_MS, pa.timestamp("ms", tz="UTC")).cast(TIME))
        self._recent = together.filter(young)
