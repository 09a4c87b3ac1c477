"""Online features from Redis: of the vehicles that someone looks at, twice a second; and how fresh a sample of the fleet's are."""

import random
import time
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dashboards.board import Board, Freshness, Online
from features import online
from features.transforms import (
    DAY_FEATURES,
    DAYS_VIEW,
    EVENT_TIME,
    JOIN_KEY,
    VEHICLE_LIVE,
    VEHICLE_LIVE_FEATURES,
    WINDOW_FEATURES,
    WINDOWS_VIEW,
)

NOBODY = "-"
"""Read where nobody looks at a vehicle, so that the page knows whether the store answers. No vehicle is called so."""
WINDOWS = {WINDOWS_VIEW: WINDOW_FEATURES, DAYS_VIEW: DAY_FEATURES}
SLOW_S = 5.0
SAMPLE = 200


class OnlineFeed:
    """Follows the chosen vehicles."""

    name = "online"
    pause_s = 0.5

    def __init__(self, redis_url: str, board: Board) -> None:
        """Raises Terminal where the address is malformed."""
        self._client = online.connect(redis_url)
        self._board = board
        self._slow_s = 0.0

    def round(self) -> str:
        """Put the features of the chosen vehicles on the board. Raises Transient where Redis does not answer."""
        chosen = self._board.chosen()
        rows = online.read(self._client, chosen or (NOBODY,)).to_pylist()
        self._board.online = {row[JOIN_KEY]: _online(row, VEHICLE_LIVE_FEATURES) for row in rows}
        if time.monotonic() - self._slow_s > SLOW_S or any(name not in self._board.windows for name in chosen):
            self._slow_s = time.monotonic()
            self._look_at_windows(chosen)
            self._sample()
        return "following the online store"

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def _look_at_windows(self, chosen: tuple[str, ...]) -> None:
        """The views that change by the minute or the day."""
        found: dict[str, dict[str, Online]] = {name: {} for name in chosen}
        for view, features in WINDOWS.items() if chosen else ():
            for row in online.read(self._client, chosen, features, view).to_pylist():
                found[row[JOIN_KEY]][view] = _online(row, features)
        self._board.windows = found

    def _sample(self) -> None:
        """How fresh each view is."""
        known = list(self._board.known)
        some = random.sample(known, min(SAMPLE, len(known)))
        views = (VEHICLE_LIVE, *WINDOWS) if some else ()
        self._board.freshness = {view: _freshness(online.read(self._client, some, (), view)) for view in views}


def _online(row: Mapping[str, Any], features: tuple[str, ...]) -> Online:
    event = row[EVENT_TIME]
    return Online({name: row[name] for name in features}, None if event is None else int(event.timestamp() * 1000))


def _freshness(rows: pa.Table) -> Freshness:
    states = rows["state"].to_pylist()
    median = pc.quantile(rows["age_s"], 0.5)[0].as_py() if rows["age_s"].null_count < rows.num_rows else None
    return Freshness(states.count("fresh"), states.count("stale"), states.count("missing"), median)
