"""Where the records of history stand: a source of their own, with Kafka's partitions, and offsets in the order of arrival. Pure but for its state."""

import uuid

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.identity import Kind
from contracts.topics import BY_KIND, HISTORY, PARTITIONS, mirrored
from lakehouse.positions import Source
from lakehouse.tables import BRONZE
from simulators.history.tables import Wanted
from voltlake.history.envelopes import RECORDS

_MASK = 0xFFFFFFFF


def topic_id(wanted: Wanted, scenario: str, kind: Kind) -> str:
    """The same history has the same topic, so that writing it again adds nothing, and an interrupted one goes on."""
    told = msgspec.json.encode([msgspec.to_builtins(wanted), scenario, kind]).decode()
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"voltlake:history:{told}"))


def partition_of(key: str) -> int:
    """Kafka's own choice for a key (murmur2), so that a vehicle's history stands in the partition of its live data."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % PARTITIONS


def murmur2(data: bytes) -> int:
    """The hash of Kafka's default partitioner (Austin Appleby's MurmurHash2, seed 0x9747b28c)."""
    m, length = 0x5BD1E995, len(data)
    h = (0x9747B28C ^ length) & _MASK
    for at in range(0, length - length % 4, 4):
        k = int.from_bytes(data[at : at + 4], "little") * m & _MASK
        h = (h * m & _MASK) ^ ((k ^ k >> 24) * m & _MASK)
    tail = data[length - length % 4 :]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * m & _MASK
    h = (h ^ h >> 13) * m & _MASK
    return h ^ h >> 15


class Topic:
    """The records of one kind on their way: what has not arrived yet waits, what has gets its offset."""

    def __init__(self, kind: Kind, identity: str) -> None:
        self._topic, self._id = mirrored(BY_KIND[kind]), identity
        self._waiting = RECORDS.empty_table()
        self._next = np.zeros(PARTITIONS, np.int64)
        self._partition: dict[str, int] = {}

    @property
    def sources(self) -> list[Source]:
        """One a partition."""
        return [Source(HISTORY, self._id, partition) for partition in range(PARTITIONS)]

    def arrived(self, records: pa.Table, until_ms: int) -> pa.Table:
        """Rows of bronze: all that arrived before that instant and was not given yet, in the order of arrival."""
        together = pa.concat_tables([self._waiting, records])
        there = pc.less(together["arrived_ms"], until_ms)
        self._waiting = together.filter(pc.invert(there))
        rows = together.filter(there).combine_chunks()
        if not rows.num_rows:
            return BRONZE.empty_table()
        rows = rows.take(pa.array(np.argsort(rows["arrived_ms"].to_numpy(), kind="stable")))
        partitions = np.array([self._placed(key) for key in rows["key"].to_pylist()], np.int32)
        offsets = np.empty(len(partitions), np.int64)
        for partition in range(PARTITIONS):
            mine = np.flatnonzero(partitions == partition)
            offsets[mine] = self._next[partition] + np.arange(len(mine))
            self._next[partition] += len(mine)
        stamps = pc.cast(rows["arrived_ms"], pa.timestamp("ms", tz="UTC"))
        size = rows.num_rows
        columns = {
            "cluster": pa.repeat(HISTORY, size),
            "topic": pa.repeat(self._topic, size),
            "topic_id": pa.repeat(self._id, size),
            "partition": pa.array(partitions),
            "offset": pa.array(offsets),
            "kafka_ts": stamps.cast(BRONZE.field("kafka_ts").type),
            "key": rows["key"],
            "value": rows["value"],
            "ingest_date": pc.strftime(stamps, format="%Y-%m-%d"),
        }
        return pa.table([columns[name] for name in BRONZE.names], schema=BRONZE)

    def _placed(self, key: str) -> int:
        found = self._partition.get(key)
        if found is None:
            found = self._partition[key] = partition_of(key)
        return found
