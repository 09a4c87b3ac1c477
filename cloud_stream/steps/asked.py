"""How the live flow's steps ask a served model, and what they make of the answers."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from contracts.events import Score


class Answer(NamedTuple):
    """What one version says of each row. `name` is what its scores go by: the model's, or `MODEL/challenger` for the one in the shadow."""

    name: str
    version: str
    values: np.ndarray


Ask = Callable[[str, pa.Table], Sequence[Answer]]
"""Ask a model of `features.served` about rows with its inputs: an answer of the champion and one of the challenger, where there are such."""


def stamped(answers: Sequence[Answer], rows: pa.Table, unit: str) -> list[Score]:
    """A score a row (`vehicle_id`, `event_ts`) and answer, with the version that gave it."""
    if not answers:
        return []
    times = rows["event_ts"].cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.int64()).to_pylist()
    vehicles = rows["vehicle_id"].to_pylist()
    return [
        Score(model=name, version=version, vehicle_id=vehicle, event_ts=ts, value=value, unit=unit)
        for name, version, values in answers
        for vehicle, ts, value in zip(vehicles, times, values.tolist(), strict=True)
    ]
