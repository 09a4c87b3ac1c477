"""What a peer costs and how late it is: processor time of its whole tree of processes, and the time until a commit shows a record."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from bench.lake_broker import producer
from bench.lake_flows import TOPIC
from bench.lake_frames import FULL, records, tables
from bench.peers.environment import Spark
from contracts.errors import Terminal


@contextmanager
def spark_running(spark: Spark, kafka: str, out: Path, variant: str, trigger: str) -> Iterator[psutil.Process]:
    """Spark with the program of `bench/peers/spark_program.py`, gone afterwards with its Java."""
    program = Path(__file__).with_name("spark_program.py")
    words = [str(spark.python), str(program), kafka, TOPIC, str(out), str(spark.jars), variant, trigger, ",".join(FULL)]
    with out.with_suffix(".log").open("ab") as log, subprocess.Popen(words, stdout=log, stderr=log, cwd=out.parent) as process:
        tree = psutil.Process(process.pid)
        try:
            yield tree
        finally:
            for child in [*tree.children(recursive=True), tree] if tree.is_running() else []:
                child.kill()
            process.wait(60)


def spark_cpu_s(spark: Spark, kafka: str, out: Path, variant: str, within_s: float = 400) -> float:
    """CPU seconds of a whole drain of the topic, start-up included."""
    used: dict[int, float] = {}
    with spark_running(spark, kafka, out, variant, "available") as tree:
        deadline = time.monotonic() + within_s
        while tree.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                raise Terminal(f"Spark did not drain the topic within {within_s:g} s; see {out.with_suffix('.log')}")
            for one in [tree, *tree.children(recursive=True)]:
                try:
                    times = one.cpu_times()
                except psutil.Error:
                    continue
                used[one.pid] = times.user + times.system
            time.sleep(0.2)
    if not (out / "_delta_log").exists():
        raise Terminal(f"Spark wrote nothing; see {out.with_suffix('.log')}")
    return sum(used.values())


def delays_ms(kafka: str, table: Path, column: str, rate: int, seconds: float, ready: Callable[[], bool]) -> list[float]:
    """Milliseconds from a record's Kafka timestamp to the first sight of the commit that holds it; the first third does not count."""
    sender, frames = producer(kafka), (record for window in tables(rate, seconds * 4, window_s=1) for record in records(window, FULL))
    deadline = time.monotonic() + 120
    warm, version = False, 0
    found: list[float] = []
    began, sent = time.time(), 0
    while True:
        now = time.time()
        if not warm:
            if ready():
                warm, began, sent, version = True, now, 0, _versions(table, 0)
            elif time.monotonic() > deadline:
                raise Terminal(f"{table} shows no commit after two minutes")
        elif now > began + seconds:
            return found[len(found) // 3 :]
        due = int((now - began) * rate)
        for key, value in (next(frames) for _ in range(due - sent)):
            sender.produce(TOPIC, value, key)
        sent = max(sent, due)
        sender.poll(0)
        while warm and (entry := table / "_delta_log" / f"{version:020d}.json").exists():
            seen = time.time()
            for stamps in _added(table, entry, column):
                found += (1000 * (seen - stamps.cast(pa.int64()).to_numpy() / 1e6)).tolist()
            version += 1
        time.sleep(0.005)


def _versions(table: Path, first: int) -> int:
    while (table / "_delta_log" / f"{first:020d}.json").exists():
        first += 1
    return first


def _added(table: Path, entry: Path, column: str) -> Iterator[pa.ChunkedArray]:
    for line in entry.read_text().splitlines():
        action = json.loads(line)
        if "add" in action and action["add"]["dataChange"]:
            yield pq.read_table(table / action["add"]["path"], columns=[column], partitioning=None)[column].cast(pa.timestamp("us", tz="UTC"))
