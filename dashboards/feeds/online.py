"""The online features of the vehicles that someone looks at, from Redis, in one round trip a second for all browsers."""

from collections.abc import Mapping
from typing import Any

from dashboards.board import Board, Online
from features import online
from features.transforms import EVENT_TIME, JOIN_KEY, VEHICLE_LIVE_FEATURES

NOBODY = "-"
"""Read where nobody looks at a vehicle, so that the page knows whether the store answers. No vehicle is called so."""


class OnlineFeed:
    """Follows the chosen vehicles."""

    name = "online"
    pause_s = 0.5

    def __init__(self, redis_url: str, board: Board) -> None:
        """Raises Terminal where the address is malformed."""
        self._client = online.connect(redis_url)
        self._board = board

    def round(self) -> str:
        """Put the features of the chosen vehicles on the board. Raises Transient where Redis does not answer."""
        chosen = self._board.chosen()
        rows = online.read(self._client, chosen or (NOBODY,)).to_pylist()
        self._board.online = {row[JOIN_KEY]: _online(row) for row in rows}
        return "following the online store"

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()


def _online(row: Mapping[str, Any]) -> Online:
    event = row[EVENT_TIME]
    return Online({name: row[name] for name in VEHICLE_LIVE_FEATURES}, None if event is None else int(event.timestamp() * 1000))
