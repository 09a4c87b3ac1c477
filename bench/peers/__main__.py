"""`make bench-peers`: Spark Structured Streaming with Delta on the same broker and topics, in the same run, beside our flows.

Marginal: the processor time between a drain of a quarter and one of all, so that no start-up counts. Spark goes from Kafka to its silver
table at once, with de-duplication over ten minutes; ours counts both flows, Kafka to bronze and bronze to silver, with seven days.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench import lake_flows
from bench.lake_broker import broker
from bench.lake_frames import FULL
from bench.peers.environment import Spark, provide
from bench.peers.measure import delays_ms, spark_cpu_s, spark_running
from contracts import report
from voltlake.settings import surroundings

RESULT = Path(__file__).parents[1] / "results" / "peers.json"
MUST = {"bronze_cpu_ratio": 1.3, "silver_cpu_ratio": 1.3, "latency_p99_ratio": 5.0}
RATE = 2_000
Figures = dict[str, tuple[float | int | None, str]]


def main(words: list[str]) -> int:
    """Measure, write the result and say where it is; exit code 1 where a must is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, default=4.0, help="messages of the greater drain; the smaller has a quarter")
    parser.add_argument("--seconds", type=float, default=45.0, help="of the paced load")
    parser.add_argument("--dry", action="store_true", help="write no result")
    given = parser.parse_args(words)
    spark = provide(surroundings(os.environ).cache)
    figures = cpu(spark, int(given.millions * 1e6)) | latency(spark, given.seconds)
    passed = all((figures[key][0] or 0) >= least for key, least in MUST.items())
    made = report.make("bench-peers", figures, passed)
    for name, figure in made.figures.items():
        _say(f"{name}: {figure.value} {figure.unit}")
    if not given.dry:
        report.write(made, RESULT)
    return 0 if passed else 1


def cpu(spark: Spark, total: int) -> Figures:
    """CPU seconds a million records at the margin, of both."""
    used: dict[str, list[float]] = {"bronze": [], "silver": []}
    ours: dict[str, float] = {}
    counts: list[int] = []
    for size in (total // 4, total):
        with tempfile.TemporaryDirectory(prefix="voltlake-bench-", ignore_cleanup_errors=True) as folder, broker(Path(folder) / "kafka") as kafka:
            place = Path(folder)
            counts.append(lake_flows.fill_topic(kafka, size, FULL, _say))
            for variant in ("bronze", "silver"):
                used[variant].append(spark_cpu_s(spark, kafka, place / variant, variant))
                _say(f"Spark, {variant}, {counts[-1]} records: {used[variant][-1]:.1f} CPU s")
            if size == total:
                ours = _ours(kafka, place, counts[-1])
    more = (counts[1] - counts[0]) / 1e6
    theirs = {variant: (times[1] - times[0]) / more for variant, times in used.items()}
    about = f"CPU s a million records of {len(FULL)} signals, marginal from {counts[0] / 1e6:g} to {counts[1] / 1e6:g} million"
    return {
        "bronze_cpu_ratio": (round(theirs["bronze"] / ours["bronze"], 2), "Spark's CPU time a record by ours, Kafka to bronze"),
        "silver_cpu_ratio": (round(theirs["silver"] / ours["silver"], 2), "Spark's CPU time a record by ours, Kafka to silver with de-duplication"),
        **{f"spark_{variant}_cpu_s": (round(value, 2), about) for variant, value in theirs.items()},
        **{f"ours_{variant}_cpu_s": (round(value, 2), about) for variant, value in ours.items()},
    }


def _ours(kafka: str, place: Path, count: int) -> dict[str, float]:
    lake, first = place / "lake", count // 4
    with lake_flows.flow("bronze", kafka, lake, place / "flow-bronze.log") as process:
        bronze = 1e6 / lake_flows.marginal(lake_flows.drained(process, lake, "bronze.telemetry", count, 300), first)
    with lake_flows.flow("silver", kafka, lake, place / "flow-silver.log") as process:
        silver = 1e6 / lake_flows.marginal(lake_flows.drained(process, lake, "silver.telemetry", count, 300), first)
    _say(f"ours: {bronze:.2f} CPU s a million to bronze, {silver:.2f} on to silver")
    return {"bronze": bronze, "silver": bronze + silver}


def latency(spark: Spark, seconds: float) -> Figures:
    """From Kafka's timestamp to the commit, at a paced load, both warm."""
    with tempfile.TemporaryDirectory(prefix="voltlake-bench-", ignore_cleanup_errors=True) as folder, broker(Path(folder) / "kafka") as kafka:
        place = Path(folder)
        with lake_flows.flow("bronze", kafka, place / "lake", place / "flow-bronze.log"):
            table = place / "lake" / "bronze" / "telemetry"
            ours = delays_ms(kafka, table, "kafka_ts", RATE, seconds, _older(table, 3))
        with spark_running(spark, kafka, place / "spark", "bronze", "0 seconds"):
            theirs = delays_ms(kafka, place / "spark", "timestamp", RATE, seconds, _older(place / "spark", 10))
    found = {name: float(np.percentile(delays, 99)) for name, delays in (("ours", ours), ("spark", theirs))}
    figures: Figures = {
        "latency_p99_ratio": (round(found["spark"] / found["ours"], 1), f"Spark's p99 by ours, Kafka to bronze's commit at {RATE} messages/s")
    }
    return figures | {f"{name}_latency_p99_ms": (round(value), "ms") for name, value in found.items()}


def _older(table: Path, commits: int) -> Callable[[], bool]:
    """Whether a table has so many commits: warm."""
    return (table / "_delta_log" / f"{commits:020d}.json").exists


def _say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
