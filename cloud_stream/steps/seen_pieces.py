"""What was seen of one partition's senders, as bytes of a checkpoint and back."""

import msgspec

from contracts.ranges import Ranges
from lakehouse.quality.marks import packed, unpack
from lakehouse.seen import Entry, Seen, Sender

_pack = msgspec.msgpack.Encoder().encode
_Pairs = list[tuple[int, int]]
_Seen = list[tuple[str, str, int, _Pairs, _Pairs, bytes | None]]


def packed_seen(seen: Seen, partition: int) -> bytes:
    """What was seen of one partition's senders."""
    own = [(sender, entry) for sender, entry in seen.items() if entry.partition == partition]
    return _pack([(*sender, entry.clock_ms, entry.accepted.pairs(), entry.quarantined.pairs(), packed(entry)) for sender, entry in own])


def unpacked_seen(content: bytes, partition: int) -> Seen:
    """The same, back."""
    seen: Seen = {}
    for vehicle, boot, clock_ms, accepted, quarantined, memory in msgspec.msgpack.decode(content, type=_Seen):
        entry = seen[Sender(vehicle, boot)] = Entry(Ranges(accepted), Ranges(quarantined), partition, clock_ms)
        unpack(memory, entry)
    return seen
