"""The judgement of an audit: what was lost, stands twice, was refused, or is still on the way. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from contracts.ranges import Ranges
from contracts.topics import REJECTED
from voltlake.audit.evidence import Evidence, Log, Stream


class Missing(NamedTuple):
    """A message that was told safe and stands nowhere, with where it was last seen."""

    stream: Stream
    seq: int
    last_seen: str


class Hop(NamedTuple):
    """One step of the road: records on its far side, still on the way, lost and repeated there."""

    name: str
    arrived: int
    in_flight: int
    lost: int
    repeated: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome; it is passed where nothing is lost and nothing stands twice."""

    messages: int
    lost: int
    duplicated: int
    rejected: int
    in_flight: int
    reasons: dict[str, int]
    hops: list[Hop]
    missing: list[Missing]

    @property
    def passed(self) -> bool:
        """Nothing is lost and nothing stands twice."""
        return not self.lost and not self.duplicated


Whereabouts = Mapping[tuple[Stream, int], str]
"""Where a missing message was last seen: "edge", "central", "bronze"; absent: nowhere."""


def absent(evidence: Evidence) -> dict[Stream, Ranges]:
    """Of what the sensors were told is safe, what stands neither in silver nor in quarantine nor among the rejected."""
    gone = {}
    for stream, word in evidence.words.items():
        rest = word.safe.minus(standing(evidence, stream))
        if rest:
            gone[stream] = rest
    return gone


def standing(evidence: Evidence, stream: Stream) -> Ranges:
    """The seqs of a stream that have arrived somewhere for good."""
    found = Ranges()
    for place in (evidence.silver, evidence.quarantine, evidence.rejected):
        found.update(place.get(stream, Ranges()))
    return found


def judge(evidence: Evidence, whereabouts: Whereabouts) -> Verdict:
    """Weigh the evidence. A message on the way is one that was seen before a step that has not come so far yet."""
    mirror = _mirror(evidence)
    bronze = _bronze(evidence)
    missing, moving = _missing(evidence, whereabouts, mirror.in_flight + bronze.in_flight > 0 or _silver_behind(evidence))
    hops = [mirror, bronze, _silver(evidence)]
    published = sum(len(word.published) for word in evidence.words.values())
    arrived = sum(len(standing(evidence, stream).minus(Ranges())) for stream in _streams(evidence))
    unsafe = sum(len(word.published.minus(word.safe).minus(standing(evidence, stream))) for stream, word in evidence.words.items())
    refused = sum(len(seqs) for place in (evidence.quarantine, evidence.rejected) for seqs in place.values())
    return Verdict(
        messages=max(published, arrived),
        lost=len(missing) + bronze.lost + mirror.lost,
        duplicated=sum(hop.repeated for hop in hops),
        rejected=refused + _nameless(evidence),
        in_flight=moving + unsafe,
        reasons=evidence.reasons,
        hops=hops,
        missing=missing[:100],
    )


def _streams(evidence: Evidence) -> set[Stream]:
    return {*evidence.silver, *evidence.quarantine, *evidence.rejected}


def _nameless(evidence: Evidence) -> int:
    """Refused records whose identity cannot be read: they stand in quarantine by their coordinates alone."""
    named = sum(len(seqs) for place in (evidence.quarantine, evidence.rejected) for seqs in place.values())
    return max(sum(evidence.reasons.values()) - named - evidence.quarantine_repeats, 0)


def _missing(evidence: Evidence, whereabouts: Whereabouts, moving: bool) -> tuple[list[Missing], int]:
    """What is lost, and how many of the absent are on the way."""
    lost, on_the_way = [], 0
    for stream, seqs in absent(evidence).items():
        for seq in seqs:
            seen = whereabouts.get((stream, seq), "ledger")
            if moving and seen != "ledger":
                on_the_way += 1
            else:
                lost.append(Missing(stream, seq, seen))
    return lost, on_the_way


def _mirror(evidence: Evidence) -> Hop:
    """Edge to central: each partition must be mirrored in order, each record once."""
    arrived = behind = lost = repeated = 0
    for place, edge in evidence.edge.items():
        central = evidence.central.get(place, Log([], []))
        arrived += len(central.digests)
        # The central log is read after the edge's, so under load it may be longer.
        common = min(len(edge.digests), len(central.digests))
        if edge.digests[:common] == central.digests[:common]:
            behind += len(edge.digests) - common
            continue
        here, there = Counter(edge.digests), Counter(central.digests)
        repeated += sum(max(count - max(here[digest], 1), 0) for digest, count in there.items())
        # A record that was overtaken by a later one cannot be on the way any more.
        last = next((at for at in range(len(edge.digests) - 1, -1, -1) if there[edge.digests[at]]), -1)
        gone = here - there
        tail = sum(min(count, gone[digest]) for digest, count in Counter(edge.digests[last + 1 :]).items())
        behind += tail
        lost += sum(gone.values()) - tail
    return Hop("edge Kafka → central Kafka", arrived, behind, lost, repeated)


def _bronze(evidence: Evidence) -> Hop:
    """Central to bronze: every offset up to the table's position, each once."""
    arrived = behind = lost = 0
    for place, log in evidence.central.items():
        rows = evidence.bronze.get(place, set())
        reached = evidence.bronze_reached.get(place, -1)
        arrived += len(rows)
        absent_offsets = [offset for offset in log.offsets if offset not in rows]
        lost += sum(offset <= reached for offset in absent_offsets)
        behind += sum(offset > reached for offset in absent_offsets)
    return Hop("central Kafka → bronze", arrived, behind, lost, evidence.bronze_repeats)


def _silver(evidence: Evidence) -> Hop:
    arrived = sum(len(seqs) for seqs in evidence.silver.values())
    return Hop("bronze → silver", arrived, sum(_waiting(evidence)), 0, evidence.silver_repeats + evidence.quarantine_repeats)


def _waiting(evidence: Evidence) -> Iterator[int]:
    """Bronze rows beyond silver's position. Rejections end in bronze."""
    for place, rows in evidence.bronze.items():
        if place[0] != REJECTED:
            reached = evidence.silver_reached.get(place, -1)
            yield sum(offset > reached for offset in rows)


def _silver_behind(evidence: Evidence) -> bool:
    return any(_waiting(evidence))
