"""Silver: bronze rows become checked, typed rows, one a message; the others go to quarantine with a reason."""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from cloud_stream.steps.silver import Batch


def build(bronze: Source[tuple[str, pa.Table]], refine: Mapping[str, Callable[[pa.Table], Batch]], tables: Sink[Any]) -> Dataflow:
    """Bronze rows in, refined batches out: rows, quarantine and the positions that they reach."""
    flow = Dataflow("silver")
    rows = op.input("bronze", flow, bronze)  # ("telemetry", bronze rows)
    refined = op.map("refine", rows, lambda item: (item[0], refine[item[0]](item[1])))  # ("telemetry", Batch)
    op.output("tables", refined, tables)
    return flow
