"""What a demo measured, as the one shape of JSON, and as lines for a person."""

import subprocess
import sys
from pathlib import Path

import msgspec

from contracts import report
from contracts.errors import Terminal
from voltlake.demo.counters import Counts
from voltlake.settings import Surroundings

AUDIT_S = 180.0


class Audit(msgspec.Struct, frozen=True):
    """What `voltlake audit` found."""

    lost: int
    duplicated: int
    in_flight: int
    passed: bool


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds; None where nothing was measured."""

    silver_p95: float | None = None
    online_p99: float | None = None
    alert_p50: float | None = None
    alert_p99: float | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """All of a demo. `start_s`: from the command to the first row in gold; None where none came."""

    counts: Counts
    replayed: int
    audit: Audit
    latencies: Latencies
    start_s: float | None
    all_safe: bool

    @property
    def passed(self) -> bool:
        """Whether what was promised was kept."""
        return self.all_safe and self.audit.passed and self.audit.in_flight == 0


def audit(data: Path, around: Surroundings) -> Audit:
    """Run the audit in a process of its own. Raises Terminal with what it said where it could not be done."""
    command = [sys.executable, "-m", "voltlake", "audit", "--data", str(data), "--json"]
    done = subprocess.run(command, capture_output=True, env=around.environ, timeout=AUDIT_S, check=False)
    try:
        found = msgspec.json.decode(done.stdout, type=report.Report)
    except msgspec.MsgspecError:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Terminal(f"the audit did not answer: {said[-1] if said else f'exit code {done.returncode}'}") from None
    lost, duplicated, in_flight = (int(found.figures[key].value or 0) for key in ("lost", "duplicated", "in_flight"))
    return Audit(lost, duplicated, in_flight, found.passed)


def figures(outcome: Outcome) -> dict[str, tuple[float | int | None, str]]:
    """The demo's keys."""
    counts, latencies = outcome.counts, outcome.latencies
    return {
        "published": (counts.published, "messages"),
        "bronze_rows": (counts.bronze, "rows"),
        "silver_rows": (counts.silver, "rows"),
        "quarantined": (counts.quarantined, "rows"),
        "gold_vehicles": (counts.gold, "vehicles"),
        "online_vehicles": (counts.online, "vehicles"),
        "alerts": (counts.alerts, "alerts"),
        "lost": (outcome.audit.lost, "messages"),
        "duplicated": (outcome.audit.duplicated, "messages"),
        "replayed": (outcome.replayed, "messages"),
        "sensor_to_silver_p95_ms": (latencies.silver_p95, "ms"),
        "sensor_to_online_p99_ms": (latencies.online_p99, "ms"),
        "sensor_to_alert_p50_ms": (latencies.alert_p50, "ms"),
        "sensor_to_alert_p99_ms": (latencies.alert_p99, "ms"),
        "start_s": (None if outcome.start_s is None else round(outcome.start_s, 2), "s"),
    }


def lines(outcome: Outcome) -> list[str]:
    """A line a figure, and the verdict."""
    shown = [f"{name:<26} {'-' if value is None else f'{value:,}':>12} {unit}" for name, (value, unit) in figures(outcome).items()]
    if outcome.passed:
        return [*shown, "nothing was lost and nothing stands twice"]
    why = [] if outcome.all_safe else ["not everything that was published became safe"]
    found = outcome.audit
    if not found.passed or found.in_flight:
        why.append(
            f"the audit found {found.lost} lost, {found.duplicated} duplicated, {found.in_flight} still on the way ('voltlake audit' shows where)"
        )
    return [*shown, "FAILED: " + "; ".join(why)]
