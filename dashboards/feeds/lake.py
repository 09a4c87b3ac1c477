"""What is read from the lake as it changes: `gold.vehicle_current` when it has a new version, and how fast bronze grows."""

import time

import numpy as np
import pyarrow as pa

from contracts.errors import Transient
from dashboards.board import Board
from dashboards.figures import Rate
from dashboards.live.fleet import SIGNALS, Frames
from dashboards.metrics import Metrics
from lakehouse import reader
from lakehouse.tables import BRONZE_OF

GOLD = "gold.vehicle_current"


class GoldFeed:
    """Looks for a new version and reads it. Kafka tells of changes sooner; gold knows the vehicles that are silent."""

    name = "gold"
    pause_s = 1.0

    def __init__(self, lake: str, board: Board, metrics: Metrics) -> None:
        self._lake = lake
        self._board = board
        self._metrics = metrics
        self._seen: tuple[str, int] | None = None

    def round(self) -> str:
        """Put the newest version on the board. Raises Transient where the table is not there yet or cannot be read."""
        if not reader.exists(self._lake, GOLD):
            raise Transient(f"waiting for {GOLD}")
        table = reader.open_table(self._lake, GOLD)
        version = (str(table.metadata().id), table.version())
        if version != self._seen:
            try:
                with self._metrics.batch.time():
                    rows = reader.dataset(table).to_table(columns=["vehicle_id", "region", "event_ts", *SIGNALS])
            except (OSError, pa.ArrowException) as error:  # a file may be gone between the listing and the reading
                raise Transient(f"{GOLD} version {table.version()} cannot be read: {error}") from error
            self._board.put_frames(frames(rows))
            self._board.gold_version = table.version()
            self._metrics.received.labels(self.name).inc()
            self._seen = version
        return f"following {GOLD}"

    def close(self) -> None:
        """Nothing is held."""


def frames(rows: pa.Table) -> Frames:
    """Rows of `gold.vehicle_current` as frames."""
    event_ms = rows["event_ts"].cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.int64()).to_numpy()
    signals = {name: rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64) for name in SIGNALS}
    return Frames(rows["vehicle_id"].to_pylist(), rows["region"].to_pylist(), event_ms, signals)


class BronzeFeed:
    """Counts the rows of bronze by the log's statistics. Kafka's offsets would not do: transactions leave gaps in them."""

    name = "bronze"
    pause_s = 3.0

    def __init__(self, lake: str, board: Board) -> None:
        self._lake = lake
        self._board = board
        self._rate = Rate()

    def round(self) -> str:
        """Put the rate on the board. Raises Transient where a table cannot be read, or none is there yet."""
        names = [name for name in BRONZE_OF.values() if reader.exists(self._lake, name)]
        if not names:
            raise Transient("waiting for bronze")
        self._board.messages_per_s = self._rate.add(time.monotonic(), sum(reader.count(self._lake, name) for name in names))
        return "counting bronze"

    def close(self) -> None:
        """Nothing is held."""
