"""Rules against labelled faults of the simulator: precision, recall, and false alarms on healthy vehicles.

A rule says in `detects` which kinds of physical faults it is for. An alert of such a rule is right where its vehicle has one of these
faults while the alert stands, or had it within the last day; the charge that a drained cell lost stays lost, so after such a fault its
alerts stay right. A fault is found where a right alert was raised.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa

from cloud_stream.alerting.backtest import run
from cloud_stream.alerting.rules import Rule
from contracts.events import Alert
from simulators.scenarios.labels import Label, read
from simulators.scenarios.physical import DRAINING
from voltlake.alerts.past import of_files

PHYSICAL = ("cell", "pack")
AFTER_MS = 86_400_000
EVER = 1 << 62


class Kind(msgspec.Struct, frozen=True):
    """How well one kind of fault is found. `hours` is the median time from its start to the first right alert."""

    kind: str
    faults: int
    found: int
    hours: float | None


class RuleScore(msgspec.Struct, frozen=True):
    """Alerts of one rule that is for faults: right and wrong ones."""

    rule: str
    right: int
    wrong: int


class Scored(msgspec.Struct, frozen=True):
    """The whole outcome. False alarms are those of rules that are for faults, a month of a healthy vehicle; `others` all other alerts there."""

    kinds: tuple[Kind, ...]
    rules: tuple[RuleScore, ...]
    precision: float
    recall: float
    healthy_vehicle_months: float
    false_alarms_per_vehicle_month: float
    others_per_vehicle_month: dict[str, float]


def scored(rules: Sequence[Rule], folder: Path, least: float) -> Scored:
    """Score rules on the files of a history with labels."""
    return judged(rules, of_files(folder, list(rules)), read(folder / "labels.jsonl"), least)


def judged(rules: Sequence[Rule], windows: Iterable[Mapping[str, pa.Table]], labels: Sequence[Label], least: float) -> Scored:
    """Score rules on windows of rows and their labels. Faults below `least` count neither as to be found nor as false alarms."""
    past = run(rules, windows)
    detects = {rule.id: frozenset(rule.detects) for rule in rules if rule.detects}
    physical = [label for label in labels if label.group in PHYSICAL]
    by_vehicle: dict[str, list[Label]] = {}
    for label in physical:
        by_vehicle.setdefault(label.vehicle_id, []).append(label)
    faulty = {label.vehicle_id for label in labels}
    right, wrong, others, false = Counter[str](), Counter[str](), Counter[str](), 0
    first: dict[int, float] = {}
    for alert in past.alerts:
        healthy = alert.vehicle_id not in faulty
        if alert.rule not in detects:
            others[alert.rule] += healthy
            continue
        met = [label for label in by_vehicle.get(alert.vehicle_id, []) if label.kind in detects[alert.rule] and _meets(alert, label)]
        (right if met else wrong)[alert.rule] += 1
        false += healthy
        for label in met:
            first[id(label)] = min(first.get(id(label), EVER), max(alert.raised_ts - label.start_ts, 0) / 3_600_000)
    counted = [label for label in physical if label.severity >= least]
    kinds = tuple(_kind(name, [label for label in counted if label.kind == name], first) for name in sorted({label.kind for label in counted}))
    told, found = sum(right.values()) + sum(wrong.values()), sum(kind.found for kind in kinds)
    months = past.vehicle_months * (past.vehicles - len(faulty)) / past.vehicles if past.vehicles else 0.0
    return Scored(
        kinds,
        tuple(RuleScore(name, right[name], wrong[name]) for name in detects),
        sum(right.values()) / told if told else 0.0,
        found / len(counted) if counted else 0.0,
        months,
        false / months if months else 0.0,
        {name: count / months for name, count in sorted(others.items()) if count and months},
    )


def _meets(alert: Alert, label: Label) -> bool:
    ends = EVER if label.end_ts is None or label.kind in DRAINING else label.end_ts + AFTER_MS
    return alert.raised_ts <= ends and (alert.cleared_ts or EVER) >= label.start_ts


def _kind(name: str, labels: Sequence[Label], first: Mapping[int, float]) -> Kind:
    hours = sorted(first[id(label)] for label in labels if id(label) in first)
    return Kind(name, len(labels), len(hours), hours[len(hours) // 2] if hours else None)


def as_text(outcome: Scored) -> str:
    """Two tables in Markdown and the sums, as in docs/alerts.md."""
    lines = ["| fault | faults | found | recall | median time to alert |", "|---|---|---|---|---|"]
    for kind in outcome.kinds:
        hours = "-" if kind.hours is None else f"{kind.hours:.1f} h"
        lines.append(f"| {kind.kind} | {kind.faults} | {kind.found} | {kind.found / kind.faults:.2f} | {hours} |")
    faults, found = sum(kind.faults for kind in outcome.kinds), sum(kind.found for kind in outcome.kinds)
    lines += [f"| **all** | {faults} | {found} | **{outcome.recall:.2f}** | |", ""]
    lines += ["| rule | right alerts | wrong alerts | precision |", "|---|---|---|---|"]
    for rule in outcome.rules:
        told = rule.right + rule.wrong
        lines.append(f"| {rule.rule} | {rule.right} | {rule.wrong} | {f'{rule.right / told:.2f}' if told else '-'} |")
    right, wrong = sum(rule.right for rule in outcome.rules), sum(rule.wrong for rule in outcome.rules)
    lines += [f"| **all** | {right} | {wrong} | **{outcome.precision:.2f}** |", ""]
    lines.append(
        f"Healthy vehicles: {outcome.false_alarms_per_vehicle_month:.2f} false alarms of these rules a vehicle-month "
        f"({outcome.healthy_vehicle_months:.1f} vehicle-months)."
    )
    if outcome.others_per_vehicle_month:
        listed = ", ".join(f"{name} {rate:.2f}" for name, rate in outcome.others_per_vehicle_month.items())
        lines.append(f"Alerts of the other rules there, a vehicle-month: {listed}.")
    return "\n".join(lines)
