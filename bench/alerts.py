"""`make bench-alerts`: rules a second on one core, how soon an alert stands on `alerts.v1` and on a screen at 1,000 messages/s, both with
100 rules; and what a dashboard carries: vehicles on the map, readers of the live feed.

The rules are the shipped ones and variants of them with other limits, over 25 signals. The first figure is the engine's own time, with
the latest rows kept for late ones as in the live flow; the second is taken on a whole stack on this machine, from the instant at which
a frame was due, and then again with a browser that looks. `--screens-only` measures what a browser sees and `--dashboard-only` what
needs no stack; both keep the other figures.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from bench import screens
from bench.quick import _sleep
from cloud_stream.alerting.engine import Engine
from cloud_stream.alerting.evaluation import program
from cloud_stream.alerting.reading import load
from cloud_stream.alerting.rules import CONDITIONS, Rule, Rules, Threshold
from contracts import report
from contracts.signals import BY_NAME
from lakehouse.tables import TIME
from voltlake.demo import traffic
from voltlake.demo.latency import AlertMeter
from voltlake.settings import surroundings
from voltlake.stack.composition import Options
from voltlake.stack.start import running

RESULT = Path(__file__).parent / "results" / "alerts.json"
RULES, SIGNALS = 100, 25
VEHICLES, BATCH, BATCHES = 500, 1_000, 120
RATE, FRAME_HZ, WARM_S, SETTLE_S, MEASURE_S = 1_000, 2.0, 75, 5, 60
MUST = {
    "rule_evaluation_per_core": (20_000, 1e12),
    "sensor_to_alert_p99_ms": (1, 1_000),
    "sensor_to_screen_p95_ms": (1, 1_500),
    "map_vehicles_30fps": (2_000, 1e12),
    "live_feed_browsers": (200, 1e12),
}
"""The least and the most that each figure may be."""
NAMES = (
    *("speed_kmh", "acceleration_ms2", "soc_pct", "soh_pct", "pack_v", "pack_a", "pack_w", "cell_v_min", "cell_v_max", "pack_temp_c"),
    *("pack_temp_min_c", "pack_temp_max_c", "isolation_kohm", "contactor_closed", "range_m", "motor_rpm", "motor_temp_c", "coolant_temp_c"),
    *("is_charging", "cable_connected", "charge_limit_pct", "dc_charge_a", "ambient_c", "lv_v", "dtc_count"),
)


def hundred() -> list[Rule]:
    """The shipped rules, and thresholds on every signal, so that there are 100."""
    rules = list(load().rules)
    at = 0
    while len(rules) < RULES:
        name = NAMES[at % SIGNALS]
        high = BY_NAME[name].high * (0.90 + 0.01 * (at // SIGNALS))
        limit = Threshold(signal=name, above=high, clear=high * 0.9)
        spare: dict[str, object] = dict.fromkeys(CONDITIONS)
        made = {**spare, "id": f"bench_{at}", "title": f"{name} is high", "severity": "info", "threshold": limit, "for_s": at % 3, "parents": ()}
        rules.append(msgspec.structs.replace(rules[0], **made, escalate=(), detects=(), why="to measure", source="bench"))
        at += 1
    return rules


def frames(seed: int) -> pa.Table:
    """Batches of frames one after another: every vehicle reports 25 signals, some now and then beyond a limit."""
    drawn = np.random.default_rng(seed)
    count = BATCH * BATCHES
    number = np.arange(count)
    ts = pa.array((1_790_000_000_000 + number // VEHICLES * 500) * 1000).cast(TIME)
    usual = {"speed_kmh": 60, "soc_pct": 60, "soh_pct": 95, "pack_v": 390, "cell_v_min": 3.7, "cell_v_max": 3.72, "pack_temp_max_c": 30}
    usual |= {"isolation_kohm": 3000, "contactor_closed": 1, "range_m": 250_000, "lv_v": 14, "charge_limit_pct": 80, "motor_temp_c": 60}
    columns = {name: np.round(usual.get(name, 0.0) + 0.02 * usual.get(name, 0.0) * drawn.standard_normal(count), 3) for name in NAMES}
    columns["pack_temp_max_c"][drawn.random(count) < 0.001] = 60
    identity = {
        "vehicle_id": pa.array([f"V-{at:05d}" for at in range(VEHICLES)]).take(pa.array(number % VEHICLES)),
        "region": pa.repeat("eu-north", count),
    }
    identity |= {"boot_id": pa.repeat("0000000a", count), "seq": pa.array(number // VEHICLES), "event_ts": ts, "known_at": ts}
    return pa.table(identity | {name: pa.array(values) for name, values in columns.items()})


def evaluated_per_core() -> float:
    """Frames a second of processor time, median of five runs after one to warm up."""
    rules, rows = hundred(), frames(1)
    rates = []
    for _ in range(6):
        engine = Engine(program(rules))
        began = time.process_time()
        for at in range(BATCHES):
            engine.telemetry(rows.slice(at * BATCH, BATCH))
        rates.append(BATCH * BATCHES / (time.process_time() - began))
    return float(np.median(rates[1:]))


def sensor_to_alert(*, alerts: bool = True) -> dict[str, tuple[float | int | None, str]]:
    """Percentiles on a whole stack; first of the topic, unless that is known, then of a browser's screen."""
    around = surroundings(os.environ)
    figures: dict[str, tuple[float | int | None, str]] = {}
    with tempfile.TemporaryDirectory(prefix="voltlake-bench-") as folder:
        Path(folder, "alert-rules.yaml").write_bytes(msgspec.yaml.encode(Rules(version=1, rules=tuple(hundred()))))
        with running(Options(data=Path(folder)), around, _say) as found:
            vehicles = int(RATE / FRAME_HZ)
            meter = AlertMeter(found.plan)
            meter.start()
            fleet = traffic.fleet(found.plan, around, found.plan.layout.ledger / "alerts", vehicles, FRAME_HZ, hot_vehicles=vehicles // 2)
            _sleep(WARM_S, fleet)
            if alerts:
                meter.begin()
                _sleep(MEASURE_S, fleet)
                for percent in (50, 95, 99):
                    said = f"ms at {RATE} messages/s and {RULES} rules, {meter.count} alerts measured"
                    figures[f"sensor_to_alert_p{percent}_ms"] = (meter.percentile_ms(percent), said)
            meter.end()
            with screens.ScreenMeter(found.plan) as screen:
                _sleep(SETTLE_S, fleet)
                screen.begin()
                _sleep(MEASURE_S, fleet)
                figures |= screen.figures()
            fleet.ask_to_end()
            fleet.ended_well()
    return figures


def main() -> int:
    """Measure, write the result and say it."""
    part = {"--screens-only", "--dashboard-only"} & set(sys.argv)
    figures = _known() if part else {}
    if not part:
        rate = evaluated_per_core()
        figures["rule_evaluation_per_core"] = (round(rate), f"frames of {SIGNALS} signals a second through {RULES} rules, batches of {BATCH}")
        _say(f"{rate:.0f} frames a second and core")
    if "--engine-only" not in sys.argv:
        if "--dashboard-only" not in sys.argv:
            figures |= sensor_to_alert(alerts=not part)
        figures |= screens.figures()
    passed = all(low <= (figures[key][0] or 0) <= high for key, (low, high) in MUST.items() if key in figures)
    made = report.make("bench-alerts", figures, passed)
    if "--engine-only" not in sys.argv:
        report.write(made, RESULT)
    for name, figure in made.figures.items():
        _say(f"{name}: {figure.value} {figure.unit}")
    return 0 if passed else 1


def _known() -> dict[str, tuple[float | int | None, str]]:
    """The figures of the last run."""
    if not RESULT.exists():
        return {}
    last = msgspec.json.decode(RESULT.read_bytes(), type=report.Report)
    return {key: (figure.value, figure.unit) for key, figure in last.figures.items()}


def _say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
