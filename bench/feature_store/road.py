"""From the sensor to Redis at 1,000 messages/s, through the whole stack."""

import os
import time
from pathlib import Path

from voltlake.demo import traffic
from voltlake.demo.latency import OnlineMeter
from voltlake.settings import surroundings
from voltlake.stack.composition import Options
from voltlake.stack.start import running

RATE, FRAME_HZ = 1000, 2.0
WARM_S, MEASURED_S = 20, 75
"""Long enough for the end of a minute to lie within it, when all windows are written."""
Figures = dict[str, tuple[float | int | None, str]]


def sensor_to_online(folder: Path) -> Figures:
    """Percentiles from the instant a frame was due to the instant that Redis has it."""
    around = surroundings(os.environ)
    folder.mkdir(parents=True)
    with running(Options(data=folder), around, print) as found:
        plan = found.plan
        meter = OnlineMeter(plan, [f"SIM-{number:05d}" for number in range(1, 51)])
        meter.start()
        fleet = traffic.fleet(plan, around, plan.layout.ledger / "bench", int(RATE / FRAME_HZ), FRAME_HZ)
        _run(fleet, WARM_S)
        meter.begin()
        _run(fleet, MEASURED_S)
        meter.end()
        fleet.ask_to_end()
        fleet.ended_well()
    what = f"ms from the sensor to Redis at {RATE} messages/s, {meter.count} measured"
    return {f"sensor_to_online_p{percent}_ms": (meter.percentile_ms(percent), what) for percent in (50, 99)}


def _run(fleet: traffic.Simulator, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        fleet.check()
        time.sleep(0.2)
