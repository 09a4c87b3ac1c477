"""What stands online from before a writer: so that a restart, which begins at an older position, brings no older row back. Pure."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.transforms import EVENT_TIME, JOIN_KEY, KNOWN_TIME

Instant = tuple[int, int]
"""Event time and known time, microseconds; a known time that nobody wrote is 0."""


class Standing:
    """By view: the vehicles that were asked about, and the instants of those that are ahead of this writer."""

    def __init__(self) -> None:
        self._asked: dict[str, set[str]] = {}
        self._ahead: dict[str, dict[str, Instant]] = {}

    def unknown(self, view: str, rows: pa.Table) -> list[str]:
        """Vehicles of the rows that were not asked about yet."""
        asked = self._asked.setdefault(view, set())
        return [vehicle for vehicle in pc.unique(rows[JOIN_KEY]).to_pylist() if vehicle not in asked]

    def learn(self, view: str, vehicle: str, times_us: Sequence[int | None]) -> None:
        """What Redis said of a vehicle: event time and known time."""
        self._asked.setdefault(view, set()).add(vehicle)
        event, known = times_us
        if event is not None:
            self._ahead.setdefault(view, {})[vehicle] = (event, known or 0)

    def newer(self, view: str, rows: pa.Table) -> pa.Table:
        """The rows that are not older than what stands. A vehicle that has caught up is not looked at again."""
        ahead = self._ahead.get(view)
        if not ahead:
            return rows
        events, knowns = (rows[name].cast(pa.int64()).to_pylist() for name in (EVENT_TIME, KNOWN_TIME))
        keep = np.ones(rows.num_rows, bool)
        for place, instant in enumerate(zip(rows[JOIN_KEY].to_pylist(), events, knowns, strict=True)):
            vehicle, *mine = instant
            if vehicle in ahead:
                keep[place] = tuple(mine) >= ahead[vehicle]
                if keep[place]:
                    del ahead[vehicle]
        return rows if keep.all() else rows.filter(pa.array(keep))
