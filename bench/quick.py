"""`make bench-quick`: latency of the whole stack at 500 messages/s, and the highest rate that it held for a minute.

Everything runs on this machine: both Kafka clusters, MirrorMaker 2, broker, gateways, flows, and the simulator. Latencies
are taken by readers of the effects, from the instant a frame was due. A rate is held where the simulator sent it on time,
nothing piled up on the road while it lasted, and the audit found nothing lost afterwards.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from contracts import report
from contracts.errors import Terminal
from lakehouse import reader
from simulators.measured import Summary
from voltlake.audit import audit
from voltlake.demo import traffic
from voltlake.demo.latency import AlertMeter, Meter, OnlineMeter, SilverMeter
from voltlake.settings import Surroundings, surroundings
from voltlake.stack.composition import Options
from voltlake.stack.plan import Plan
from voltlake.stack.start import running

RESULT = Path(__file__).parent / "results" / "quick.json"
LATENCY_RATE, LATENCY_S, WARM_S = 500, 60, 15
HOLD_S = 60
RATES = (2000, 3500, 5000)
FRAME_HZ = 2.0
"""Frames a second of each vehicle: the fleet grows with the rate, as it would."""
MOST_BEHIND_S = 5.0
"""Rows in silver may be behind what was published by as much as arrives in this time."""
MOST_LAG_MS = 1000
"""The 99th percentile of the send lag: beyond, the generator itself did not keep its schedule."""


class Held(NamedTuple):
    """One rate, tried: what was sent a second, and whether the stack kept up."""

    rate: float
    kept: bool
    said: str


def main() -> int:
    """Measure, write the result and say where it is."""
    around = surroundings(os.environ)
    figures: dict[str, tuple[float | int | None, str]] = {}
    with tempfile.TemporaryDirectory(prefix="voltlake-bench-") as folder, running(Options(data=Path(folder)), around, _say) as found:
        figures |= _latencies(found.plan, around)
        best, lost = 0.0, 0
        for rate in RATES:
            held = _hold(found.plan, around, rate)
            _say(f"{rate} messages/s: {held.said}")
            if not held.kept:
                break
            best = held.rate
        verdict = audit(found.plan)
        lost = verdict.lost + verdict.duplicated
        figures |= {
            "sustained_msg_per_s": (round(best), "messages of 25 signals a second, whole stack and simulator on this machine"),
            "lost": (verdict.lost, "messages"),
            "duplicated": (verdict.duplicated, "messages"),
            "messages": (verdict.messages, "messages"),
        }
    passed = (
        not lost and best >= 2000 and (figures["sensor_to_alert_p99_ms"][0] or 9e9) <= 1500 and (figures["sensor_to_silver_p95_ms"][0] or 9e9) <= 3000
    )
    made = report.make("bench-quick", figures, passed)
    report.write(made, RESULT)
    for name, figure in made.figures.items():
        _say(f"{name}: {figure.value} {figure.unit}")
    _say(f"written to {RESULT.relative_to(RESULT.parents[2])}")
    return 0 if passed else 1


def _latencies(plan: Plan, around: Surroundings) -> dict[str, tuple[float | int | None, str]]:
    """Percentiles of each effect at the fixed rate, half of the vehicles running hot so that alerts are many."""
    vehicles = int(LATENCY_RATE / FRAME_HZ)
    meters: dict[str, Meter] = {
        "silver": SilverMeter(plan),
        "online": OnlineMeter(plan, [f"SIM-{number:05d}" for number in range(1, 51)]),
        "alert": AlertMeter(plan),
    }
    for meter in meters.values():
        meter.start()
    fleet = traffic.fleet(plan, around, plan.layout.ledger / "latency", vehicles, FRAME_HZ, hot_vehicles=vehicles // 2)
    _sleep(WARM_S, fleet)
    for meter in meters.values():
        meter.begin()
    _sleep(LATENCY_S, fleet)
    figures: dict[str, tuple[float | int | None, str]] = {}
    for name, meter in meters.items():
        meter.end()
        for percent in (50, 95, 99):
            figures[f"sensor_to_{name}_p{percent}_ms"] = (meter.percentile_ms(percent), f"ms at {LATENCY_RATE} messages/s, {meter.count} measured")
    fleet.ask_to_end()
    fleet.ended_well()
    return figures


def _hold(plan: Plan, around: Surroundings, rate: int) -> Held:
    """Try one rate for a minute."""
    folder = plan.layout.ledger / f"hold-{rate}"
    fleet = traffic.fleet(plan, around, folder, int(rate / FRAME_HZ), FRAME_HZ)
    _until(lambda: _summary(folder).connected >= rate / FRAME_HZ, 60)
    _sleep(WARM_S, fleet)
    first, began, rows = _summary(folder), time.monotonic(), reader.count(str(plan.layout.lake), "silver.telemetry")
    _sleep(HOLD_S, fleet)
    last, seconds = _summary(folder), time.monotonic() - began
    grown = reader.count(str(plan.layout.lake), "silver.telemetry") - rows
    fleet.ask_to_end()
    safe = fleet.ended_well()
    sent = last.published - first.published
    behind = sent - grown
    late = (last.late - first.late) / max(sent, 1)
    on_time = sent >= 0.98 * rate * seconds and (last.send_lag_p99_ms or 0) <= MOST_LAG_MS
    kept = safe and on_time and behind <= rate * MOST_BEHIND_S and last.resent == first.resent
    said = (
        f"{'held' if kept else 'not held'}: {sent / seconds:.0f}/s sent, {late:.1%} late (p99 {last.send_lag_p99_ms} ms), "
        f"{grown / seconds:.0f}/s into silver, {last.pending} not yet safe, {last.resent - first.resent} sent again"
    )
    return Held(sent / seconds, kept, said)


def _summary(folder: Path) -> Summary:
    """The simulator's own figures, as soon as it has written any."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return msgspec.json.decode((folder / "progress.json").read_bytes(), type=Summary)
        except FileNotFoundError:
            time.sleep(0.2)
    raise Terminal(f"the simulator wrote nothing into {folder}")


def _sleep(seconds: float, fleet: traffic.Simulator) -> None:
    """Let time pass while the fleet runs; raises Terminal where it does not."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        fleet.check()
        time.sleep(0.2)


def _until(holds: Callable[[], bool], seconds: float) -> None:
    ends = time.monotonic() + seconds
    while not holds() and time.monotonic() < ends:
        time.sleep(0.2)


def _say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
