"""`gold.scores`: what models said, kept with every checkpoint of the live flow."""

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from contracts.events import Score
from lakehouse import writer
from lakehouse.reader import open_table
from lakehouse.tables import SCORES, TIME


def rows_of(scores: Sequence[Score], partition_of: Callable[[str], int]) -> pa.Table:
    """Scores as rows of `gold.scores`; `partition_of` gives a vehicle's Kafka partition."""
    times = pa.array([score.event_ts * 1000 for score in scores], pa.int64()).cast(TIME)
    columns = {name: pa.array([getattr(score, name) for score in scores]) for name in ("vehicle_id", "model", "version", "value", "unit", "about")}
    partitions = pa.array([partition_of(score.vehicle_id) for score in scores], pa.int32())
    table = pa.table({**columns, "event_ts": times, "date": pc.strftime(times, format="%Y-%m-%d"), "partition": partitions})
    return table.select(SCORES.names).cast(SCORES)


class ScoreStore:
    """Collects scores, and adds them to the table in one commit."""

    def __init__(self, lake: str) -> None:
        self._table = open_table(lake, "gold.scores")
        self._kept: list[Score] = []

    def keep(self, scores: Sequence[Score]) -> None:
        """Take scores up to the next `write`."""
        self._kept.extend(scores)

    def write(self, partition_of: Callable[[str], int]) -> None:
        """Add what was kept. Raises Transient where the lake does not take it: it stays kept."""
        if self._kept:
            writer.append(self._table, "gold.scores", rows_of(self._kept, partition_of), {})
            self._kept = []
