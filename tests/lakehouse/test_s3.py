"""A lake at an S3 URL: conditional puts keep two writers apart without a lock service. The server is moto's."""

import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import pytest

from contracts.errors import Terminal
from lakehouse import history, reader, sql, writer
from lakehouse.positions import Position, Source, position
from lakehouse.tail import Tail
from lakehouse.upkeep import care as upkeep
from tests.lakehouse.made import NOW_MS, bronze, telemetry

NAME = "bronze.telemetry"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on a free port; it says which."""
    log = tmp_path_factory.mktemp("s3") / "log"
    with log.open("wb") as output, subprocess.Popen([sys.executable, "-m", "moto.server", "-p", "0"], stdout=output, stderr=output) as process:
        try:
            deadline = time.monotonic() + 30
            while b"Running on http://" not in log.read_bytes():
                assert time.monotonic() < deadline, log.read_text()
                assert process.poll() is None, log.read_text()
                time.sleep(0.02)
            yield log.read_text().split("Running on ")[1].split()[0]
        finally:
            process.kill()


@pytest.fixture
def lake(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    for name, value in (
        ("AWS_ENDPOINT_URL", address),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    bucket = tmp_path.name.replace("_", "-").lower()[:60].strip("-")
    try:
        urllib.request.urlopen(urllib.request.Request(f"{address}/{bucket}", method="PUT"), timeout=10).close()
    except URLError as error:
        pytest.fail(f"no bucket: {error}")
    writer.ensure(f"s3://{bucket}/lake", [NAME])
    return f"s3://{bucket}/lake"


def put(lake: str, partition: int, first: int, last: int) -> None:
    rows = bronze([telemetry(f"V-{partition}", seq) for seq in range(first, last)], first_offset=first, partition=partition)
    writer.append(reader.open_table(lake, NAME), NAME, rows, {Source("cluster", "topic-id", partition): Position(last - 1, NOW_MS)})


def test_two_writers_race_and_every_row_stands_once(lake: str) -> None:
    failed: list[BaseException] = []

    def write(partition: int) -> None:
        try:
            for at in range(6):
                put(lake, partition, at * 5, at * 5 + 5)
        except BaseException as error:
            failed.append(error)

    writers = [threading.Thread(target=write, args=(partition,)) for partition in range(2)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    assert not failed
    rows = reader.arrow(lake, NAME, ["partition", "offset"]).to_pylist()
    assert sorted((row["partition"], row["offset"]) for row in rows) == [(partition, offset) for partition in range(2) for offset in range(30)]
    assert position(reader.open_table(lake, NAME), Source("cluster", "topic-id", 1)).offset == 29


def test_two_owners_of_a_source_are_told_apart(lake: str) -> None:
    one, other = reader.open_table(lake, NAME), reader.open_table(lake, NAME)
    rows, reached = bronze([telemetry("V-1", 0)]), {Source("cluster", "topic-id", 0): Position(0, NOW_MS)}
    writer.append(one, NAME, rows, reached)
    with pytest.raises(Terminal, match="another writer owns"):
        writer.append(other, NAME, rows, reached)
    assert reader.count(lake, NAME) == 1


def test_following_upkeep_history_and_sql_work_there_too(lake: str) -> None:
    follower = Tail(reader.open_table(lake, NAME), [0])
    for at in range(16):
        put(lake, 0, at, at + 1)
    assert [rows["offset"].to_pylist() for rows in follower.poll()] == [[at] for at in range(16)]
    version = reader.open_table(lake, NAME).version()
    done = upkeep.care(lake, NAME, vacuum=True)
    assert done is not None
    assert done.merged == 15
    put(lake, 0, 16, 17)
    assert [rows["offset"].to_pylist() for rows in follower.poll()] == [[16]]
    assert sql.query(lake, f"SELECT count(*) AS n FROM {NAME}").to_pylist() == [{"n": 17}]
    assert sql.query(lake, f"SELECT count(*) AS n FROM {NAME}", as_of=str(version)).to_pylist() == [{"n": 16}]
    history.restore(lake, NAME, str(version))
    assert reader.count(lake, NAME) == 16
