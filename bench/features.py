"""`make bench-features`: the online store, the point-in-time join and scoring, with stock Feast beside ours in the same run.

ARGS="--large DIR" also asks 1 million rows of 100 million, whose table is made in DIR once (some 12 GB). ARGS="--stack" also starts the whole
stack and measures from the sensor to Redis. What is not measured keeps the figure of the last run.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import msgspec

from bench.feature_store import history, online, scored
from bench.feature_store.road import sensor_to_online
from contracts import report

RESULT = Path(__file__).parent / "results" / "features.json"
MUST: dict[str, tuple[float, bool]] = {
    "online_read_1_sdk_p99_ms": (1.5, True),
    "online_read_1_direct_p99_ms": (0.5, True),
    "online_read_100_direct_p99_ms": (4.0, True),
    "online_writes_per_core": (40_000, False),
    "pit_join_speedup": (5.0, False),
    "pit_join_100m_peak_gb": (8.0, True),
    "scoring_per_core": (10_000, False),
    "sensor_to_online_p99_ms": (1000, True),
}
"""What must be, and whether less is better."""
Figures = dict[str, tuple[float | int | None, str]]


def main(words: list[str]) -> int:
    """Measure, write the result and say where it is. Exit code 0 where all that was measured is as it must be."""
    parser = argparse.ArgumentParser(prog="make bench-features")
    parser.add_argument("--large", type=Path, metavar="DIR")
    parser.add_argument("--stack", action="store_true")
    parser.add_argument("--only", choices=["online", "history", "scoring", "large", "stack"])
    asked = parser.parse_args(words)
    figures = _before()
    with tempfile.TemporaryDirectory(prefix="voltlake-bench-") as folder:
        place = Path(folder)
        if asked.only in (None, "online"):
            figures |= online.measure(place / "online")
        if asked.only in (None, "history"):
            figures |= history.measure(place / "history")
        if asked.only in (None, "scoring"):
            figures |= scored.measure(place / "scoring")
        if asked.large:
            figures |= history.measure_large(asked.large)
        if asked.stack or asked.only == "stack":
            figures |= sensor_to_online(place / "stack")
    made = report.make("bench-features", figures, all(_good(name, figures) for name in MUST))
    report.write(made, RESULT)
    for name, figure in sorted(made.figures.items()):
        print(f"{name}: {figure.value} {figure.unit}")
    print(f"written to {RESULT.relative_to(RESULT.parents[2])}")
    return 0 if made.passed else 1


def _before() -> Figures:
    """The figures of the last run."""
    if not RESULT.exists():
        return {}
    return {name: (figure.value, figure.unit) for name, figure in msgspec.json.decode(RESULT.read_bytes(), type=report.Report).figures.items()}


def _good(name: str, figures: Figures) -> bool:
    value = figures.get(name, (None, ""))[0]
    limit, least = MUST[name]
    return value is not None and (value <= limit if least else value >= limit)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
