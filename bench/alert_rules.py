"""`make bench-rules`: the shipped rules against the simulator's labelled faults, healthy vehicles and recorded drives.

A fleet in July, in four regions, with twelve vehicles for each kind of cell and pack fault of medium severity and above, some with
false sensors, and as many healthy ones. The limits of the rules were set on the fleet of `SEED`; that of `UNSEEN` has other vehicles, weather,
trips and faults. A cooling failure in a car whose pack never reaches the set point in use changes no signal: recall is given over all faults,
and over those that something could be seen of. The tables go to the screen (docs/alerts.md shows them), the figures to bench/results/rules.json.
Recordings are taken from the folders in RECORDINGS, if given.
"""

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cloud_stream.alerting.backtest import run
from cloud_stream.alerting.reading import load
from cloud_stream.alerting.rules import Rule
from contracts import report
from contracts.signals import BY_NAME
from lakehouse.tables import TIME
from simulators.history.tables import Wanted, windows
from simulators.mapping import shipped_mappings
from simulators.physics.heat import COOL_ABOVE_C
from simulators.physics.world import Fleet
from simulators.recordings import Recording
from simulators.recordings import load as load_recordings
from simulators.scenarios.labels import Label, label
from simulators.scenarios.plan import Fault, vehicle_id
from voltlake.alerts.past import as_silver
from voltlake.alerts.scoring import Scored, as_text, judged

RESULT = Path(__file__).parent / "results" / "rules.json"
DAY_S = 86_400.0
START = datetime(2026, 7, 1, tzinfo=UTC)
EACH, DAYS, SEED, UNSEEN = 12, 7.0, 21, 77
REGIONS = ("us-west", "us-east", "eu-south", "asia-east")
SPANS: dict[str, tuple[float, float]] = {
    "cell.weak_capacity": (np.inf, np.inf),
    "cell.self_discharge": (np.inf, np.inf),
    "cell.high_resistance": (2 * DAY_S, 4 * DAY_S),
    "cell.internal_short": (DAY_S, 3 * DAY_S),
    "cell.thermal_runaway": (DAY_S / 6, DAY_S),
    "pack.cooling_failure": (np.inf, np.inf),
    "pack.isolation_loss": (DAY_S, 4 * DAY_S),
    "pack.contactor": (DAY_S, 4 * DAY_S),
    "pack.imbalance": (3 * DAY_S, 4 * DAY_S),
}
"""Shortest and longest duration of each kind."""
SENSORS = (
    ("sensor.bias", "pack_a"),
    ("sensor.drift", "pack_v"),
    ("sensor.noise_burst", "speed_kmh"),
    ("sensor.missing", "soc_pct"),
    ("sensor.stuck", "pack_temp_c"),
)
PARAMETERS = {"pack.contactor": {"period_s": 120.0}}
COOLING = "pack.cooling_failure"
LEAST = 0.9


def planned(seed: int = SEED) -> list[Fault]:
    """One fault a vehicle; the rest of the fleet is healthy."""
    drawn = np.random.default_rng(seed)
    faults, number = [], 0
    for kind, (least, most) in SPANS.items():
        for _ in range(EACH):
            start = START.timestamp() + drawn.uniform(DAY_S, 2 * DAY_S)
            length = drawn.uniform(least, most) if np.isfinite(most) else np.inf
            parameters = {"cell_share": float(drawn.uniform())} if kind.startswith("cell") else PARAMETERS.get(kind, {})
            faults.append(Fault(number, start, start + length, kind, round(float(drawn.uniform(0.5, 1)), 3), (), parameters))
            number += 1
    for kind, signal in SENSORS * 4:
        start = START.timestamp() + drawn.uniform(DAY_S, 2 * DAY_S)
        faults.append(Fault(number, start, start + DAY_S, kind, 1.0, (signal,), {"amount": 0.0}))
        number += 1
    return faults


def simulated(faults: list[Fault], seed: int = SEED) -> tuple[Iterator[Mapping[str, pa.Table]], list[Label]]:
    """Windows of rows, and the labels."""
    fleet = Fleet(seed=seed, vehicles=2 * len(faults), regions=REGIONS)
    wanted = Wanted(fleet=fleet, start_s=START.timestamp(), days=DAYS, window_s=6 * 3600.0)
    rows = ({"telemetry": as_silver(one.telemetry), "cells": as_silver(one.cells), "event": as_silver(one.events)} for one in windows(wanted, faults))
    return rows, [label(fault, vehicle_id("SIM", fault.vehicle)) for fault in faults]


