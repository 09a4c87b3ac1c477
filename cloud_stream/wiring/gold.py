"""Silver telemetry to the newest frames and the minutes."""

from collections.abc import Callable
from functools import partial

import pyarrow as pa
import pyarrow.dataset as ds
from bytewax.dataflow import Dataflow

from cloud_stream.connectors.delta import CommitOutput, Committer, DeltaInput
from cloud_stream.connectors.tables import Revisions, Whole, reached_of
from cloud_stream.flows import gold
from cloud_stream.metrics import FlowMetrics
from cloud_stream.settings import FlowSettings
from cloud_stream.steps.gold import RECENT_MS, CurrentKeeper, MinuteMaker
from cloud_stream.waiting import patiently
from cloud_stream.wiring.owned import TELEMETRY, known
from lakehouse import minutes, writer
from lakehouse.positions import Reached
from lakehouse.reader import arrow, open_table
from lakehouse.tables import TIME, VEHICLE_MINUTES
from lakehouse.tail import Tail
from lakehouse.tail import sources as sources_of


def build(settings: FlowSettings, metrics: FlowMetrics) -> Dataflow:
    """Silver telemetry to the newest frames and the minutes."""
    lake = settings.lake
    patiently(lambda: writer.ensure(lake, ["silver.telemetry", "gold.vehicle_current", "gold.vehicle_minutes"]))
    silver = open_table(lake, "silver.telemetry")
    sources = known(settings, TELEMETRY, sources_of(silver))
    minute_reached = reached_of(lake, "gold.vehicle_minutes", sources)
    current_reached = reached_of(lake, "gold.vehicle_current", sources)
    partitions = sorted({source.partition for source in sources})
    mine = ds.field("partition").isin(partitions)
    maker = MinuteMaker(minute_reached, _pending(lake, minute_reached), _recent(lake, minute_reached), lambda known: _revisions(lake, known))
    keeper = CurrentKeeper(current_reached, arrow(lake, "gold.vehicle_current", filters=mine))
    behind = {source: min(minute_reached[source], current_reached[source]) for source in sources}
    steps: dict[str, Callable[[pa.Table], tuple[pa.Table, Reached]]] = {"vehicle_minutes": maker.step, "vehicle_current": keeper.step}
    committers: dict[str, Callable[[], Committer]] = {
        "vehicle_minutes": partial(Revisions, lake, "gold.vehicle_minutes"),
        "vehicle_current": partial(Whole, lake, "gold.vehicle_current", sources),
    }
    tail = Tail(silver, partitions)
    return gold.build(DeltaInput({"telemetry": (tail, behind)}, metrics.took, 0.8), steps, CommitOutput(committers, metrics.committed))


def epoch_ms(settings: FlowSettings) -> int:
    """How long rows are gathered for a commit."""
    return settings.commit_ms


def _pending(lake: str, reached: Reached) -> pa.Table:
    """Frames up to the positions that no revision has taken in yet: their minute had not ended by the source's clock."""
    tables = [VEHICLE_MINUTES.empty_table()]
    for source, (offset, clock_ms) in reached.items():
        clock = pa.scalar(clock_ms * 1000, pa.int64()).cast(TIME)
        open_minute = pa.scalar(clock_ms // 60_000 * 60_000_000, pa.int64()).cast(TIME)
        second = pa.scalar(clock_ms // 1000 * 1_000_000, pa.int64()).cast(TIME)
        young = (ds.field("event_ts") >= open_minute) | (ds.field("known_at") >= second)
        place = (ds.field("partition") == source.partition) & (ds.field("topic_id") == source.topic_id)
        rows = arrow(lake, "silver.telemetry", filters=place & (ds.field("offset") <= offset) & young)
        made = minutes.partials(rows)
        tables.append(made.filter(ds.field("known_at") > clock))
    return minutes.merge(tables)


def _recent(lake: str, reached: Reached) -> pa.Table:
    """The revisions that the flow keeps at hand."""
    oldest_ms = max((position.clock_ms for position in reached.values()), default=0) - RECENT_MS
    since = pa.scalar(max(oldest_ms, 0) * 1000, pa.int64()).cast(TIME)
    mine = ds.field("partition").isin([source.partition for source in reached])
    return arrow(lake, "gold.vehicle_minutes", filters=mine & (ds.field("known_at") >= since)).cast(VEHICLE_MINUTES)


def _revisions(lake: str, known: pa.Table) -> pa.Table:
    """Revisions that the table holds of these minutes."""
    of = ds.field("vehicle_id").isin(known["vehicle_id"].unique().to_pylist()) & ds.field("minute").isin(known["minute"].unique().to_pylist())
    dates = ds.field("date").isin(known["date"].unique().to_pylist())
    return arrow(lake, "gold.vehicle_minutes", filters=dates & of).cast(VEHICLE_MINUTES)
