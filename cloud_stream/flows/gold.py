"""Gold: silver rows become the newest state of each vehicle, what it did in each minute, and the facts of trips, sessions, days and hours."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from lakehouse.positions import Reached

Step = Callable[[pa.Table], tuple[pa.Table, Reached]]


def build(silver: Source[tuple[str, pa.Table]], minutes: Step, narrow: Callable[[str, pa.Table], pa.Table], tables: Sink[Any]) -> Dataflow:
    """Silver telemetry and cells in; minutes with the positions that they reach, telemetry for the newest states, and all that facts need out."""
    flow = Dataflow("gold")
    rows = op.input("silver", flow, silver)  # ("telemetry", silver rows) or ("cells", silver rows)
    telemetry = op.filter("telemetry", rows, lambda item: item[0] == "telemetry")
    made = op.map("minutes", telemetry, lambda item: ("vehicle_minutes", minutes(item[1])))  # ("vehicle_minutes", (rows, positions))
    newest = op.map("newest", telemetry, lambda item: ("vehicle_current", item[1]))  # ("vehicle_current", silver rows)
    facts = op.map("narrow", rows, lambda item: ("facts", (item[0], narrow(*item))))  # ("facts", ("cells", the columns that facts need))
    op.output("tables", op.merge("all", made, newest, facts), tables)
    return flow
