"""History into a lake: bronze as the bronze flow writes it, and where no stack runs silver as the silver flow does, by the same functions."""

from collections.abc import Callable, Sequence
from itertools import groupby

import msgspec
import pyarrow as pa

from cloud_stream.connectors.tables import reached_of
from cloud_stream.steps.silver import Refiner
from contracts.identity import KINDS, Kind
from lakehouse import writer
from lakehouse.positions import Reached, beyond, position, reached_by
from lakehouse.reader import open_table
from lakehouse.snapshots import read_seen
from lakehouse.tables import BRONZE_OF, SILVER_OF
from lakehouse.tail import sources
from simulators.history.tables import Wanted, Window, windows
from simulators.scenarios.plan import Fault
from voltlake.history.coordinates import Topic, topic_id
from voltlake.history.envelopes import Gateways

ARRIVAL_MS = 60_000
"""What arrives later than this after the end of history has not arrived."""


class Written(msgspec.Struct):
    """Rows that were written: bronze, silver, quarantine; and what had been seen before."""

    bronze: int = 0
    silver: int = 0
    quarantine: int = 0
    duplicates: int = 0


class _Lane:
    """One kind on its way into the lake."""

    def __init__(self, lake: str, kind: Kind, topic: Topic, *, refine: bool) -> None:
        self.kind, self.topic, self._name = kind, topic, BRONZE_OF[kind]
        self._bronze = open_table(lake, self._name)
        self._reached = reached_of(lake, self._name, topic.sources)
        self._refiner: Refiner | None = None
        if refine:
            # All that silver was made of is seen, not this history alone.
            reached = reached_of(lake, SILVER_OF[kind], sorted({*topic.sources, *sources(self._bronze)}))
            self._refiner = Refiner(kind, reached, read_seen(lake, kind, reached))
            self._silver, self._quarantine = open_table(lake, SILVER_OF[kind]), open_table(lake, "silver.quarantine")

    def write(self, rows: pa.Table, written: Written) -> None:
        """Bronze first; then quarantine, then silver, each with the positions that it reaches. What stands already is passed over."""
        new = beyond(rows, self._reached)
        if new.num_rows:
            writer.append(self._bronze, self._name, new, reached_by(new, "kafka_ts"))
            written.bronze += new.num_rows
        if self._refiner and rows.num_rows:
            self._refine(self._refiner, rows, written)

    def _refine(self, refiner: Refiner, rows: pa.Table, written: Written) -> None:
        batch = refiner.step(rows)
        reached: Reached = batch.reached
        if not reached:
            return
        refused = beyond(batch.refined.quarantine, {source: position(self._quarantine, source) for source in reached})
        if refused.num_rows:
            writer.append(self._quarantine, "silver.quarantine", refused, reached)
        writer.append(self._silver, SILVER_OF[self.kind], batch.refined.rows, reached)
        written.silver += batch.refined.rows.num_rows
        written.quarantine += refused.num_rows
        written.duplicates += batch.refined.duplicates


def write(wanted: Wanted, faults: Sequence[Fault], lake: str, *, refine: bool, progress: Callable[[float], None] | None = None) -> Written:
    """Write the history of a fleet; with `refine` silver too, which must not be done while a stack's flows write it.

    The same history again adds nothing; an interrupted one goes on where it stood. Raises Terminal and Transient of the lake.
    """
    writer.ensure(lake, [*BRONZE_OF.values(), *SILVER_OF.values(), "silver.quarantine", "silver.seen"])
    told = msgspec.json.encode(faults).decode()
    lanes = [_Lane(lake, kind, Topic(kind, topic_id(wanted, told, kind)), refine=refine) for kind in KINDS]
    gateways, written = Gateways(wanted, faults), Written()
    start_ms, end_ms = wanted.start_s * 1000, round((wanted.start_s + wanted.days * 86_400) * 1000)
    for until_ms, blocks in groupby(windows(wanted, faults), lambda window: window.until_ms):
        together: list[Window] = list(blocks)
        for lane in lanes:
            records = pa.concat_tables([gateways.records(lane.kind, window) for window in together])
            last = until_ms >= end_ms
            lane.write(lane.topic.arrived(records, until_ms + ARRIVAL_MS if last else until_ms), written)
        if progress:
            progress(min((until_ms - start_ms) / (end_ms - start_ms), 1.0))
    return written
