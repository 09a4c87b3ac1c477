"""Live: Kafka records become online features, alerts and scores within moments, checked and de-duplicated as silver's are."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from cloud_stream.steps.live import Effects


def build(records: Source[tuple[str, pa.Table]], react: Callable[[str, pa.Table], Effects], world: Sink[Any]) -> Dataflow:
    """Batches of records in, what they change in the world out."""
    flow = Dataflow("live")
    batches = op.input("records", flow, records)  # ("telemetry" and others, table with the columns of bronze)
    effects = op.map("react", batches, lambda item: ("world", react(*item)))  # ("world", Effects)
    op.output("world", effects, world)
    return flow
