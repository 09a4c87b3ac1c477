"""MirrorMaker is watched: one that stands still although there is something to mirror, or whose task failed, is restarted.

It writes its positions on the edge cluster into a topic of the central one, in the transaction of the records
themselves; so what it has still to do is known exactly: the edge's end less those positions.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

import msgspec

from contracts.errors import Transient
from voltlake.stack.mirror_positions import Look, Partition, Positions
from voltlake.stack.plan import Plan

log = logging.getLogger(__name__)

STALL_S = 20.0
LOOK_S = 2.0


class Watch(msgspec.Struct, frozen=True):
    """`since_s`: for each partition that is behind, the instant (s) since which it has not moved."""

    since_s: Mapping[Partition, float] = {}
    mirrored: Mapping[Partition, int] = {}


def step(state: Watch, look: Look, now_s: float, *, works: bool) -> tuple[Watch, str]:
    """The next state, and why MirrorMaker is to be restarted ("" = it is well).

    One that does not work yet, after a start, is not judged: the supervisor limits how long that may take.
    """
    if not works:
        return Watch(), ""
    behind = {partition for partition, end in look.ends.items() if look.mirrored.get(partition, 0) < end}
    since = {
        partition: state.since_s[partition]
        if partition in state.since_s and state.mirrored.get(partition, 0) == look.mirrored.get(partition, 0)
        else now_s
        for partition in behind
    }
    following = Watch(since, dict(look.mirrored))
    if look.failure:
        return following, look.failure
    stalled = sorted(partition for partition, from_s in since.items() if now_s - from_s >= STALL_S)
    if not stalled:
        return following, ""
    topic, number = stalled[0]
    others = f" and {len(stalled) - 1} more" if len(stalled) > 1 else ""
    return following, f"{topic}/{number}{others} did not move for {STALL_S:.0f} s with {look.behind} records to mirror"


async def watch(plan: Plan, works: Callable[[], bool], restart: Callable[[str], None]) -> None:
    """Look every two seconds, for ever. `works`: whether MirrorMaker has been ready since it was started."""
    positions = Positions(plan.kafka("edge"), plan.kafka("central"))
    state = Watch()
    try:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                look = await asyncio.to_thread(positions.look)
            except Transient as error:
                log.debug("mirror watch: %s", error)
                state = Watch()  # MirrorMaker cannot move while a cluster is away; after that it gets its time anew
                continue
            state, why = step(state, look, time.monotonic(), works=works())
            if why:
                restart(why)
    finally:
        positions.close()
