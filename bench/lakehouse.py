"""`make bench-lakehouse`: what the lake costs a core, how soon a row can be read, how quickly and how small.

Real flows as processes of their own, one real broker, a driving fleet's frames. Rates are per CPU second of our processes, marginal:
from 1 million messages on, so that start-up does not count.
"""

import argparse
import importlib
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from bench import lake_flows, lake_reading
from bench.lake_broker import broker
from bench.lake_frames import SMALL
from contracts import report

RESULT = Path(__file__).parent / "results" / "lakehouse.json"
MUST_AT_LEAST = {"kafka_to_bronze_per_core": 250_000, "bronze_to_silver_per_core": 80_000, "silver_to_gold_per_core": 60_000}
MUST_AT_MOST = {"kafka_to_silver_p95_ms": 1500, "vehicle_day_query_ms": 150, "silver_bytes_per_frame": 150}
RATE, LATENCY_S = 2_000, 30.0
Figures = dict[str, tuple[float | int | None, str]]


def main(words: list[str]) -> int:
    """Measure, write the result and say where it is; exit code 1 where a must is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, default=4.0, help="messages of each drain; the first quarter does not count")
    parser.add_argument(
        "--only", choices=("reading", "commits", "flows", "gold"), action="append", help="measure these, keep the result's other figures"
    )
    given = parser.parse_args(words)
    parts = given.only or ["reading", "commits", "flows", "gold"]
    figures: Figures = {}
    if "reading" in parts:
        figures |= reading()
    if "commits" in parts:
        figures |= commits()
    if "flows" in parts:
        figures |= flows(int(given.millions * 1e6))
    if "gold" in parts:
        figures |= importlib.import_module("bench.lakehouse_gold").figures(_say)
    if given.only and RESULT.exists():
        before = msgspec.json.decode(RESULT.read_bytes(), type=report.Report).figures
        figures = {key: (figure.value, figure.unit) for key, figure in before.items()} | figures
    passed = all((figures[key][0] or 0) >= least for key, least in MUST_AT_LEAST.items() if key in figures)
    passed = passed and all((figures[key][0] or 9e9) <= most for key, most in MUST_AT_MOST.items() if key in figures)
    made = report.make("bench-lakehouse", figures, passed)
    for name, figure in made.figures.items():
        _say(f"{name}: {figure.value} {figure.unit}")
    report.write(made, RESULT)
    _say(f"written to {RESULT.relative_to(RESULT.parents[2])}")
    return 0 if passed else 1


def flows(total: int) -> Figures:
    """Both drains, memory, and the time until a row can be read."""
    first = total // 4
    with tempfile.TemporaryDirectory(prefix="voltlake-bench-") as folder:
        place = Path(folder)
        with broker(place / "kafka") as kafka:
            count = lake_flows.fill_topic(kafka, total, SMALL, _say)
            with lake_flows.flow("bronze", kafka, place / "one", place / "bronze.log") as process:
                bronze = lake_flows.drained(process, place / "one", "bronze.telemetry", count, 300)
        _say(f"bronze: {lake_flows.marginal(bronze, first):.0f} rows a CPU second")
        with broker(place / "kafka2") as kafka:
            count = lake_flows.fill_bronze(place / "two", kafka, total, _say)
            with lake_flows.flow("silver", kafka, place / "two", place / "silver.log") as process:
                silver = lake_flows.drained(process, place / "two", "silver.telemetry", count, 400)
            _say(f"silver: {lake_flows.marginal(silver, first):.0f} rows a CPU second")
            lake = place / "three"
            with lake_flows.flow("bronze", kafka, lake, place / "bronze.log"), lake_flows.flow("silver", kafka, lake, place / "silver.log"):
                delays = lake_flows.visible_ms(kafka, lake, RATE, LATENCY_S)
    about = f"from {first / 1e6:g} to {total / 1e6:g} million messages"
    before, after = lake_flows.growth(bronze, first)
    silver_before, silver_after = lake_flows.growth(silver, first)
    return {
        "kafka_to_bronze_per_core": (round(lake_flows.marginal(bronze, first)), f"messages of some 400 bytes a CPU second, marginal {about}"),
        "bronze_to_silver_per_core": (round(lake_flows.marginal(silver, first)), f"messages of 25 signals a CPU second, marginal {about}"),
        "kafka_to_silver_p95_ms": (round(float(np.percentile(delays, 95))), f"ms at {RATE} messages/s from Kafka's append, {len(delays)} rows"),
        "kafka_to_silver_p50_ms": (round(float(np.percentile(delays, 50))), "ms, the same"),
        "bronze_memory_mib": (round(after), f"MiB resident in the last quarter; {before:.0f} in the first quarter after {first / 1e6:g} million"),
        "silver_memory_mib": (
            round(silver_after),
            f"MiB resident in the last quarter; {silver_before:.0f} in the first quarter after {first / 1e6:g} million",
        ),
    }


def reading() -> Figures:
    """Bytes a frame, and a vehicle's day."""
    size = lake_reading.bytes_per_frame()
    _say(f"{size:.1f} bytes a frame")
    day = lake_reading.vehicle_day_ms(_say)
    _say(f"a vehicle's day in {day:.1f} ms")
    return {
        "silver_bytes_per_frame": (round(size, 1), "bytes a row of 25 signals after compaction, 100 vehicles at 1 Hz"),
        "vehicle_day_query_ms": (
            round(day, 1),
            "ms, median: a vehicle's last 24 h by SQL, of 1,000 vehicles over 30 days (a frame a minute in the last two days, one in eight before)",
        ),
    }


def commits() -> Figures:
    """A day of commits, with and without upkeep."""
    left, kept = lake_reading.after_commits(_say)
    return {
        "read_100k_commits_ms": (
            round(left),
            "ms: a vehicle's last ten minutes after 100,000 simulated commits of 20 rows, as the writer leaves them",
        ),
        "read_100k_commits_upkept_ms": (round(kept), "ms: the same with upkeep"),
    }


def _say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
