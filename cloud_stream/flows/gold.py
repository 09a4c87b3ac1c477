"""Gold: silver rows become the newest state of each vehicle, what it did in each minute, and the facts of trips, sessions, days and hours."""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from lakehouse.positions import Reached

Step = Callable[[pa.Table], tuple[pa.Table, Reached]]


def build(
    silver: Source[tuple[str, pa.Table]], steps: Mapping[str, Step], narrow: Callable[[str, pa.Table], pa.Table], tables: Sink[Any]
) -> Dataflow:
    """Silver telemetry and cells in. Telemetry makes an item a step, with the positions that it reaches; both go on to the facts, narrowed."""
    flow = Dataflow("gold")
    rows = op.input("silver", flow, silver)  # ("telemetry", silver rows) or ("cells", silver rows)
    telemetry = op.filter("telemetry", rows, lambda item: item[0] == "telemetry")
    made = op.flat_map(
        "make", telemetry, lambda item: [(name, step(item[1])) for name, step in steps.items()]
    )  # ("vehicle_minutes", (rows, positions))
    facts = op.map("narrow", rows, lambda item: ("facts", (item[0], narrow(*item))))  # ("facts", ("cells", the columns that facts need))
    op.output("tables", op.merge("all", made, facts), tables)
    return flow
