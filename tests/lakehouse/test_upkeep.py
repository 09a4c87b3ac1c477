"""Tables stay small and quick to read while they are written and followed, and can be looked at and brought back as they were."""

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from contracts.errors import Terminal
from lakehouse import history, reader, writer
from lakehouse.files import Storage
from lakehouse.positions import Position, Source, position
from lakehouse.seen import Seen
from lakehouse.snapshots import read_seen
from lakehouse.tail import Tail
from lakehouse.upkeep import care as upkeep
from lakehouse.upkeep import compaction, log
from lakehouse.upkeep.policy import POLICIES
from tests.lakehouse.made import NOW_MS, bronze, refined, telemetry

SILVER, BRONZE = "silver.telemetry", "bronze.telemetry"
SOURCE = Source("cluster", "topic-id", 0)


@pytest.fixture
def lake(tmp_path: Path) -> str:
    writer.ensure(str(tmp_path), [BRONZE, SILVER, "silver.quarantine", "silver.seen"])
    return str(tmp_path)


def commit(lake: str, first: int, last: int, seen: Seen, ts: int = NOW_MS) -> None:
    """One commit of bronze and one of silver: frames of three vehicles."""
    part = bronze([telemetry(f"V-{seq % 3}", seq, ts=ts + seq) for seq in range(first, last)], first_offset=first)
    for name, rows in ((BRONZE, part), (SILVER, refined(part, "telemetry", seen).rows)):
        writer.append(reader.open_table(lake, name), name, rows, {SOURCE: Position(last - 1, NOW_MS + last - 1)})


def commits(lake: str, first: int, last: int, seen: Seen | None = None) -> None:
    seen = {} if seen is None else seen
    for at in range(first, last):
        commit(lake, at * 2, at * 2 + 2, seen)


def files(lake: str, name: str = SILVER) -> int:
    return len(reader.open_table(lake, name).file_uris())


def content(lake: str, name: str = SILVER) -> pa.Table:
    return reader.arrow(lake, name).sort_by("offset")


def aged(lake: str, name: str, hours: float) -> None:
    """Make the log and all files of a table look older."""
    import os

    folder = Path(reader.address(lake, name))
    for path in (*folder.glob("_delta_log/*"), *folder.glob("*=*/*.parquet")):
        then = path.stat().st_mtime - hours * 3600
        os.utime(path, (then, then))


def test_many_small_files_become_one_sorted_file_and_no_row_changes(lake: str) -> None:
    commits(lake, 0, 20)
    before = content(lake)
    done = upkeep.care(lake, SILVER)
    assert done is not None
    assert (done.merged, files(lake)) == (19, 1)
    assert content(lake).equals(before)
    assert position(reader.open_table(lake, SILVER), SOURCE).offset == 39
    stored = reader.dataset(reader.open_table(lake, SILVER)).to_table()
    assert stored.equals(stored.sort_by([("vehicle_id", "ascending"), ("event_ts", "ascending")]))
    assert upkeep.care(lake, "gold.vehicle_current") is None, "a table that is not there yet"


def test_a_day_that_is_over_is_settled_into_files_that_share_no_vehicle(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "MOST_ROWS", 8)
    monkeypatch.setattr(upkeep, "today", lambda: datetime.fromtimestamp(NOW_MS / 1000, UTC))
    seen: Seen = {}
    for at in range(6):
        commit(lake, at * 3, at * 3 + 3, seen)
    before = content(lake)
    upkeep.care(lake, SILVER)
    assert files(lake) == 6, "too few to merge while their day lasts"
    monkeypatch.setattr(upkeep, "today", lambda: datetime.fromtimestamp(NOW_MS / 1000, UTC) + timedelta(days=2))
    upkeep.care(lake, SILVER)
    held = compaction.held(reader.open_table(lake, SILVER), ("vehicle_id",))
    assert [(file.first, file.last, file.rows) for file in sorted(held, key=lambda file: file.first)] == [
        ("V-0", "V-0", 6),
        ("V-1", "V-1", 6),
        ("V-2", "V-2", 6),
    ]
    assert content(lake).equals(before)
    version = reader.open_table(lake, SILVER).version()
    upkeep.care(lake, SILVER)
    assert reader.open_table(lake, SILVER).version() == version, "a settled day is left alone"


