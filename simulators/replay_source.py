"""Recordings as a source of messages, each trip as a vehicle.

The frames of a trip keep their distances in time, and the last one is dated at the instant at which it is sent. So at speed 1
every frame is dated at the instant at which it is due, as from a car; at speed X a history catches up with the present; at
speed 0 the whole history is sent as fast as it becomes safe, and ends now.
"""

import heapq
from collections.abc import Sequence

import numpy as np

from contracts.errors import Terminal
from contracts.identity import KINDS
from simulators import routes
from simulators.frames import Layout, encode_cells, encode_event
from simulators.recordings import Recording
from simulators.source import Afflicted, Message, Vehicle

TELEMETRY, CELLS, EVENT = (KINDS.index(kind) for kind in ("telemetry", "cells", "event"))
_CHUNK = 64
_FIRMWARE = "replay-1"


class _Track:
    """One recording on its way: the columns with a position, and the frames that are encoded already."""

    def __init__(self, recording: Recording, region: str, number: int) -> None:
        columns = dict(recording.columns)
        rows = len(recording.time_s)
        if "lat" in columns and "lon" in columns:
            nowhere = np.isnan(columns["lat"]) | np.isnan(columns["lon"])
            columns["lat"], columns["lon"] = (np.where(nowhere, np.nan, columns[name]) for name in ("lat", "lon"))
            columns["heading_deg"] = routes.headings(columns["lat"], columns["lon"])
            columns["position_synthetic"] = np.zeros(rows)
        else:
            columns |= routes.synthetic(number, region, columns.get("odometer_m", np.zeros(rows)))
        self.time_s = recording.time_s.tolist()
        self.columns = columns
        self.layout = Layout(tuple(columns))
        self.ahead: list[bytes] = []
        self.cells = recording.cells
        self.cells_at = {row: at for at, row in enumerate(self.cells.rows.tolist())} if self.cells else {}
        known = np.flatnonzero(np.isfinite(columns["lat"]))
        lat, lon = (round(float(columns[name][known[0]]), 6) if len(known) else 0.0 for name in ("lat", "lon"))
        self.vehicle = Vehicle(recording.vehicle_id, region, recording.model, lat, lon, ("replayed",))


class ReplaySource:
    """See `simulators.source.Source`."""

    def __init__(self, recordings: Sequence[Recording], regions: Sequence[str], speed: float) -> None:
        """Trips share the regions in turn. Raises Terminal where two trips would be the same vehicle, or there is none."""
        if not recordings:
            raise Terminal("the recordings hold no trip with a row")
        names = [one.vehicle_id for one in recordings]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise Terminal(f"two trips would both be the vehicle {', '.join(twice)}; give each recording once")
        self.paced = speed > 0
        self._speed = speed
        self._tracks = [_Track(one, regions[at % len(regions)], at) for at, one in enumerate(recordings)]
        self._trips = [one.trip for one in recordings]
        self._phase = [at / len(recordings) if speed else 0.0 for at in range(len(recordings))]
        self._next = [(self._at(index, 0), index, 0) for index in range(len(recordings))]
        heapq.heapify(self._next)
        self.vehicles: Sequence[Vehicle] = [track.vehicle for track in self._tracks]

    def begin(self, start_ms: int) -> list[Afflicted]:  # noqa: ARG002 - every source has it
        """See `Source`: recordings have no faults."""
        return []

    def due_s(self) -> float | None:
        """Seconds after the start at which the next frame is due; 0 without a pace, None after the last."""
        if not self._next:
            return None
        return self._next[0][0] if self.paced else 0.0

    def take(self, start_ms: int) -> list[Message]:
        """The next frame, with the cells where they are recorded, and the boot event with the first of a trip."""
        if not self._next:
            return []
        _, index, row = self._next[0]
        track = self._tracks[index]
        if row + 1 < len(track.time_s):
            heapq.heapreplace(self._next, (self._at(index, row + 1), index, row + 1))
        else:
            heapq.heappop(self._next)
        if not track.ahead:
            rows = slice(row, row + _CHUNK)
            stamps = [self._ts(index, at, start_ms) for at in range(row, min(row + _CHUNK, len(track.time_s)))]
            track.ahead = track.layout.encode(stamps, {name: column[rows] for name, column in track.columns.items()})[::-1]
        out = [Message(index, TELEMETRY, track.ahead.pop())]
        if row in track.cells_at and track.cells:
            at = track.cells_at[row]
            cells = encode_cells(self._ts(index, row, start_ms), [track.cells.cell_v[at]], [track.cells.probe_c[at]])
            out.append(Message(index, CELLS, cells[0]))
        if row:
            return out
        boot = {"firmware": _FIRMWARE, "model": track.vehicle.model, "trip": self._trips[index]}
        return [Message(index, EVENT, encode_event(self._ts(index, 0, start_ms), "boot", boot)), *out]

    def _at(self, index: int, row: int) -> float:
        """Seconds after the start; without a pace only the order counts."""
        return self._phase[index] + self._tracks[index].time_s[row] / (self._speed or 1.0)

    def _ts(self, index: int, row: int, start_ms: int) -> int:
        times = self._tracks[index].time_s
        end_s = self._phase[index] + (times[-1] / self._speed if self.paced else 0.0)
        return start_ms + round((end_s - (times[-1] - times[row])) * 1000)
