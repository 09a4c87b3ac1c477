"""Trips as tables: rows of features, one for a whole trip, for each of its legs and for what is left of it; and labels beside them. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from features.drives import FEATURES, PAST, Drive, Figures, described, past
from lakehouse.tables import TIME

LEG_S = 360.0
LEAST_M = 300.0
LEFT = (0.25, 0.5, 0.75)
WHOLE, LEG, REST = "whole", "leg", "rest"


class Trip(NamedTuple):
    """One drive of one car. `drawn_wh` is the net energy drawn from the battery up to each sample; `start` is the state at its start;
    `physics_wh` what a physics model makes of it, for comparison.

    origin: recorded or simulated. part: train, test, or apart (what was recorded of it cannot be).
    """

    trip_id: str
    vehicle_id: str
    car_model: str
    origin: str
    part: str
    started_us: int
    drive: Drive
    car: Figures
    start: Mapping[str, float]
    drawn_wh: np.ndarray
    physics_wh: float = float("nan")


class Tables(NamedTuple):
    """`features` by drive_id, `pasts` by vehicle, and `labels`: drive_id, vehicle_id, event_timestamp, wh_per_km, kind, part, origin."""

    features: pa.Table
    pasts: pa.Table
    labels: pa.Table


def tables(trips: Iterable[Trip]) -> Tables:
    """Features and labels of all trips; a row is known from the trip's start on, for all of it is a plan."""
    rows, labels = [], []
    ratios: dict[str, list[tuple[int, float]]] = {}
    for trip in trips:
        for piece, first, last, kind in _pieces(trip):
            figures = _described(trip, first, last)
            label = float(trip.drawn_wh[last] - trip.drawn_wh[first]) / figures["distance_km"]
            rows.append({"drive_id": piece, "car_model": trip.car_model, "event_ts": trip.started_us, "known_at": trip.started_us, **figures})
            physics = trip.physics_wh / figures["distance_km"] if kind == WHOLE else float("nan")
            about = {"kind": kind, "part": trip.part, "origin": trip.origin, "trip_id": trip.trip_id}
            when = {"drive_id": piece, "vehicle_id": trip.vehicle_id, "event_timestamp": trip.started_us}
            labels.append({**when, "wh_per_km": label, "physics_wh_per_km": physics, **about})
            if kind == WHOLE and trip.part != "apart":
                ended = trip.started_us + round(len(trip.drawn_wh) * trip.drive.dt_s * 1e6)
                ratios.setdefault(trip.vehicle_id, []).append((ended, float(np.log(label / figures["textbook_wh_per_km"]))))
    return Tables(_table(rows, ROWS), _table(_pasts(ratios), PASTS), _table(labels, LABELS))


def _pasts(ratios: dict[str, list[tuple[int, float]]]) -> list[dict[str, object]]:
    """What is known of each vehicle after each of its trips, from (end, log ratio) of them."""
    found: list[dict[str, object]] = []
    for vehicle, known in ratios.items():
        ended, ratio = (np.array(column) for column in zip(*sorted(known), strict=True))
        means, weights = past(ratio)
        for at, mean, weight in zip(ended.tolist(), means.tolist(), weights.tolist(), strict=True):
            found.append({"vehicle_id": vehicle, "event_ts": at, "known_at": at, PAST[0]: mean, PAST[1]: weight})
    return found


_TIMES = [pa.field("event_ts", TIME), pa.field("known_at", TIME)]
ROWS = pa.schema([("drive_id", pa.string()), ("car_model", pa.string()), *_TIMES, *((name, pa.float64()) for name in FEATURES)])
PASTS = pa.schema([("vehicle_id", pa.string()), *_TIMES, *((name, pa.float64()) for name in PAST)])
LABELS = pa.schema(
    [
        ("drive_id", pa.string()),
        ("vehicle_id", pa.string()),
        ("event_timestamp", TIME),
        ("wh_per_km", pa.float64()),
        ("physics_wh_per_km", pa.float64()),
        *((name, pa.string()) for name in ("kind", "part", "origin", "trip_id")),
    ]
)


def _table(rows: list[dict[str, object]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema)


def _pieces(trip: Trip) -> list[tuple[str, int, int, str]]:
    """Name, first and last sample, and kind of each piece that goes far enough to be judged by the kilometre."""
    count = len(trip.drawn_wh)
    edges = np.linspace(0, count - 1, max(1, round(count * trip.drive.dt_s / LEG_S)) + 1).astype(int)
    pieces = [(trip.trip_id, 0, count - 1, WHOLE)]
    pieces += [(f"{trip.trip_id}/leg{at}", int(edges[at]), int(edges[at + 1]), LEG) for at in range(len(edges) - 1)]
    pieces += [(f"{trip.trip_id}/rest{round(share * 100)}", int(share * (count - 1)), count - 1, REST) for share in LEFT]
    metres = np.concatenate([[0.0], np.cumsum((trip.drive.speed_mps[1:] + trip.drive.speed_mps[:-1]) / 2 * trip.drive.dt_s)])
    return [piece for piece in pieces if piece[3] == WHOLE or metres[piece[2]] - metres[piece[1]] >= LEAST_M]


def _described(trip: Trip, first: int, last: int) -> dict[str, float]:
    return described(trip.drive.part(first, last + 1), trip.car, trip.start, first * trip.drive.dt_s)