def test_writers_go_on_while_tables_are_merged_and_no_reader_sees_half(lake: str) -> None:
    stop, seen_counts, wrong = threading.Event(), [], []

    def read() -> None:
        while not stop.is_set():
            rows = reader.arrow(lake, SILVER, ["offset"])["offset"].to_pylist()
            seen_counts.append(len(rows))
            if sorted(rows) != list(range(len(rows))):
                wrong.append(rows)

    def merge() -> None:
        while not stop.is_set():
            upkeep.care(lake, SILVER)
            upkeep.care(lake, BRONZE)

    threads = [threading.Thread(target=work) for work in (read, merge)]
    for thread in threads:
        thread.start()
    commits(lake, 0, 30)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert seen_counts == sorted(seen_counts)
    assert content(lake)["offset"].to_pylist() == list(range(60))


def test_of_two_that_rewrite_at_once_the_second_is_refused(lake: str) -> None:
    commits(lake, 0, 16)
    one, other = reader.open_table(lake, SILVER), reader.open_table(lake, SILVER)
    policy = POLICIES[SILVER]
    [job] = compaction.jobs(compaction.held(one, policy.sort), policy, compaction.today())
    compaction.merge(one, SILVER, job, policy.sort)
    with pytest.raises(CommitFailedError):
        compaction.merge(other, SILVER, job, policy.sort)
    assert reader.count(lake, SILVER) == 32


def test_a_follower_passes_merged_files_over_and_finds_its_place_when_the_log_is_gone(lake: str) -> None:
    commits(lake, 0, 16)
    follower, slow = (Tail(reader.open_table(lake, BRONZE), [0]) for _ in range(2))
    given = [pc.max(window["offset"]).as_py() for window in follower.backlog({SOURCE: Position(29, 0)})]
    assert given == [31]
    assert list(slow.backlog({SOURCE: Position(31, 0)})) == []
    upkeep.care(lake, BRONZE)
    commits(lake, 16, 18)
    assert [rows["offset"].to_pylist() for rows in follower.poll()] == [[32, 33], [34, 35]]
    commits(lake, 18, 34)
    aged(lake, BRONZE, 3)
    done = upkeep.care(lake, BRONZE, vacuum=True)
    assert done is not None
    assert done.shortened
    assert follow(slow, 67) == list(range(32, 68))
    commits(lake, 34, 35)
    assert follow(slow, 69) == [68, 69]


def follow(tail: Tail, until: int) -> list[int]:
    offsets: list[int] = []
    deadline = time.monotonic() + 20
    while (not offsets or offsets[-1] < until) and time.monotonic() < deadline:
        offsets += [offset for rows in tail.poll() for offset in rows["offset"].to_pylist()]
    return offsets


def test_the_log_stays_short_and_a_version_an_hour_can_be_gone_back_to(lake: str) -> None:
    commits(lake, 0, 10)  # fewer than a writer makes until it writes a checkpoint by itself
    upkeep.care(lake, SILVER)
    kept = reader.open_table(lake, SILVER).version()
    early = content(lake)
    aged(lake, SILVER, 5)
    commits(lake, 10, 40)
    upkeep.care(lake, SILVER)
    aged(lake, SILVER, 3)
    commits(lake, 40, 41)
    upkeep.care(lake, SILVER, vacuum=True)
    table = reader.open_table(lake, SILVER)
    assert len(log.entries(Storage(table))) < 15
    assert kept in history.reachable(table)
    then = history.at(lake, SILVER, str(kept))
    assert reader.dataset(then).to_table().sort_by("offset").equals(early), "its files were not vacuumed"
    hours_ago = (datetime.now(UTC) - timedelta(hours=7)).isoformat()
    assert history.at(lake, SILVER, hours_ago).version() == kept
    with pytest.raises(Terminal, match="not kept"):
        history.at(lake, SILVER, str(kept - 3))
    with pytest.raises(Terminal, match="neither a version nor an instant"):
        history.at(lake, SILVER, "yesterday")
    with pytest.raises(Terminal, match="the oldest is of"):
        history.at(lake, SILVER, "2001-01-01")
    assert [version.version for version in history.history(lake, SILVER)][-1] == kept
    assert reader.count(lake, SILVER) == 82


