"""Gather the evidence of an audit: ledgers, lake, and both Kafka clusters, read from their beginnings."""

import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from contracts.codec import Malformed, decode
from contracts.errors import Transient
from contracts.events import Rejection
from contracts.identity import KINDS
from contracts.ranges import Ranges
from contracts.topics import BY_KIND, EDGE_TOPICS, HISTORY, REJECTED, mirrored
from lakehouse.positions import position, sources_of
from lakehouse.reader import arrow, exists, open_table
from lakehouse.tables import BRONZE_OF, SILVER_OF
from simulators.ledger import read_ledgers
from voltlake.audit.evidence import Evidence, Log, Stream, Word

Place = tuple[str, int]
REAL = ds.field("cluster") != HISTORY
"""Rows that were in Kafka: simulated history has nobody who was told that it is safe."""
BRONZE_TABLES = {**{BY_KIND[kind]: BRONZE_OF[kind] for kind in KINDS}, REJECTED: "bronze.rejected"}


class _Who(msgspec.Struct):
    vehicle_id: str
    kind: str
    boot_id: str
    seq: int


def gather(lake: str, edge: str, central: str, ledgers: Path, states: Mapping[Stream, int] | None = None) -> Evidence:
    """Everything. `states` are the counts that vehicles published in their retained state: used where there is no ledger.

    The sensors' word is read first and the lake last, so that what arrives meanwhile does not look lost.
    """
    evidence = Evidence(words=words(ledgers, states or {}))
    for topic in EDGE_TOPICS:
        evidence.edge |= {(topic, part): log for part, log in read_topic(edge, topic).items()}
        evidence.central |= {(topic, part): log for part, log in read_topic(central, mirrored(topic)).items()}
    refresh(evidence, lake)
    if not evidence.words:
        evidence.words = _presumed(evidence)
    return evidence


def refresh(evidence: Evidence, lake: str) -> None:
    """Read the lake anew: silver before bronze, so that a row that comes in between does not look lost."""
    evidence.silver, evidence.silver_repeats, evidence.reasons = {}, 0, {}
    evidence.rejected, evidence.bronze, evidence.bronze_repeats = {}, {}, 0
    _silver(evidence, lake)
    _bronze(evidence, lake)


def words(ledgers: Path, states: Mapping[Stream, int]) -> dict[Stream, Word]:
    """What the ledgers say; for a stream without one, the count of its vehicle's state."""
    said = {Stream(*stream): Word(entry.published, entry.safe) for stream, entry in read_ledgers(ledgers).items()}
    for stream, count in states.items():
        said.setdefault(stream, Word(Ranges([(0, count - 1)]), Ranges()))
    return said


def _presumed(evidence: Evidence) -> dict[Stream, Word]:
    """Without any word of the sensors: each stream's seqs from 0 to the greatest that arrived were surely published."""
    ends = {stream: seqs.end for place in (evidence.silver, evidence.quarantine) for stream, seqs in place.items()}
    return {stream: Word(Ranges([(0, end - 1)]), Ranges([(0, end - 1)])) for stream, end in ends.items()}


def _silver(evidence: Evidence, lake: str) -> None:
    for kind in KINDS:
        if exists(lake, SILVER_OF[kind]):
            rows = arrow(lake, SILVER_OF[kind], ["vehicle_id", "boot_id", "seq"], REAL)
            found, repeats = by_stream(rows.append_column("kind", pa.repeat(kind, rows.num_rows)))
            evidence.silver |= found
            evidence.silver_repeats += repeats
    if exists(lake, "silver.quarantine"):
        rows = arrow(lake, "silver.quarantine", ["kind", "vehicle_id", "boot_id", "seq", "reason"], REAL)
        for row in rows.group_by("reason").aggregate([([], "count_all")]).to_pylist():
            evidence.reasons[row["reason"]] = row["count_all"]
        evidence.quarantine, evidence.quarantine_repeats = by_stream(rows.drop_columns(["reason"]).drop_null())


def _bronze(evidence: Evidence, lake: str) -> None:
    for topic, name in BRONZE_TABLES.items():
        if not exists(lake, name):
            continue
        table = open_table(lake, name)
        rows = arrow(lake, name, ["cluster", "topic_id", "partition", "offset"], REAL)
        silver = next((open_table(lake, SILVER_OF[kind]) for kind in KINDS if BRONZE_OF[kind] == name and exists(lake, SILVER_OF[kind])), None)
        for source in sources_of(rows):
            mine = rows.filter(
                pa.compute.and_(pa.compute.equal(rows["partition"], source.partition), pa.compute.equal(rows["topic_id"], source.topic_id))
            )
            place = (topic, source.partition)
            offsets = mine["offset"].to_pylist()
            evidence.bronze[place] = set(offsets)
            evidence.bronze_repeats += len(offsets) - len(evidence.bronze[place])
            evidence.bronze_reached[place] = position(table, source).offset
            if silver is not None:
                evidence.silver_reached[place] = position(silver, source).offset
    if exists(lake, "bronze.rejected"):
        _rejected(evidence, arrow(lake, "bronze.rejected", ["value"])["value"].to_pylist())


