"""What was seen of one partition's senders, as bytes of a checkpoint and back."""

import msgspec

from contracts.ranges import Ranges
from lakehouse.positions import Source
from lakehouse.quality.marks import packed, unpack
from lakehouse.seen import Entry, Seen, Sender

_pack = msgspec.msgpack.Encoder().encode
_Pairs = list[tuple[int, int]]
_Clocks = list[tuple[str, str, int, int]]
_Seen = list[tuple[str, str, _Clocks, _Pairs, _Pairs, bytes | None]]


def packed_seen(seen: Seen, partition: int) -> bytes:
    """What was seen of one partition's senders."""
    own = [(sender, entry) for sender, entry in seen.items() if entry.partition == partition]
    return _pack([(*sender, _clocks(entry), entry.accepted.pairs(), entry.quarantined.pairs(), packed(entry)) for sender, entry in own])


def _clocks(entry: Entry) -> _Clocks:
    return [(*source, clock_ms) for source, clock_ms in entry.clocks.items()]


def unpacked_seen(content: bytes, partition: int) -> Seen:
    """The same, back."""
    seen: Seen = {}
    for vehicle, boot, clocks, accepted, quarantined, memory in msgspec.msgpack.decode(content, type=_Seen):
        known = {Source(cluster, topic_id, number): clock_ms for cluster, topic_id, number, clock_ms in clocks}
        entry = seen[Sender(vehicle, boot)] = Entry(Ranges(accepted), Ranges(quarantined), partition, known)
        unpack(memory, entry)
    return seen
