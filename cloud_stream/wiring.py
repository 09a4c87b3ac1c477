"""The only place that joins flows and connectors: one composition a dataflow."""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

import pyarrow as pa
import pyarrow.dataset as ds
from bytewax.dataflow import Dataflow
from bytewax.testing import cluster_main  # the only entry that takes epochs below a second

from cloud_stream.connectors import kafka
from cloud_stream.connectors.delta import CommitOutput, Committer, DeltaInput
from cloud_stream.connectors.kafka import KafkaInput, TopicReader
from cloud_stream.connectors.tables import Revisions, Rows, SilverRows, Whole, reached_of
from cloud_stream.connectors.world import World
from cloud_stream.flows import bronze, gold, live, silver
from cloud_stream.metrics import FlowMetrics
from cloud_stream.settings import FlowSettings
from cloud_stream.steps.checkpoint import load as load_checkpoint
from cloud_stream.steps.gold import RECENT_MS, CurrentKeeper, MinuteMaker
from cloud_stream.steps.live import Reactor
from cloud_stream.steps.silver import Memory, Refiner
from cloud_stream.waiting import patiently
from contracts.errors import Terminal
from contracts.events import Score
from contracts.identity import KINDS
from contracts.settings import load
from contracts.topics import BY_KIND, REJECTED, mirrored
from features.online import OnlineWriter
from features.scoring import Champion
from features.training import MODEL
from lakehouse import minutes, writer
from lakehouse.positions import Reached, Source
from lakehouse.reader import arrow, open_table
from lakehouse.snapshots import read_seen
from lakehouse.tables import BRONZE_OF, SILVER_OF, TIME, VEHICLE_MINUTES
from lakehouse.tail import Tail

log = logging.getLogger(__name__)
Committers = dict[str, Callable[[], Committer]]
TOPICS: dict[str, str] = {**{str(kind): mirrored(topic) for kind, topic in BY_KIND.items()}, "rejected": mirrored(REJECTED)}
TELEMETRY = TOPICS["telemetry"]


def run(name: str, environ: Mapping[str, str]) -> None:
    """Run one dataflow until it is stopped. Raises Terminal where it cannot go on."""
    build = {"bronze": build_bronze, "silver": build_silver, "gold": build_gold, "live": build_live}.get(name)
    if build is None:
        raise Terminal(f"there is no flow {name!r}; there are bronze, silver, gold, live")
    settings = load(FlowSettings, environ, "FLOW_")
    metrics = FlowMetrics(name)
    metrics.serve(settings.metrics_port)
    log.info("flow %s starts: kafka %s, lake %s", name, settings.kafka, settings.lake)
    flow = build(settings, metrics)
    log.info("flow %s runs", name)
    epoch_ms = 100 if name == "live" else settings.commit_ms
    cluster_main(flow, [], 0, epoch_interval=timedelta(milliseconds=epoch_ms))


def owned(settings: FlowSettings, topic: str) -> list[Source]:
    """The sources of a topic that this process owns, once Kafka answers."""
    every = patiently(partial(kafka.sources, settings.kafka, topic))
    return [source for source in every if source.partition % settings.replicas == settings.ordinal]


def build_bronze(settings: FlowSettings, metrics: FlowMetrics) -> Dataflow:
    """Kafka to bronze."""
    tables = {**{str(kind): name for kind, name in BRONZE_OF.items()}, "rejected": "bronze.rejected"}
    patiently(lambda: writer.ensure(settings.lake, tables.values()))
    reached = {name: reached_of(settings.lake, tables[name], owned(settings, topic)) for name, topic in TOPICS.items()}
    readers = {name: partial(TopicReader, settings.kafka, topic, reached[name]) for name, topic in TOPICS.items()}
    committers: Committers = {name: partial(Rows, settings.lake, table, reached[name]) for name, table in tables.items()}
    return bronze.build(KafkaInput(readers), CommitOutput(committers, metrics.committed))


