"""Rows and positions stand or fall together, and a reader sees each row once."""

import json
import subprocess
import sys
from pathlib import Path

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.errors import Terminal
from lakehouse import reader, sql, tail, writer
from lakehouse.positions import Position, Source, position, reached_by
from lakehouse.snapshots import read_seen, write_seen
from tests.lakehouse.made import bronze, refined, telemetry
from voltlake.commands.lake import Format, save, written

SOURCE = Source("cluster", "topic-id", 0)


@pytest.fixture
def lake(tmp_path: Path) -> str:
    writer.ensure(str(tmp_path), ["bronze.telemetry", "silver.telemetry", "silver.quarantine", "silver.seen"])
    return str(tmp_path)


def rows(first: int, last: int, partition: int = 0) -> pa.Table:
    return bronze([telemetry(f"V-{partition}", seq) for seq in range(first, last)], first_offset=first, partition=partition)


def append(lake: str, table: pa.Table, name: str = "bronze.telemetry") -> None:
    writer.append(reader.open_table(lake, name), name, table, reached_by(table, "kafka_ts"))


def test_a_position_stands_with_its_rows(lake: str) -> None:
    append(lake, rows(0, 5))
    reached = position(reader.open_table(lake, "bronze.telemetry"), SOURCE)
    assert reached.offset == 4
    assert reader.count(lake, "bronze.telemetry") == 5
    assert position(reader.open_table(lake, "bronze.telemetry"), Source("cluster", "another", 0)) == Position()


def test_a_second_writer_of_a_source_is_refused(lake: str) -> None:
    one, other = reader.open_table(lake, "bronze.telemetry"), reader.open_table(lake, "bronze.telemetry")
    batch = rows(0, 5)
    writer.append(one, "bronze.telemetry", batch, reached_by(batch, "kafka_ts"))
    with pytest.raises(Terminal, match="another writer owns"):
        writer.append(other, "bronze.telemetry", batch, reached_by(batch, "kafka_ts"))
    assert reader.count(lake, "bronze.telemetry") == 5


def test_a_tail_gives_the_backlog_and_then_each_commit_once(lake: str) -> None:
    append(lake, rows(0, 50))
    append(lake, rows(0, 30, partition=1))
    follower = tail.Tail(reader.open_table(lake, "bronze.telemetry"), [0, 1])
    old = pa.concat_tables(list(follower.backlog({SOURCE: Position(9, 0)})))
    assert sorted(old.filter(pa.compute.equal(old["partition"], 0))["offset"].to_pylist()) == list(range(10, 50))
    assert old.num_rows == 40 + 30
    assert follower.poll() == []
    append(lake, rows(50, 60))
    reader.open_table(lake, "bronze.telemetry").optimize.compact()
    append(lake, rows(60, 61))
    assert [table["offset"].to_pylist() for table in follower.poll()] == [list(range(50, 60)), [60]]


def test_a_tail_reads_only_its_own_partitions(lake: str) -> None:
    append(lake, rows(0, 3))
    follower = tail.Tail(reader.open_table(lake, "bronze.telemetry"), [1])
    append(lake, pa.concat_tables([rows(3, 5), rows(0, 2, partition=1)]))
    assert list(follower.backlog({})) == []
    assert [table["partition"].to_pylist() for table in follower.poll()] == [[1, 1]]


def test_what_was_seen_is_rebuilt_from_a_snapshot_and_the_rows_after_it(lake: str) -> None:
    seen: dict = {}
    batch = bronze([telemetry("V-1", 0), telemetry("V-1", 1, soc_pct=900), telemetry("V-1", 2)])
    after = bronze([telemetry("V-1", 3), telemetry("V-2", 0), telemetry("V-1", 4, soc_pct=900), b"{"], first_offset=3)
    for step, part in enumerate((batch, after)):
        outcome = refined(part, "telemetry", seen, 0)
        reached = reached_by(part, "kafka_ts")
        for name, made in (("silver.quarantine", outcome.quarantine), ("silver.telemetry", outcome.rows)):
            writer.append(reader.open_table(lake, name), name, made, reached)
        if step == 0:
            write_seen(reader.open_table(lake, "silver.seen"), "telemetry", seen, reached)
    reached = {SOURCE: position(reader.open_table(lake, "silver.telemetry"), SOURCE)}
    again = read_seen(lake, "telemetry", reached)
    facts = {sender: (entry.accepted, entry.quarantined) for sender, entry in again.items()}
    assert facts == {sender: (entry.accepted, entry.quarantined) for sender, entry in seen.items()}


