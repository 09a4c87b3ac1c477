"""Bronze to silver and quarantine."""

from collections.abc import Callable
from functools import partial

from bytewax.dataflow import Dataflow

from cloud_stream.connectors.delta import CommitOutput, Committer, DeltaInput
from cloud_stream.connectors.tables import Restored, SilverRows, reached_of
from cloud_stream.flows import silver
from cloud_stream.metrics import FlowMetrics
from cloud_stream.settings import FlowSettings
from cloud_stream.steps.silver import Refiner
from cloud_stream.waiting import patiently
from cloud_stream.wiring.owned import TOPICS, known
from contracts.identity import KINDS
from lakehouse import writer
from lakehouse.positions import Reached
from lakehouse.reader import open_table
from lakehouse.snapshots import read_seen
from lakehouse.tables import BRONZE_OF, SILVER_OF
from lakehouse.tail import Tail
from lakehouse.tail import sources as sources_of


def build(settings: FlowSettings, metrics: FlowMetrics) -> Dataflow:
    """Bronze to silver and quarantine."""
    names = [*BRONZE_OF.values(), *SILVER_OF.values(), "silver.quarantine", "silver.seen"]
    patiently(lambda: writer.ensure(settings.lake, names))
    tails: dict[str, tuple[Tail, Reached]] = {}
    refiners: dict[str, Refiner] = {}
    committers: dict[str, Callable[[], Committer]] = {}
    for kind in KINDS:
        bronze = open_table(settings.lake, BRONZE_OF[kind])
        sources = known(settings, TOPICS[kind], sources_of(bronze))
        reached = reached_of(settings.lake, SILVER_OF[kind], sources)
        refiners[kind] = Refiner(kind, reached, read_seen(settings.lake, kind, reached))
        partitions = sorted({source.partition for source in sources})
        tails[kind] = (Tail(bronze, partitions), reached)
        committers[kind] = partial(SilverRows, settings.lake, kind, refiners[kind])
    steps = {kind: refiner.step for kind, refiner in refiners.items()}
    watched = {str(kind): Restored(settings.lake, SILVER_OF[kind], refiners[kind].standing, metrics.took) for kind in KINDS}

    def received(kind: str, rows: int) -> None:
        watched[kind].received(kind, rows)

    return silver.build(DeltaInput(tails, received, 0.05), steps, CommitOutput(committers, metrics.committed))


def epoch_ms(settings: FlowSettings) -> int:
    """How long rows are gathered for a commit."""
    return settings.commit_ms
