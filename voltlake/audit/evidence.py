"""What an audit knows: the sensors' word, and what stands where. Values only."""

from typing import NamedTuple

import msgspec

from contracts.ranges import Ranges


class Stream(NamedTuple):
    """Whose messages are numbered together."""

    vehicle_id: str
    kind: str
    boot_id: str


class Word(NamedTuple):
    """What a sensor says: what it published, and what it was told is safe. Where only a count is known, nothing was told."""

    published: Ranges
    safe: Ranges


class Log(NamedTuple):
    """One partition of a Kafka topic, oldest first: offsets, and a digest of each record."""

    offsets: list[int]
    digests: list[int]


class Evidence(msgspec.Struct, kw_only=True):
    """All that the audit compares. Keys of logs and offsets are `(topic, partition)` with the edge's topic name."""

    words: dict[Stream, Word] = {}
    silver: dict[Stream, Ranges] = {}
    silver_repeats: int = 0
    quarantine: dict[Stream, Ranges] = {}
    quarantine_repeats: int = 0
    rejected: dict[Stream, Ranges] = {}
    reasons: dict[str, int] = {}
    edge: dict[tuple[str, int], Log] = {}
    central: dict[tuple[str, int], Log] = {}
    bronze: dict[tuple[str, int], set[int]] = {}
    bronze_repeats: int = 0
    bronze_reached: dict[tuple[str, int], int] = {}
    silver_reached: dict[tuple[str, int], int] = {}
