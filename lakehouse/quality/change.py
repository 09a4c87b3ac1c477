"""The rules that compare a frame with the one before it: rates of change and stuck values.

The frame before is the accepted one of the same vehicle and boot with the greatest seq among those that stand before it in its
Kafka partition. A frame that comes late, with a smaller seq, is not judged. So the judgement follows from the partition's order
alone, whatever the batches and restarts were; the memory of it is one small row a sender (`remembered`).
"""

from collections.abc import Sequence

import numpy as np

from contracts.quality import CHANGES, GAP_S, Rate, Stuck
from contracts.signals import BY_NAME
from lakehouse.quality.frame import Columns, Mark, within

RATES = tuple(rule for rule in CHANGES if isinstance(rule, Rate))
STUCK = tuple(rule for rule in CHANGES if isinstance(rule, Stuck))
WATCHED = tuple(dict.fromkeys(rule.signal for rule in CHANGES))
"""The signals whose last value is kept."""
NEEDED = tuple(dict.fromkeys([*WATCHED, *(rule.during.signal for rule in STUCK)]))
"""The signals that must be read to make the memory again."""
WIDTH = 1 + len(WATCHED) + len(STUCK)
"""A memory's row: `ts` (ms), the watched values, and for each stuck rule since when (ms) its value is the same."""
SIGNATURE = ",".join((*WATCHED, *(rule.name for rule in STUCK)))
"""Says what a memory's row holds: one of other rules is not used."""
NOTHING = np.full(WIDTH, np.nan)


class Senders:
    """A batch's rows by sender, each sender's in arrival order, with what is remembered of each sender: `last_seq` and a row of memory."""

    def __init__(self, codes: np.ndarray, last_seq: Sequence[int], memory: np.ndarray) -> None:
        self.codes, self.last_seq, self.memory = codes, np.asarray(last_seq, np.int64), memory


def judge(senders: Senders, seqs: np.ndarray, ts: np.ndarray, columns: Columns) -> list[Mark]:
    """What the rules of change say of accepted rows in arrival order; the senders' memory goes on to behind the batch."""
    order = np.argsort(senders.codes, kind="stable")
    order = order[_advances(senders, seqs, order)]
    codes = senders.codes[order]
    first = np.ones(len(order), bool)
    first[1:] = codes[1:] != codes[:-1]
    last = np.ones(len(order), bool)
    last[:-1] = first[1:]
    size = len(seqs)

    def before(values: np.ndarray, column: int) -> np.ndarray:
        """Each row's predecessor's value; the sender's memory for its first row."""
        shifted = np.empty_like(values)
        shifted[1:] = values[:-1]
        shifted[first] = senders.memory[codes[first], column]
        return shifted

    after = np.full((int(last.sum()), WIDTH), np.nan)
    times = ts[order].astype(np.float64)
    elapsed = (times - before(times, 0)) / 1000
    near = (elapsed > 0) & (elapsed <= GAP_S)
    after[:, 0] = times[last]
    ordered = {name: columns[name][order] if name in columns else np.full(len(order), np.nan) for name in NEEDED}
    previous = {}
    for at, name in enumerate(WATCHED, start=1):
        previous[name] = before(ordered[name], at)
        after[:, at] = ordered[name][last]
    marks = []
    for rate in RATES:
        marks.append((rate.name, near & _leaps(rate, ordered[rate.signal] - previous[rate.signal], elapsed)))
    for at, stuck in enumerate(STUCK, start=1 + len(WATCHED)):
        goes_on = near & (ordered[stuck.signal] == previous[stuck.signal]) & within(stuck.during, ordered)
        since = _since(goes_on, times, first, senders.memory[codes, at])
        after[:, at] = since[last]
        marks.append((stuck.name, goes_on & (times - since >= stuck.seconds * 1000)))
    senders.memory[codes[last]] = after
    senders.last_seq[codes[last]] = seqs[order][last]
    return [Mark(name, _scattered(hits, order, size)) for name, hits in marks if hits.any()]


def _advances(senders: Senders, seqs: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Which of the rows, by sender and arrival, have a greater seq than all before them."""
    codes, ordered = senders.codes[order], seqs[order]
    beyond = ordered > senders.last_seq[codes]
    same = codes[1:] == codes[:-1]
    if beyond.all() and not (same & (ordered[1:] <= ordered[:-1])).any():
        return beyond
    ranks = np.unique(ordered, return_inverse=True)[1]
    span = len(ranks) + 1
    greatest = np.maximum.accumulate(codes * span + ranks)
    ahead = np.ones(len(order), bool)
    ahead[1:] = ~same | ((codes * span + ranks)[1:] > greatest[:-1])
    return beyond & ahead


def _leaps(rate: Rate, change: np.ndarray, elapsed: np.ndarray) -> np.ndarray:
    slack = BY_NAME[rate.signal].resolution * 1.5
    return (change > rate.high * elapsed + slack) | (change < rate.low * elapsed - slack)


def _since(goes_on: np.ndarray, times: np.ndarray, first: np.ndarray, remembered: np.ndarray) -> np.ndarray:
    """For each row the time from which its value is the same; rows by sender."""
    # A row that goes on takes its predecessor's instant: the last row that began anew, or the sender's memory.
    begins = ~goes_on | first
    instants = np.where(goes_on, remembered, times)
    at = np.maximum.accumulate(np.where(begins, np.arange(len(times)), 0))
    return instants[at] if len(times) else times


def _scattered(hits: np.ndarray, order: np.ndarray, size: int) -> np.ndarray:
    rows = np.zeros(size, bool)
    rows[order[hits]] = True
    return rows