def test_rows_past_their_time_go_and_the_others_stay(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    day_ms = 86_400_000
    commit(lake, 0, 3, {}, ts=NOW_MS - 5 * day_ms)
    commit(lake, 3, 6, {})
    far = datetime.fromtimestamp(NOW_MS / 1000, UTC) + timedelta(days=(POLICIES[SILVER].keep_days or 0) - 2)
    monkeypatch.setattr(upkeep, "today", lambda: far)
    done = upkeep.care(lake, SILVER)
    assert done is not None
    assert done.expired == 1
    assert content(lake)["offset"].to_pylist() == [3, 4, 5]
    assert reader.count(lake, BRONZE) == 6


def test_bronze_past_its_time_stays_until_silver_has_read_it(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    part = bronze([telemetry("V-1", 0), telemetry("V-1", 1)])
    writer.append(reader.open_table(lake, BRONZE), BRONZE, part, {SOURCE: Position(1, NOW_MS + 1)})
    far = datetime.fromtimestamp(NOW_MS / 1000, UTC) + timedelta(days=(POLICIES[BRONZE].keep_days or 0) + 2)
    monkeypatch.setattr(upkeep, "today", lambda: far)
    for offset, expired in ((0, 0), (1, 1)):
        rows = refined(part.slice(offset, 1), "telemetry", {}).rows
        writer.append(reader.open_table(lake, SILVER), SILVER, rows, {SOURCE: Position(offset, NOW_MS + offset)})
        done = upkeep.care(lake, BRONZE)
        assert done is not None
        assert done.expired == expired
    assert reader.count(lake, BRONZE) == 0


def test_a_restored_table_goes_back_with_its_positions_and_the_flow_fills_it_again(lake: str) -> None:
    seen: Seen = {}
    commits(lake, 0, 5, seen)
    version = reader.open_table(lake, SILVER).version()
    running = reader.open_table(lake, SILVER)
    early = content(lake)
    commits(lake, 5, 8, seen)
    running.update_incremental()
    whole = content(lake)
    assert history.restore(lake, SILVER, str(version))[0] == version
    assert content(lake).equals(early)
    reached = position(reader.open_table(lake, SILVER), SOURCE)
    assert reached.offset == 9
    rest = bronze([telemetry("V-0", 99)], first_offset=99)
    with pytest.raises(Terminal, match="another writer"):  # the flow that runs notices, and its next start reads the position of then
        writer.append(running, SILVER, refined(rest, "telemetry", {}).rows, {SOURCE: Position(99, 0)})
    again = read_seen(lake, "telemetry", {SOURCE: reached})
    follower = Tail(reader.open_table(lake, BRONZE), [0])
    for window in follower.backlog({SOURCE: reached}):
        rows = refined(window, "telemetry", again, reached.clock_ms).rows
        writer.append(reader.open_table(lake, SILVER), SILVER, rows, {SOURCE: Position(15, 0)})
    assert content(lake).equals(whole)
    for name in history.NOT_RESTORED:
        with pytest.raises(Terminal, match="is not restored"):
            history.restore(lake, name, "1")


def test_a_follower_is_not_given_again_what_a_restore_brought_back(lake: str) -> None:
    commits(lake, 0, 3)
    follower = Tail(reader.open_table(lake, SILVER), [0])
    assert sum(window.num_rows for window in follower.backlog({})) == 6
    DeltaTable(reader.address(lake, SILVER)).restore(1)
    commits(lake, 1, 4)  # two of which it was given before
    assert [rows["offset"].to_pylist() for rows in follower.poll()] == [[6, 7]]
