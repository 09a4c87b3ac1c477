"""Silver telemetry and cells to the newest states, the minutes and the facts."""

from collections.abc import Callable
from functools import partial

import pyarrow as pa
import pyarrow.dataset as ds
from bytewax.dataflow import Dataflow

from cloud_stream.connectors.delta import CommitOutput, Committer, DeltaInput
from cloud_stream.connectors.facts import FactTables
from cloud_stream.connectors.minutes import Newest, Revisions
from cloud_stream.connectors.tables import reached_of
from cloud_stream.flows import gold
from cloud_stream.metrics import FlowMetrics
from cloud_stream.settings import FlowSettings
from cloud_stream.steps.gold import RECENT_MS, MinuteMaker
from cloud_stream.waiting import patiently
from cloud_stream.wiring.owned import TELEMETRY, TOPICS, known
from lakehouse import minutes, writer
from lakehouse.gold import dims, fleet
from lakehouse.gold.battery import BATTERY
from lakehouse.gold.tables import FACTS, SIGNALS
from lakehouse.positions import Reached, Source
from lakehouse.reader import arrow, open_table
from lakehouse.tables import SILVER_CELLS, SILVER_TELEMETRY, TIME, VEHICLE_MINUTES
from lakehouse.tail import Tail
from lakehouse.tail import sources as sources_of

MADE = ("gold.vehicle_current", "gold.vehicle_minutes")
"""Tables that follow silver at once; the facts take their time."""
_SHARED = ["vehicle_id", "region", "event_ts", "known_at", *Source._fields, "offset"]
NEEDED = {"telemetry": [*_SHARED, *SIGNALS], "cells": [*_SHARED, "cell_v", "probe_c"]}


def build(settings: FlowSettings, metrics: FlowMetrics) -> Dataflow:
    """Silver telemetry and cells to all tables of gold."""
    lake = settings.lake
    patiently(lambda: writer.ensure(lake, ["silver.telemetry", "silver.cells", *MADE, *FACTS, fleet.NAME]))
    patiently(lambda: dims.ensure(lake))
    silver, cells = open_table(lake, "silver.telemetry"), open_table(lake, "silver.cells")
    sources = known(settings, TELEMETRY, sources_of(silver))
    cell_sources = known(settings, TOPICS["cells"], sources_of(cells))
    reached = {name: reached_of(lake, name, sources) for name in (*MADE, *FACTS)}
    partitions = sorted({source.partition for source in sources})
    minute_reached = reached["gold.vehicle_minutes"]
    maker = MinuteMaker(minute_reached, _pending(lake, minute_reached), _recent(lake, minute_reached), lambda known: _revisions(lake, known))
    behind = {source: min(positions[source] for positions in reached.values()) for source in sources}
    tails = {
        "telemetry": (Tail(silver, partitions, SILVER_TELEMETRY.names), behind),
        "cells": (
            Tail(cells, sorted({source.partition for source in cell_sources}), SILVER_CELLS.names),
            reached_of(lake, BATTERY.name, cell_sources),
        ),
    }
    committers: dict[str, Callable[[], Committer]] = {
        "vehicle_minutes": partial(Revisions, lake, minute_reached),
        "vehicle_current": partial(Newest, lake, sources),
        "facts": partial(FactTables, lake, {"telemetry": sources, "cells": cell_sources}, rolls_up=settings.ordinal == 0),
    }
    return gold.build(DeltaInput(tails, metrics.took, 0.8), maker.step, _narrow, CommitOutput(committers, metrics.committed))


def _narrow(kind: str, rows: pa.Table) -> pa.Table:
    return rows.select(NEEDED[kind])


def epoch_ms(settings: FlowSettings) -> int:
    """How long rows are gathered for a commit."""
    return settings.commit_ms


def _pending(lake: str, reached: Reached) -> pa.Table:
    """Frames up to the positions that no revision has taken in yet: their minute had not ended by the source's clock."""
    tables = []
    for source, (offset, clock_ms) in reached.items():
        clock = pa.scalar(clock_ms * 1000, pa.int64()).cast(TIME)
        open_minute = pa.scalar(clock_ms // 60_000 * 60_000_000, pa.int64()).cast(TIME)
        second = pa.scalar(clock_ms // 1000 * 1_000_000, pa.int64()).cast(TIME)
        young = (ds.field("event_ts") >= open_minute) | (ds.field("known_at") >= second)
        place = (ds.field("partition") == source.partition) & (ds.field("topic_id") == source.topic_id)
        rows = arrow(lake, "silver.telemetry", filters=place & (ds.field("offset") <= offset) & young)
        made = minutes.sourced(rows)
        tables.append(made.filter(ds.field("known_at") > clock))
    return minutes.piled(tables)


def _recent(lake: str, reached: Reached) -> pa.Table:
    """The revisions that the flow keeps at hand."""
    oldest_ms = max((position.clock_ms for position in reached.values()), default=0) - RECENT_MS
    since = pa.scalar(max(oldest_ms, 0) * 1000, pa.int64()).cast(TIME)
    mine = ds.field("partition").isin([source.partition for source in reached])
    return arrow(lake, "gold.vehicle_minutes", VEHICLE_MINUTES.names, mine & (ds.field("known_at") >= since)).cast(VEHICLE_MINUTES)


def _revisions(lake: str, known: pa.Table) -> pa.Table:
    """Revisions that the table holds of these minutes."""
    of = ds.field("vehicle_id").isin(known["vehicle_id"].unique().to_pylist()) & ds.field("minute").isin(known["minute"].unique().to_pylist())
    dates = ds.field("date").isin(known["date"].unique().to_pylist())
    return arrow(lake, "gold.vehicle_minutes", VEHICLE_MINUTES.names, dates & of).cast(VEHICLE_MINUTES)
