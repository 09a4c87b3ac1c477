"""Known order: a vehicle's frames are handed on in the order of their seqs.

Consecutive frames go on at once. Where one is missing the vehicle waits for it, up to `WAIT_MS` of its partition's clock, then
goes on without it; what comes later still is handed on as it comes. So a stream in order pays no latency, and a shuffle
within the wait changes nothing.
"""

from collections.abc import Mapping

import msgspec
import numpy as np
import pyarrow as pa

from lakehouse.seen import Sender, group, stretches

WAIT_MS = 2_000


class Order(msgspec.Struct):
    """The next seq of each sender, and the frames that wait for an earlier one. A step changes it in place."""

    following: dict[Sender, int] = msgspec.field(default_factory=dict)
    waiting: pa.Table | None = None


def release(order: Order, rows: pa.Table, clocks: Mapping[int, int]) -> pa.Table:
    """Silver rows in, those that may go on out: by sender and seq. `clocks` (ms, by Kafka partition) are those behind the batch."""
    together = rows if order.waiting is None else pa.concat_tables([order.waiting, rows])
    if not together.num_rows:
        return together
    codes, senders = group(together["vehicle_id"], together["boot_id"])
    seqs = together["seq"].to_numpy()
    sorted_rows = np.lexsort((seqs, codes))
    known_ms = together["known_at"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).to_numpy()
    partitions = together["partition"].to_numpy()
    free = np.zeros(len(seqs), bool)
    for mine in stretches(sorted_rows, codes):
        sender = senders[codes[mine[0]]]
        count, order.following[sender] = _count(seqs[mine], known_ms[mine], order.following.get(sender, 0), clocks[int(partitions[mine[0]])])
        free[mine[:count]] = True
    held = ~free
    order.waiting = together.filter(pa.array(held)) if held.any() else None
    return together.take(pa.array(sorted_rows[free[sorted_rows]]))


def _count(seqs: np.ndarray, known_ms: np.ndarray, following: int, clock_ms: int) -> tuple[int, int]:
    """Of one sender's frames by seq: how many may go on, and the seq that is expected then."""
    if seqs[0] == following and seqs[-1] - seqs[0] == len(seqs) - 1:
        return len(seqs), int(seqs[-1]) + 1
    for place, seq in enumerate(seqs.tolist()):
        if seq > following and not _overdue(known_ms[place:], clock_ms):
            return place, following
        following = max(following, seq + 1)
    return len(seqs), following


def _overdue(known_ms: np.ndarray, clock_ms: int) -> bool:
    """Whether one of the frames behind a gap has waited long enough for all of them to go on past it."""
    return bool((clock_ms - known_ms >= WAIT_MS).any())
