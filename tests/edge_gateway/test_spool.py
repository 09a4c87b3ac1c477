"""The spool: nothing that was written is lost, torn tails are cut, the cursor and the segments follow."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import Terminal, Transient
from contracts.topics import EDGE_TOPICS
from edge_gateway.frames import Entry, Torn, pack, unpack
from edge_gateway.segments import MAGIC, Owner
from edge_gateway.spool import Spool

OWNER = Owner("gw-1", "eu")


def entry(seq: int, size: int = 20) -> Entry:
    return Entry(EDGE_TOPICS[0], "CAR-1", "telemetry", "0000000a", seq, 1_700_000_000_000 + seq, b"r" * size)


def written(spool: Spool, *seqs: int) -> int:
    return spool.write([pack(entry(seq)) for seq in seqs])


def seqs(spool: Spool, offset: int | None = None) -> list[int]:
    found, at = [], spool.cursor if offset is None else offset
    while True:
        entries, at = spool.read(at, 3)
        if not entries:
            return found
        found += [each.seq for each in entries]


entries = st.builds(
    Entry,
    st.sampled_from(EDGE_TOPICS),
    st.text("ABC019-", max_size=32),
    st.sampled_from(["", "telemetry", "cells", "event"]),
    st.sampled_from(["", "0000000a", "ffffffff"]),
    st.integers(-1, 2**63 - 1),
    st.integers(0, 2**62),
    st.binary(max_size=200),
)


@given(st.lists(entries, max_size=5), st.integers(1, 10))
def test_entries_come_back_as_they_were(some: list[Entry], limit: int) -> None:
    data = b"".join(pack(each) for each in some)
    found, used = unpack(data, limit)
    assert found == some[:limit]
    assert unpack(data[used:], 10) == (some[limit:], len(data) - used)


@given(st.lists(entries, min_size=1, max_size=4), st.data())
def test_a_changed_bit_never_comes_back_as_an_entry(some: list[Entry], data: st.DataObject) -> None:
    whole = bytearray(b"".join(pack(each) for each in some))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found, _ = unpack(bytes(whole), 10)
    except Torn:
        return
    assert found == some[: len(found)]
    assert len(found) < len(some)


def test_a_spool_gives_back_what_was_written_over_restarts_and_segments(tmp_path: Path) -> None:
    for life in range(4):
        spool = Spool(tmp_path, OWNER, segment_bytes=300)
        for at in range(10):
            written(spool, 100 * life + at, 100 * life + at + 50)
        spool.close()
    spool = Spool(tmp_path, OWNER, segment_bytes=300)
    assert seqs(spool) == [100 * life + at + extra for life in range(4) for at in range(10) for extra in (0, 50)]
    assert len(list(tmp_path.glob("*.segment"))) > 8
    spool.close()


def test_a_torn_tail_is_cut_at_whichever_byte_it_tears(tmp_path: Path) -> None:
    whole = pack(entry(0)) + pack(entry(1))
    last = pack(entry(2))
    for length in range(len(last)):
        folder = tmp_path / str(length)
        spool = Spool(folder, OWNER, segment_bytes=10_000)
        spool.write([whole, last])
        spool.close()
        (segment,) = folder.glob("*.segment")
        os.truncate(segment, len(MAGIC) + len(whole) + length)
        spool = Spool(folder, OWNER, segment_bytes=10_000)
        assert spool.torn_bytes == length
        assert seqs(spool) == [0, 1]
        written(spool, 3)
        assert seqs(spool) == [0, 1, 3]
        spool.close()


def test_garbage_after_the_last_whole_frame_is_cut(tmp_path: Path) -> None:
    for number, garbage in enumerate((bytes(4096), os.urandom(100), b"\xff" * 7, pack(entry(9))[:-1] + b"!")):
        folder = tmp_path / str(number)
        spool = Spool(folder, OWNER, segment_bytes=10_000)
        written(spool, 0, 1)
        spool.close()
        (segment,) = folder.glob("*.segment")
        with segment.open("ab") as file:
            file.write(garbage)
        spool = Spool(folder, OWNER, segment_bytes=10_000)
        assert spool.torn_bytes == len(garbage)
        assert seqs(spool) == [0, 1]
        spool.close()


def test_a_segment_whose_creation_was_cut_short_is_no_obstacle(tmp_path: Path) -> None:
    spool = Spool(tmp_path, OWNER, segment_bytes=10_000)
    end = written(spool, 0)
    spool.close()
    for content in (b"", MAGIC[:3], MAGIC):
        (tmp_path / f"{end:020d}.segment").write_bytes(content)
        spool = Spool(tmp_path, OWNER, segment_bytes=10_000)
        assert seqs(spool) == [0]
        spool.close()
    spool = Spool(tmp_path, OWNER, segment_bytes=10_000)
    written(spool, 1)
    assert seqs(spool) == [0, 1]
    spool.close()


def test_after_a_restart_reading_begins_at_the_cursor(tmp_path: Path) -> None:
    spool = Spool(tmp_path, OWNER, segment_bytes=200)
    ends = [written(spool, seq) for seq in range(20)]
    spool.advance(ends[11])
    spool.close()
    spool = Spool(tmp_path, OWNER, segment_bytes=200)
    assert seqs(spool) == list(range(12, 20))
    assert spool.backlog_bytes == ends[-1] - ends[11]
    spool.close()


def test_delivered_segments_are_deleted_and_offsets_stay(tmp_path: Path) -> None:
    spool = Spool(tmp_path, OWNER, segment_bytes=200)
    ends = [written(spool, seq) for seq in range(20)]
    before = len(list(tmp_path.glob("*.segment")))
    spool.advance(ends[15])
    assert len(list(tmp_path.glob("*.segment"))) < before
    assert seqs(spool) == [16, 17, 18, 19]
    spool.advance(ends[19])
    assert len(list(tmp_path.glob("*.segment"))) == 1
    spool.close()
    spool = Spool(tmp_path, OWNER, segment_bytes=200)
    assert not list(tmp_path.glob("*.segment"))
    assert (spool.cursor, spool.durable) == (ends[19], ends[19])
    assert written(spool, 20) > ends[19]
    assert seqs(spool) == [20]
    spool.close()


def test_a_lost_cursor_costs_duplicates_and_no_loss(tmp_path: Path) -> None:
    for content in (None, "", "no number"):
        folder = tmp_path / str(content)
        spool = Spool(folder, OWNER, segment_bytes=10_000)
        end = written(spool, 0, 1)
        spool.advance(end)
        written(spool, 2)
        spool.close()
        cursor = folder / "cursor"
        if content is None:
            cursor.unlink()
        else:
            cursor.write_text(content)
        spool = Spool(folder, OWNER, segment_bytes=10_000)
        assert seqs(spool) == [0, 1, 2]
        spool.close()


def test_a_disk_that_fails_loses_nothing_that_was_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path, OWNER, segment_bytes=10_000)
    written(spool, 0)
    real = os.fdatasync
    for code, says in ((errno.EIO, "Input/output error"), (errno.ENOSPC, "No space left")):

        def failing(_descriptor: int, code: int = code) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "fdatasync", failing)
        with pytest.raises(Transient, match=says):
            written(spool, 7)
        with pytest.raises(Transient, match=says):
            written(spool, 7)
        monkeypatch.setattr(os, "fdatasync", real)
    written(spool, 1)
    assert seqs(spool) == [0, 1]
    spool.close()
    spool = Spool(tmp_path, OWNER, segment_bytes=10_000)
    assert seqs(spool) == [0, 1]
    spool.close()


def test_a_record_larger_than_a_read_comes_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path, OWNER, segment_bytes=10_000)
    spool.write([pack(entry(0)), pack(entry(1, 3_000_000)), pack(entry(2))])
    assert seqs(spool) == [0, 1, 2]
    spool.close()


def test_a_spool_has_one_process_and_one_owner(tmp_path: Path) -> None:
    spool = Spool(tmp_path, OWNER, segment_bytes=10_000)
    with pytest.raises(Terminal, match="in use by another process"):
        Spool(tmp_path, OWNER, segment_bytes=10_000)
    spool.close()
    with pytest.raises(Terminal, match="belongs to gateway gw-1 of region eu, not to gw-2 of us"):
        Spool(tmp_path, Owner("gw-2", "us"), segment_bytes=10_000)
    Spool(tmp_path, OWNER, segment_bytes=10_000).close()
    (tmp_path / "file").write_text("")
    with pytest.raises(Terminal, match="cannot be used"):
        Spool(tmp_path / "file" / "spool", OWNER, segment_bytes=10_000)
