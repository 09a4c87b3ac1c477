"""Bronze: Kafka records become rows, byte for byte, with where they stood."""

from typing import Any

import pyarrow as pa
from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink


def build(records: Source[tuple[str, pa.Table]], tables: Sink[Any]) -> Dataflow:
    """Batches of Kafka records in, one bronze table a topic out."""
    flow = Dataflow("bronze")
    batches = op.input("records", flow, records)  # ("telemetry", table with the columns of bronze)
    op.output("tables", batches, tables)
    return flow
