"""How fast, how lean and how soon: the flows bronze and silver as processes of their own, measured from outside."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import pyarrow as pa

from bench.lake_broker import fill, producer
from bench.lake_frames import FULL, records, tables
from contracts.errors import Terminal
from contracts.topics import BY_KIND, mirrored
from lakehouse import reader, writer
from lakehouse.tables import SCHEMAS
from lakehouse.tail import Tail
from voltlake.settings import surroundings
from voltlake.stack.processes import FRUGAL, KEEPING

TOPIC = mirrored(BY_KIND["telemetry"])


class Seen(NamedTuple):
    """One look at a flow: rows in its table, CPU seconds used, resident bytes."""

    rows: int
    cpu_s: float
    resident: int


@contextmanager
def flow(name: str, kafka: str, lake: Path, log: Path) -> Iterator[psutil.Process]:
    """A flow as the stack starts it, except that it commits at its own pace; the stack commits half as often."""
    environ = surroundings(os.environ).environ | FRUGAL | KEEPING | {"FLOW_KAFKA": kafka, "FLOW_LAKE": str(lake)}
    words = [sys.executable, "-m", "cloud_stream", "flow", name]
    with log.open("ab") as output, subprocess.Popen(words, env=environ, stdout=output, stderr=output) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(30)


def drained(process: psutil.Process, lake: Path, table: str, rows: int, within_s: float) -> list[Seen]:
    """Looks at a flow until its table has so many rows. Raises Terminal where it takes too long."""
    looks: list[Seen] = []
    deadline = time.monotonic() + within_s
    while not looks or looks[-1].rows < rows:
        if time.monotonic() > deadline or not process.is_running():
            raise Terminal(f"{table} has {looks[-1].rows if looks else 0} of {rows} rows after {within_s:g} s")
        time.sleep(0.5)
        used, count = process.cpu_times(), reader.count(str(lake), table)
        looks.append(Seen(count, used.user + used.system, process.memory_info().rss))
    return looks


def marginal(looks: list[Seen], first: int) -> float:
    """Rows a CPU second from the first look with `first` rows to the last."""
    begin = next(look for look in looks if look.rows >= first)
    return (looks[-1].rows - begin.rows) / max(looks[-1].cpu_s - begin.cpu_s, 1e-9)


def growth(looks: list[Seen], first: int) -> tuple[float, float]:
    """Median resident MiB of the first and of the last quarter of the run behind `first` rows."""
    sizes = np.array([look.resident for look in looks if look.rows >= first]) / 2**20
    quarter = max(len(sizes) // 4, 1)
    return float(np.median(sizes[:quarter])), float(np.median(sizes[-quarter:]))


def fill_bronze(lake: Path, kafka: str, total: int, tell: Callable[[str], None]) -> int:
    """Bronze telemetry of 25 signals a message, as the bronze flow would have written it; its positions are those of an empty topic's source."""
    from cloud_stream.connectors.kafka import sources
    from lakehouse.positions import reached_by

    name = "bronze.telemetry"
    writer.ensure(str(lake), [name, "bronze.cells", "bronze.events", "bronze.rejected"])
    table, source, offset = reader.open_table(str(lake), name), sources(kafka, TOPIC)[0], 0
    for window in tables(1000, total / 1000, window_s=20):
        made = records(window, FULL)
        size = len(made)
        columns = [
            pa.repeat(source.cluster, size),
            pa.repeat(TOPIC, size),
            pa.repeat(source.topic_id, size),
            pa.array(np.zeros(size, np.int32)),
            pa.array(np.arange(offset, offset + size)),
            window["received_at"].cast(pa.int64()).cast(pa.timestamp("ms", tz="UTC")).cast(SCHEMAS[name].field("kafka_ts").type),
            pa.array([key for key, _ in made]),
            pa.array([value for _, value in made], pa.binary()),
            pa.repeat("2026-06-09", size),
        ]
        rows = pa.Table.from_arrays(columns, schema=SCHEMAS[name])
        writer.append(table, name, rows, reached_by(rows, "kafka_ts"))
        offset += size
    tell(f"bronze holds {offset} frames of {len(FULL)} signals")
    return offset


def visible_ms(kafka: str, lake: Path, rate: int, seconds: float) -> list[float]:
    """Milliseconds from Kafka's append to the row being readable in silver, for each row of the last two thirds of a paced load."""
    writer.ensure(str(lake), ["silver.telemetry"])
    tail = Tail(reader.open_table(str(lake), "silver.telemetry"), range(64), ["cluster", "topic_id", "partition", "offset", "kafka_ts"])
    sender = producer(kafka)
    delays: list[float] = []
    frames = (record for window in tables(rate, seconds + 1, window_s=1) for record in records(window, FULL))
    began, sent, total = time.time(), 0, int(rate * seconds)
    while (now := time.time()) < began + seconds + 5 and len(delays) < total:
        due = min(int((now - began) * rate), total)
        while sent < due:
            key, value = next(frames)
            sender.produce(TOPIC, value, key)
            sent += 1
        sender.poll(0)
        for rows in tail.poll():
            stamps = rows["kafka_ts"].cast(pa.int64()).to_numpy() / 1e6
            delays += (1000 * (time.time() - stamps)).tolist()
        time.sleep(0.005)
    return delays[len(delays) // 3 :]


def fill_topic(kafka: str, total: int, names: tuple[str, ...], tell: Callable[[str], None]) -> int:
    """Records of a driving fleet in the topic."""
    sender, count, size = producer(kafka), 0, 0
    for window in tables(1000, total / 1000, window_s=20):
        made = records(window, names)
        size += sum(len(value) for _, value in made)
        count += fill(sender, TOPIC, made)
    tell(f"the topic holds {count} records of {size / max(count, 1):.0f} bytes")
    return count