def _rejected(evidence: Evidence, values: Iterable[bytes]) -> None:
    for value in values:
        try:
            rejection = decode(value, Rejection)
        except Malformed:
            evidence.reasons["unreadable rejection"] = evidence.reasons.get("unreadable rejection", 0) + 1
            continue
        evidence.reasons[rejection.reason] = evidence.reasons.get(rejection.reason, 0) + 1
        stream = Stream(rejection.vehicle_id, rejection.kind, rejection.boot_id)
        if rejection.seq >= 0:
            evidence.rejected.setdefault(stream, Ranges()).add(rejection.seq)


def by_stream(rows: pa.Table) -> tuple[dict[Stream, Ranges], int]:
    """The seqs of each stream as ranges, and how many rows repeat an identity. Needs vehicle_id, kind, boot_id, seq."""
    if not rows.num_rows:
        return {}, 0
    ordered = rows.sort_by([(name, "ascending") for name in ("vehicle_id", "kind", "boot_id", "seq")])
    names = [ordered[name].combine_chunks().dictionary_encode().indices.to_numpy() for name in ("vehicle_id", "kind", "boot_id")]
    seqs = ordered["seq"].to_numpy()
    same = np.logical_and.reduce([column[1:] == column[:-1] for column in names])
    steps = np.diff(seqs)
    repeats = int((same & (steps == 0)).sum())
    starts = np.concatenate(([0], np.flatnonzero(~(same & (steps <= 1))) + 1))
    ends = np.concatenate((starts[1:] - 1, [len(seqs) - 1]))
    found: dict[Stream, Ranges] = {}
    at = pa.array(starts)
    keys = zip(*(ordered[name].take(at).to_pylist() for name in ("vehicle_id", "kind", "boot_id")), strict=True)
    for key, first, last in zip(keys, seqs[starts].tolist(), seqs[ends].tolist(), strict=True):
        found.setdefault(Stream(*key), Ranges()).add_range(first, last)
    return found, repeats


def read_topic(kafka: str, topic: str) -> dict[int, Log]:
    """All records of a topic that can be read now, by partition: offsets and digests. Raises Transient where Kafka does not answer."""
    logs: dict[int, Log] = {}
    for partition, offset, value in _records(kafka, topic):
        log = logs.setdefault(partition, Log([], []))
        log.offsets.append(offset)
        log.digests.append(zlib.crc32(value) << 32 | zlib.adler32(value))
    return logs


def whereabouts(lake: str, edge: str, central: str, gone: Mapping[Stream, Ranges]) -> dict[tuple[Stream, int], str]:
    """Where messages that stand nowhere were last seen on the road."""
    seen: dict[tuple[Stream, int], str] = {}
    kinds = {stream.kind for stream in gone}
    for kind in KINDS:
        if kind not in kinds:
            continue
        places = [
            ("edge", (value for _, _, value in _records(edge, BY_KIND[kind]))),
            ("central", (value for _, _, value in _records(central, mirrored(BY_KIND[kind])))),
            ("bronze", (value.as_py() for value in arrow(lake, BRONZE_OF[kind], ["value"])["value"])),
        ]
        for place, values in places:
            for value in values:
                try:
                    who = decode(value, _Who)
                except Malformed:
                    continue
                stream = Stream(who.vehicle_id, who.kind, who.boot_id)
                if stream in gone and who.seq in gone[stream]:
                    seen[stream, who.seq] = place
    return seen


def _records(kafka: str, topic: str) -> Iterable[tuple[int, int, bytes]]:
    """Partition, offset and value of all that a topic holds at the beginning; what is written meanwhile is left out, or reading would never end."""
    settings = {"bootstrap.servers": kafka, "group.id": "audit", "enable.auto.commit": False, "enable.partition.eof": True, "log_level": 0}
    settings["fetch.queue.backoff.ms"] = 10  # as in `cloud_stream.connectors.kafka`
    consumer = Consumer(settings)
    try:
        parts = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        marks = {part: consumer.get_watermark_offsets(TopicPartition(topic, part), timeout=10) for part in parts}
        ends = {part: high for part, (low, high) in marks.items() if high > low}
        consumer.assign([TopicPartition(topic, part, OFFSET_BEGINNING) for part in ends])
        while ends:
            for message in consumer.consume(10_000, 0.05):
                error, part, offset = message.error(), message.partition() or 0, message.offset() or 0
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise Transient(f"topic {topic} at {kafka} cannot be read: {error.str()}")
                end = ends.get(part, 0)
                if error is None and offset < end:
                    yield part, offset, message.value() or b""
                if error is not None or offset >= end - 1:  # the last offsets may be marks of a transaction, and no records
                    ends.pop(part, None)
    except KafkaException as error:
        raise Transient(f"Kafka at {kafka} does not answer: {error.args[0].str()}") from error
    finally:
        consumer.close()
