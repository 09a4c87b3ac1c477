"""From spooled entries to produce requests, and how far all before an offset is delivered. Pure."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from edge_gateway.frames import Entry


class Batch(NamedTuple):
    """Entries of one Kafka topic, in order of arrival."""

    topic: str
    entries: list[Entry]


class Limits(NamedTuple):
    """How large a batch may grow: records, and bytes of JSON before compression (a single record may be larger)."""

    records: int
    bytes: int


def plan(entries: Iterable[Entry], limits: Limits) -> list[Batch]:
    """The entries as batches, one topic each, in order of their first entry."""
    batches: list[Batch] = []
    open_batches: dict[str, tuple[list[Entry], int]] = {}
    for entry in entries:
        taken, size = open_batches.get(entry.topic, ([], 0))
        weight = len(entry.record)
        if not taken or len(taken) >= limits.records or size + weight > limits.bytes:
            taken, size = [], 0
            batches.append(Batch(entry.topic, taken))
        taken.append(entry)
        open_batches[entry.topic] = (taken, size + weight)
    return batches


def body(entries: Iterable[Entry]) -> bytes:
    """The JSON of a produce request, from records that were encoded at reception."""
    return b'{"records":[' + b",".join([entry.record for entry in entries]) + b"]}"


class Block:
    """A stretch of the spool, read at once, until all its batches are safe and its vehicles told."""

    __slots__ = ("end", "left", "since", "told_at")

    def __init__(self, end: int, batches: int, since: int) -> None:
        self.end = end
        self.left = batches
        self.since = since
        self.told_at: int | None = None


class Progress:
    """Blocks in order of the spool; a block is finished when it is safe and a whole ack cycle has passed since."""

    def __init__(self) -> None:
        self._blocks: deque[Block] = deque()

    def open(self, end: int, batches: int, since: int) -> Block:
        """Start a block that ends at offset `end`; `since` is the reception of its first entry in epoch milliseconds."""
        block = Block(end, batches, since)
        self._blocks.append(block)
        return block

    def safe(self, block: Block, told_at: int) -> None:
        """One batch of the block is safe; its vehicles will have been told when the ack cycle `told_at` has been published."""
        block.left -= 1
        if not block.left:
            block.told_at = told_at

    def retire(self, cycle: int) -> int | None:
        """The offset below which all is safe and told at this ack cycle; None where that is no further than before."""
        end = None
        while self._blocks and (told_at := self._blocks[0].told_at) is not None and told_at <= cycle:
            end = self._blocks.popleft().end
        return end

    @property
    def oldest(self) -> int | None:
        """Reception of the oldest entry that is not safe, in epoch milliseconds."""
        return next((block.since for block in self._blocks if block.left), None)

    @property
    def drained(self) -> bool:
        """True where nothing is under way."""
        return not any(block.left for block in self._blocks)
