"""`gold.scores`: what models said, kept with every checkpoint of the live flow."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from contracts.events import Score
from lakehouse import writer
from lakehouse.positions import Reached
from lakehouse.reader import dataset, open_table
from lakehouse.tables import SCORES, TIME

_KEY = ("vehicle_id", "model", "about")


def rows_of(scores: Sequence[tuple[int, Score]]) -> pa.Table:
    """Scores, with their Kafka partitions, as rows of `gold.scores`."""
    times = pa.array([score.event_ts * 1000 for _, score in scores], pa.int64()).cast(TIME)
    columns = {name: pa.array([getattr(score, name) for _, score in scores]) for name in (*_KEY, "version", "value", "unit")}
    partitions = pa.array([partition for partition, _ in scores], pa.int32())
    table = pa.table({**columns, "event_ts": times, "date": pc.strftime(times, format="%Y-%m-%d"), "partition": partitions})
    return table.select(SCORES.names).cast(SCORES)


class ScoreStore:
    """Adds scores in one commit, each once: those that a flow makes again, because it begins where its last checkpoint stood, are passed over."""

    def __init__(self, lake: str, reached: Reached) -> None:
        """`reached` is where the flow begins."""
        self._table = open_table(lake, "gold.scores")
        self._stood = self._newest(reached)

    def append(self, scores: Sequence[tuple[int, Score]]) -> None:
        """Add scores with their partitions; a model says one thing of a vehicle after the other, so that only newer ones are new."""
        fresh = [(partition, score) for partition, score in scores if score.event_ts > self._stood.get(_key(score), -1)]
        if fresh:
            writer.append(self._table, "gold.scores", rows_of(fresh), {})
            self._stood |= {_key(score): score.event_ts for _, score in sorted(fresh, key=lambda one: one[1].event_ts)}

    def _newest(self, reached: Reached) -> dict[tuple[str, ...], int]:
        """The newest instant (ms) of what stands, from the day on which the flow begins."""
        clocks = [position.clock_ms for position in reached.values() if position.clock_ms]
        if not clocks:
            return {}
        day = datetime.fromtimestamp(min(clocks) / 1000, UTC).strftime("%Y-%m-%d")
        mine = (ds.field("date") >= day) & ds.field("partition").isin([source.partition for source in reached])
        rows = dataset(self._table).to_table(columns=[*_KEY, "event_ts"], filter=mine)
        newest = rows.group_by(list(_KEY)).aggregate([("event_ts", "max")])
        keys = zip(*(newest[name].to_pylist() for name in _KEY), strict=True)
        return dict(zip(keys, (newest["event_ts_max"].cast(pa.int64()).to_numpy() // 1000).tolist(), strict=True))


def _key(score: Score) -> tuple[str, ...]:
    return (score.vehicle_id, score.model, score.about)