def watched(rows: Iterator[Mapping[str, pa.Table]], labels: list[Label], hot: set[str]) -> Iterator[Mapping[str, pa.Table]]:
    """The same windows; `hot` takes in the vehicles with a cooling failure whose pack would have been cooled since."""
    starts = {label.vehicle_id: label.start_ts for label in labels if label.kind == COOLING}
    for window in rows:
        rows_of = window["telemetry"].filter(pc.is_in(window["telemetry"]["vehicle_id"], pa.array(list(starts))))
        in_use = pc.or_(pc.greater(rows_of["is_charging"], 0.5), pc.greater(rows_of["gear"], 126.5))
        above = rows_of.filter(pc.and_(in_use, pc.greater(rows_of["pack_temp_c"], COOL_ABOVE_C)))
        hot |= {name for name, ts in zip(above["vehicle_id"].to_pylist(), above["ts"].to_pylist(), strict=True) if ts >= starts[name]}
        yield window


def tried(rules: list[Rule], seed: int) -> tuple[Scored, dict[str, tuple[float | int | None, str]]]:
    """The rules before the fleet of a seed; prints the tables."""
    hot: set[str] = set()
    rows, labels = simulated(planned(seed), seed)
    outcome = judged(rules, watched(rows, labels, hot), labels, 0.5)
    figures = _figures(outcome)
    unseen = sum(label.kind == COOLING for label in labels) - len(hot)
    found, faults = sum(kind.found for kind in outcome.kinds), sum(kind.faults for kind in outcome.kinds)
    share = found / (faults - unseen)
    figures["recall_of_visible"] = (round(share, 4), "share of the faults that change a signal")
    print(f"{as_text(outcome)}\n{unseen} of {EACH} cooling failures changed no signal; of the other faults {share:.2f} were found.\n")
    return outcome, figures


def recorded(folder: Path) -> Iterator[Mapping[str, pa.Table]]:
    """Every trip below a folder as a vehicle of its own."""
    for path in sorted([*folder.rglob("*.parquet"), *folder.rglob("*.csv")]):
        for trip in load_recordings(path, shipped_mappings()):
            yield {"telemetry": _table(trip)}


def _table(trip: Recording) -> pa.Table:
    count = len(trip.time_s)
    columns = {name: pa.array(column, pa.float64(), from_pandas=True) for name, column in trip.columns.items() if name in BY_NAME}
    ts = pa.array(np.rint(START.timestamp() * 1000 + trip.time_s * 1000).astype(np.int64) * 1000).cast(TIME)
    identity = {"vehicle_id": pa.repeat(trip.vehicle_id, count), "region": pa.repeat("recorded", count), "boot_id": pa.repeat("00000001", count)}
    return pa.table({**identity, "seq": pa.array(range(count), pa.int64()), "event_ts": ts, "known_at": ts, **columns})


def main(folders: list[str]) -> int:
    """Score, show, write."""
    rules = list(load().rules)
    outcome, figures = tried(rules, SEED)
    other, others = tried(rules, UNSEEN)
    figures |= {f"unseen_{name}": figure for name, figure in others.items()}
    detecting = {rule.id for rule in rules if rule.detects}
    for folder in folders:
        past = run(rules, recorded(Path(folder)))
        name = Path(folder).name.replace("-", "_")
        false = sum(alert.rule in detecting for alert in past.alerts)
        hours = past.vehicle_months * 720
        print(f"\n{folder}: {past.vehicles} drives, {hours:.1f} h; {false} false alarms of rules for faults;", end=" ")
        print(", ".join(f"{one.rule} {one.alerts}" for one in past.fired if one.alerts) or "no alerts at all")
        figures[f"{name}_false_alarms_per_vehicle_month"] = (round(false / past.vehicle_months, 3), "alerts a vehicle-month of driving")
        figures[f"{name}_driven_h"] = (round(hours, 1), "h")
    passed = min(outcome.precision, outcome.recall, other.precision, other.recall) >= LEAST
    report.write(report.make("rules", figures, passed), RESULT)
    return 0 if passed else 1


def _figures(outcome: Scored) -> dict[str, tuple[float | int | None, str]]:
    figures: dict[str, tuple[float | int | None, str]] = {
        "precision": (round(outcome.precision, 4), "share of right alerts"),
        "recall": (round(outcome.recall, 4), "share of faults found"),
        "false_alarms_per_vehicle_month": (round(outcome.false_alarms_per_vehicle_month, 4), "alerts a healthy vehicle-month"),
    }
    return figures | {
        f"recall_{kind.kind.replace('.', '_')}": (round(kind.found / kind.faults, 4), "share of faults found") for kind in outcome.kinds
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