def test_sql_only_reads_and_says_what_is_wrong(lake: str) -> None:
    append(lake, rows(0, 5))
    assert sql.query(lake, 'SELECT max("offset") AS last FROM bronze.telemetry').to_pylist() == [{"last": 4}]
    for question, sentence in (
        ("DROP TABLE bronze.telemetry", "give one SELECT"),
        ("SELECT 1; SELECT 2", "give one SELECT"),
        ("SELECT * FROM nowhere", "Tables in this lake: bronze.telemetry"),
        ("SELECT * FROM read_csv('/etc/passwd')", "disabled by configuration"),
        ("SELEC 1", "syntax error"),
    ):
        with pytest.raises(Terminal, match=sentence):
            sql.query(lake, question)


def test_sql_reads_tables_as_they_were_and_within_limits(lake: str) -> None:
    append(lake, rows(0, 5))
    version = reader.open_table(lake, "bronze.telemetry").version()
    append(lake, rows(5, 9))
    question = "SELECT count(*) AS n FROM bronze.telemetry"
    assert sql.query(lake, question, as_of=str(version)).to_pylist() == [{"n": 5}]
    assert sql.query(lake, question).to_pylist() == [{"n": 9}]
    limits = (({"memory": "much"}, "no amount of memory"), ({"seconds": 0.2}, "took longer than 0.2 s"), ({"memory": "4MB"}, "needs more memory"))
    for how, sentence in limits:
        with pytest.raises(Terminal, match=sentence):
            sql.query(lake, "SELECT count(DISTINCT md5(i::VARCHAR)) FROM range(200000000) AS t(i)", **how)
    with pytest.raises(Terminal, match="give one SELECT"):
        sql.query(lake, f"COPY (SELECT 1) TO '{lake}/out.csv'")
    with pytest.raises(Terminal, match="give one SELECT"):
        sql.query(lake, f"ATTACH '{lake}/other.db'")


def test_an_answer_can_be_written_in_every_form(lake: str, tmp_path: Path) -> None:
    answer = sql.query(lake, "SELECT 1 AS n, ['a', 'b'] AS marks, TIMESTAMP '2026-01-31 12:00:00' AS t")
    assert written(answer, Format.CSV) == b'"n","marks","t"\n1,"[""a"",""b""]",2026-01-31 12:00:00.000000\n'
    assert json.loads(written(answer, Format.JSON))["marks"] == ["a", "b"]
    save(written(answer, Format.PARQUET), tmp_path / "answer.parquet")
    assert pq.read_table(tmp_path / "answer.parquet").to_pylist() == answer.to_pylist()
    with pytest.raises(Terminal, match="cannot be written"):
        save(b"", tmp_path / "nowhere" / "answer.csv")


def test_a_table_of_another_version_needs_a_person(tmp_path: Path) -> None:
    old = pa.schema([("key", pa.string())])
    deltalake.DeltaTable.create(reader.address(str(tmp_path), "bronze.telemetry"), old)
    with pytest.raises(Terminal, match="another version"):
        append(str(tmp_path), rows(0, 1))


def test_a_reader_may_end_in_the_middle_of_a_table(lake: str) -> None:
    for first in range(0, 40, 2):
        append(lake, rows(first, first + 2))
    half = (
        "import sys; from lakehouse import reader; read = reader.dataset(reader.open_table(sys.argv[1], 'bronze.telemetry')).to_batches(); next(read)"
    )
    assert subprocess.run([sys.executable, "-c", half, lake], check=False, capture_output=True, timeout=60).returncode == 0