def build_silver(settings: FlowSettings, metrics: FlowMetrics) -> Dataflow:
    """Bronze to silver and quarantine."""
    names = [*BRONZE_OF.values(), *SILVER_OF.values(), "silver.quarantine", "silver.seen"]
    patiently(lambda: writer.ensure(settings.lake, names))
    tails: dict[str, tuple[Tail, Reached]] = {}
    refiners: dict[str, Refiner] = {}
    committers: Committers = {}
    for kind in KINDS:
        sources = owned(settings, TOPICS[kind])
        reached = reached_of(settings.lake, SILVER_OF[kind], sources)
        seen = read_seen(settings.lake, open_table(settings.lake, "silver.seen"), kind, sources, reached)
        refiners[kind] = Refiner(kind, {source: Memory(reached[source], seen[source]) for source in sources})
        partitions = [source.partition for source in sources]
        tails[kind] = (Tail(open_table(settings.lake, BRONZE_OF[kind]), partitions), reached)
        committers[kind] = partial(SilverRows, settings.lake, kind, refiners[kind])
    steps = {kind: refiner.step for kind, refiner in refiners.items()}
    return silver.build(DeltaInput(tails), steps, CommitOutput(committers, metrics.committed))


def build_gold(settings: FlowSettings, metrics: FlowMetrics) -> Dataflow:
    """Silver telemetry to the newest frames and the minutes."""
    lake = settings.lake
    patiently(lambda: writer.ensure(lake, ["silver.telemetry", "gold.vehicle_current", "gold.vehicle_minutes"]))
    sources = owned(settings, TELEMETRY)
    minute_reached = reached_of(lake, "gold.vehicle_minutes", sources)
    current_reached = reached_of(lake, "gold.vehicle_current", sources)
    partitions = [source.partition for source in sources]
    mine = ds.field("partition").isin(partitions)
    maker = MinuteMaker(minute_reached, _pending(lake, minute_reached), _recent(lake, minute_reached), lambda known: _revisions(lake, known))
    keeper = CurrentKeeper(current_reached, arrow(lake, "gold.vehicle_current", filters=mine))
    behind = {source: min(minute_reached[source], current_reached[source]) for source in sources}
    steps: dict[str, Callable[[pa.Table], tuple[pa.Table, Reached]]] = {"vehicle_minutes": maker.step, "vehicle_current": keeper.step}
    committers: Committers = {
        "vehicle_minutes": partial(Revisions, lake, "gold.vehicle_minutes"),
        "vehicle_current": partial(Whole, lake, "gold.vehicle_current", sources),
    }
    tail = Tail(open_table(lake, "silver.telemetry"), partitions)
    return gold.build(DeltaInput({"telemetry": (tail, behind)}), steps, CommitOutput(committers, metrics.committed))


def build_live(settings: FlowSettings, metrics: FlowMetrics) -> Dataflow:
    """Kafka to online features, alerts and scores."""
    patiently(lambda: writer.ensure(settings.lake, ["state.live"]))
    table = open_table(settings.lake, "state.live")
    reached = reached_of(settings.lake, "state.live", owned(settings, TELEMETRY))
    state = load_checkpoint(table.to_pyarrow_table(), reached)
    reactor = Reactor(state, _predictor(settings.mlflow))
    reader = partial(TopicReader, settings.kafka, TELEMETRY, reached, most=5_000, wait_s=0.02)

    def observe(rows: pa.Table) -> None:
        metrics.sent.labels("online").inc(rows.num_rows)
        if rows.num_rows:
            newest = rows["event_ts"].cast(pa.int64()).to_numpy().max() / 1e6
            metrics.age.labels("online").set(time.time() - newest)

    world = partial(World, settings.lake, settings.kafka, OnlineWriter(settings.redis), reactor, observe)
    return live.build(KafkaInput({"telemetry": reader}), reactor.step, CommitOutput({"telemetry": world}, metrics.committed))


def _predictor(mlflow: str) -> Callable[[pa.Table], list[Score]]:
    """Scores by the champion of the energy model; none where MLflow is not configured or no version was promoted."""
    if not mlflow:
        return lambda _rows: []
    champion = Champion(mlflow, MODEL)
    champion.start()

    def predict(rows: pa.Table) -> list[Score]:
        scored = champion.score(rows)
        if scored is None:
            return []
        version, values = scored
        times = rows["event_ts"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).to_pylist()
        return [
            Score(model=MODEL, version=version, vehicle_id=vehicle, event_ts=ts, value=value, unit="Wh/km")
            for vehicle, ts, value in zip(rows["vehicle_id"].to_pylist(), times, values.tolist(), strict=True)
        ]

    return predict


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
