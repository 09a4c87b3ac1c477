"""Group commit: receipts come back after fdatasync, in order, and a full spool or a broken disk only makes them wait."""

import asyncio
import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from contracts.topics import TELEMETRY
from edge_gateway.commit import GroupCommit
from edge_gateway.frames import Entry, unpack
from edge_gateway.segments import MAGIC, Owner
from edge_gateway.spool import Spool


def entry(seq: int) -> Entry:
    return Entry(TELEMETRY, "CAR-1", "telemetry", "0000000a", seq, 0, b"record")


def on_disk(folder: Path) -> int:
    return sum(len(unpack(path.read_bytes()[len(MAGIC) :], 10_000)[0]) for path in folder.glob("*.segment"))


def run(folder: Path, scenario: Callable[[GroupCommit[int], Spool, list[int]], Any], **limits: Any) -> list[int]:
    """Run a scenario with a commit whose receipts are the seqs; the receipts that came back."""
    back: list[int] = []

    async def main() -> None:
        spool = Spool(folder, Owner("gw-1", "eu"), 10_000)

        def durable(entries: list[Entry], receipts: list[int]) -> None:
            assert [each.seq for each in entries] == receipts
            back.extend(receipts)
            assert on_disk(folder) >= len(back), "a receipt came back before its entry was on disk"

        with ThreadPoolExecutor(1) as executor:
            chosen = {"wait_s": 0.01, "eager_records": 10, "backlog_max_bytes": 10**9, **limits}
            commit = GroupCommit[int](spool, executor, durable, **chosen)
            async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
                tasks.create_task(commit.run())
                await scenario(commit, spool, back)
                commit.close()
        spool.close()

    asyncio.run(main())
    return back


async def until(true: Callable[[], Any]) -> None:
    while not true():
        await asyncio.sleep(0.005)


def test_receipts_come_back_in_order_once_their_entries_are_on_disk(tmp_path: Path) -> None:
    async def scenario(commit: GroupCommit[int], _spool: Spool, _back: list[int]) -> None:
        for seq in range(500):
            commit.append(entry(seq), seq)
            if seq % 37 == 0:
                await asyncio.sleep(0.001)

    assert run(tmp_path, scenario) == list(range(500))


def test_many_messages_share_one_fdatasync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, syncs = os.fdatasync, []
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (real(descriptor), syncs.append(descriptor)))

    async def scenario(commit: GroupCommit[int], _spool: Spool, back: list[int]) -> None:
        for seq in range(1000):
            commit.append(entry(seq), seq)
        await until(lambda: len(back) == 1000)

    run(tmp_path, scenario)
    assert len(syncs) <= 3


def test_nothing_comes_back_while_the_disk_is_broken_and_all_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = os.fdatasync, []

    def failing(_descriptor: int) -> None:
        failures.append(1)
        raise OSError(errno.EIO, "Input/output error")

    async def scenario(commit: GroupCommit[int], _spool: Spool, back: list[int]) -> None:
        commit.append(entry(0), 0)
        await until(lambda: back == [0])
        monkeypatch.setattr(os, "fdatasync", failing)
        commit.append(entry(1), 1)
        await until(lambda: len(failures) >= 2)
        assert back == [0]
        monkeypatch.setattr(os, "fdatasync", real)
        await until(lambda: back == [0, 1])

    run(tmp_path, scenario)
    spool = Spool(tmp_path, Owner("gw-1", "eu"), 10_000)
    assert spool.torn_bytes == 0
    assert [each.seq for each in spool.read(0, 1)[0]] == [0]
    spool.close()


def test_a_full_spool_holds_receipts_back_until_there_is_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(commit: GroupCommit[int], spool: Spool, back: list[int]) -> None:
        for seq in range(20):
            commit.append(entry(seq), seq)
        await until(lambda: len(back) == 20)
        commit.append(entry(20), 20)
        await until(lambda: "its limit" in caplog.text)
        assert len(back) == 20
        spool.advance(spool.durable)
        await until(lambda: len(back) == 21)

    run(tmp_path, scenario, backlog_max_bytes=500)
