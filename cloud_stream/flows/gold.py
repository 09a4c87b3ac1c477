"""Gold: silver rows become the newest frame of each vehicle, and what it did in each minute."""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from lakehouse.positions import Reached

Step = Callable[[pa.Table], tuple[pa.Table, Reached]]


def build(silver: Source[tuple[str, pa.Table]], steps: Mapping[str, Step], tables: Sink[Any]) -> Dataflow:
    """Silver telemetry in, one gold table a step out, each with the positions that it reaches."""
    flow = Dataflow("gold")
    rows = op.input("silver", flow, silver)  # ("telemetry", silver rows)
    made = op.flat_map("make", rows, lambda item: [(name, step(item[1])) for name, step in steps.items()])  # ("vehicle_minutes", (rows, positions))
    op.output("tables", made, tables)
    return flow
