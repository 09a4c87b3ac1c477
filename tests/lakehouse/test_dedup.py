"""A message stands in silver once, however far apart its copies are within the horizon, in whatever order sources are read, across restarts."""

import itertools
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_stream.steps.seen_pieces import packed_seen, unpacked_seen
from cloud_stream.steps.silver import Refiner
from lakehouse import reader, writer
from lakehouse.positions import Position, Source, reached_by
from lakehouse.seen import HORIZON_MS, Seen, restore
from lakehouse.snapshots import read_seen, write_seen
from tests.lakehouse.made import NOW_MS, bronze, telemetry

LIVE, HISTORY = Source("cluster", "topic-id", 0), Source("history", "a-fleets-past", 0)
HOUR_MS = 3_600_000
BEGINS_MS = {LIVE: NOW_MS, HISTORY: NOW_MS - 40 * 24 * HOUR_MS}


class Copy(NamedTuple):
    """A record as it is read: where it comes from, who sent it, whether it can be believed, how long after its source's last, and what follows."""

    source: Source
    vehicle: str
    seq: int
    good: bool
    pause_ms: int
    then: str = ""
    """Nothing: the next one is of the same batch; else `another batch`, or a restart before it, out of a `checkpoint` or the table's `rows`."""


COPIES = st.builds(
    Copy,
    st.sampled_from([LIVE, HISTORY]),
    st.sampled_from(["V-1", "V-2"]),
    st.integers(0, 6),
    st.sampled_from([True, True, True, False]),
    st.sampled_from([0, 1000, 61_000, 30 * HOUR_MS, 8 * 24 * HOUR_MS]),
    st.sampled_from(["", "another batch", "another batch", "checkpoint", "rows"]),
)


def rows_of(copies: list[Copy]) -> list[pa.Table]:
    """Each copy as a row of bronze, at its source's next offset."""
    stamps, offsets, made = dict(BEGINS_MS), dict.fromkeys(BEGINS_MS, 0), []
    for copy in copies:
        source = copy.source
        stamps[source] += copy.pause_ms
        value = telemetry(copy.vehicle, copy.seq, soc_pct=50 if copy.good else 900)
        row = bronze([value], first_offset=offsets[source], kafka_ms=[stamps[source]])
        for name in ("cluster", "topic_id"):
            row = row.set_column(row.schema.get_field_index(name), name, pa.array([getattr(source, name)]))
        made.append(row)
        offsets[source] += 1
    return made


def remade(refiner: Refiner, accepted: list[pa.Table], how: str) -> Refiner:
    """The flow after a restart: out of its checkpoint, or out of the rows of the table."""
    seen: Seen = unpacked_seen(packed_seen(refiner.seen, 0), 0) if how == "checkpoint" else {}
    for table in accepted if how == "rows" else ():
        for source in (LIVE, HISTORY):
            mine = table.filter(pc.equal(table["cluster"], source.cluster))
            clocks = [round(instant.timestamp() * 1000) for instant in mine["known_at"].to_pylist()]
            names = (mine[name].to_pylist() for name in ("vehicle_id", "boot_id", "seq"))
            restore(seen, zip(*names, clocks, strict=True), source, accepted=True)
    return Refiner("telemetry", refiner.reached, seen)


@settings(max_examples=100, deadline=None)
@given(copies=st.lists(COPIES, min_size=1, max_size=30))
def test_live_rows_and_old_history_of_a_vehicle_stand_once_in_any_order(copies: list[Copy]) -> None:
    rows, refiner, tables = rows_of(copies), Refiner("telemetry", {}, {}), []
    stood: dict[tuple[str, int], list[tuple[Source, int]]] = {}
    clocks: dict[Source, int] = {}
    ends = [at for at, copy in enumerate(copies, start=1) if copy.then or at == len(copies)]
    for first, last in itertools.pairwise([0, *ends]):
        if first and copies[first - 1].then != "another batch":
            refiner = remade(refiner, tables, copies[first - 1].then)
        batch = sorted(zip(rows[first:last], copies[first:last], strict=True), key=lambda pair: (pair[1].source, pair[0]["offset"][0].as_py()))
        tables.append(refiner.step(pa.concat_tables(row for row, _ in batch)).refined.rows)
        taken = set(zip(tables[-1]["cluster"].to_pylist(), tables[-1]["offset"].to_pylist(), strict=True))
        for row, copy in batch:
            source, clock_ms = copy.source, round(row["kafka_ts"][0].as_py().timestamp() * 1000)
            clocks[source] = max(clocks.get(source, 0), clock_ms)
            before = stood.setdefault((copy.vehicle, copy.seq), [])
            is_taken = (source.cluster, row["offset"][0].as_py()) in taken
            if any(clocks[where] - at_ms <= HORIZON_MS for where, at_ms in before):
                assert not is_taken, "it stands already, within the horizon"
            elif not before:
                assert is_taken == copy.good, "the first that can be believed stands"
            if is_taken:
                before.append((source, clock_ms))


def test_a_restart_of_the_flow_remembers_history_that_is_read_beside_live_data(tmp_path: Path) -> None:
    lake = str(tmp_path)
    writer.ensure(lake, ["silver.telemetry", "silver.quarantine", "silver.seen"])
    past, now = (lambda seq: Copy(HISTORY, "V-1", seq, True, 1000)), (lambda seq: Copy(LIVE, "V-1", seq, True, 1000))
    rows = rows_of([past(0), now(3), past(1), past(0), now(4), past(2), past(1), now(3), now(5), past(2)])
    refiner = Refiner("telemetry", {}, {})
    for at, row in enumerate(rows):
        batch = refiner.step(row)
        writer.append(reader.open_table(lake, "silver.telemetry"), "silver.telemetry", batch.refined.rows, reached_by(row, "kafka_ts"))
        if at == 4:
            write_seen(reader.open_table(lake, "silver.seen"), "telemetry", refiner.seen, refiner.reached)
        again = read_seen(lake, "telemetry", refiner.reached)
        assert {who: (entry.accepted, entry.clocks) for who, entry in again.items()} == {
            who: (entry.accepted, entry.clocks) for who, entry in refiner.seen.items()
        }
        refiner = Refiner("telemetry", refiner.reached, again)
    assert sorted(reader.arrow(lake, "silver.telemetry", ["seq"])["seq"].to_pylist()) == [0, 1, 2, 3, 4, 5]
    gone_back = read_seen(lake, "telemetry", refiner.reached | {LIVE: Position(0, BEGINS_MS[LIVE] + 1000)})
    assert [entry.accepted.pairs() for entry in gone_back.values()] == [[(0, 3)]], "a snapshot that is ahead in one source is of no use"
