"""Gold's facts out of silver rows: gathered for some seconds, then folded into each table with the positions that they reach."""

import logging
import time
from collections.abc import Mapping, Sequence

import pyarrow as pa

from cloud_stream.connectors.delta import Committed
from lakehouse.gold import cells
from lakehouse.gold.battery import BATTERY
from lakehouse.gold.dims import Dimensions
from lakehouse.gold.facts import Fact, fold
from lakehouse.gold.frames import frames
from lakehouse.gold.rollup import Rollup
from lakehouse.gold.store import FactTable
from lakehouse.gold.tables import FACTS
from lakehouse.positions import Reached, Source, beyond, reached_by

PACE_S = 10.0
"""How often trips, sessions, days and hours are brought up to date: each commit writes the days that it touches anew."""
MOST_ROWS = 200_000
"""Rows that are gathered at most: bounds the memory of a long backlog."""
log = logging.getLogger(__name__)


class FactTables:
    """Takes silver telemetry and cells, each named by its kind."""

    def __init__(self, lake: str, sources: Mapping[str, Sequence[Source]], *, rolls_up: bool) -> None:
        cell_sources = {BATTERY.name: sources["cells"]}
        self._tables = {name: FactTable(lake, fact, [*sources["telemetry"], *cell_sources.get(name, [])]) for name, fact in FACTS.items()}
        self._dimensions = Dimensions(lake)
        self._rollup = Rollup(lake) if rolls_up else None
        self._rows: dict[str, list[pa.Table]] = {"telemetry": [], "cells": []}
        self._size = 0
        self._due = 0.0

    def add(self, item: tuple[str, pa.Table]) -> None:
        """Take silver rows."""
        kind, rows = item
        self._rows[kind].append(rows)
        self._size += rows.num_rows

    def commit(self) -> Committed:
        """Fold them in once it is time; until then they wait."""
        if time.monotonic() < self._due and self._size < MOST_ROWS:
            return Committed({}, waiting=True)
        return self.flush()

    def flush(self) -> Committed:
        """Fold in what has been gathered now."""
        changed = self._dimensions.refresh()
        for table in self._tables.values():
            if changed or (not self._due and not table.keyed(self._dimensions)):
                table.rekey(self._dimensions)
        gathered = {kind: pa.concat_tables(tables) for kind, tables in self._rows.items() if tables}
        written = {name: self._fold(FACTS[name], table, gathered) for name, table in self._tables.items()}
        if self._rollup is not None:
            written["gold.fleet_hourly"] = self._rollup.follow(self._dimensions)
        self._rows, self._size = {"telemetry": [], "cells": []}, 0
        self._due = time.monotonic() + PACE_S
        return Committed(written)

    def _fold(self, fact: Fact, table: FactTable, gathered: Mapping[str, pa.Table]) -> int:
        """Bring one table up to date; rows that it has are passed over."""
        made: list[pa.Table] = []
        moved: Reached = {}
        if "telemetry" in gathered:
            rows = beyond(gathered["telemetry"], table.reached)
            made.append(fact.partial(frames(rows, fact.signals)))
            moved |= reached_by(rows)
        if fact is BATTERY and "cells" in gathered:
            rows = beyond(gathered["cells"], table.reached)
            made.append(cells.partial(rows))
            moved |= reached_by(rows)
        return table.fold_in(fold(fact, made), moved, self._dimensions) if moved else 0
