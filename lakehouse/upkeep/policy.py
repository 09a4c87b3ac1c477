"""How each table is looked after. Data: a table that is not named here gets checkpoints, a short log and vacuum, and nothing else."""

from typing import Literal

import msgspec


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """`compact`: "sorted" by `sort`, "library" as the Delta library does it, "never" where the writer replaces its files itself.

    Where it `settles`, a day that is over is merged into files that do not overlap in the first sort column.
    `day` names the partition column that holds a day; `keep_days` days are kept, None: all. `history_h` hours can be
    travelled back, to the version of each hour; `log_minutes` is what a follower may be behind before it must look rows up by position.
    """

    compact: Literal["sorted", "library", "never"] = "never"
    sort: tuple[str, ...] = ()
    settles: bool = False
    day: str = ""
    keep_days: int | None = None
    history_h: int = 7 * 24
    log_minutes: int = 10


_BRONZE = Policy(compact="sorted", sort=("partition", "offset"), day="ingest_date", keep_days=90)
_SILVER = Policy(compact="sorted", sort=("vehicle_id", "event_ts"), settles=True, day="date", keep_days=730)
_MEMORY = Policy(history_h=1)

POLICIES: dict[str, Policy] = {
    "bronze.telemetry": _BRONZE,
    "bronze.cells": _BRONZE,
    "bronze.events": _BRONZE,
    "bronze.rejected": _BRONZE,
    "silver.telemetry": _SILVER,
    "silver.cells": _SILVER,
    "silver.events": _SILVER,
    "silver.quarantine": Policy(compact="sorted", sort=("known_at",), day="date", keep_days=730),
    "silver.seen": _MEMORY,
    "state.live": _MEMORY,
    "state.alerts": _MEMORY,
    "gold.vehicle_minutes": Policy(compact="library", day="date"),
    "gold.scores": Policy(compact="library", day="date", keep_days=90),
}


def policy(name: str) -> Policy:
    """How a table is looked after."""
    return POLICIES.get(name, Policy())
