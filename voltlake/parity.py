"""`voltlake features parity`: look at a running system, wait for the lake, compare in a process of its own."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import typer

from contracts.errors import Terminal
from features import parity
from features.online import connect
from lakehouse import reader
from voltlake.commands.tables import show
from voltlake.stack.plan import Plan

LOOK_S = 0.5
PATIENCE_S = 180
_MOST = 500


def looked(plan: Plan, store: Any, seconds: float, progress: Callable[[str], None] | None) -> Path:
    """Look for some seconds; returns the folder with what was seen, once the lake holds it all. Raises Terminal where there is nothing to see."""
    lake = str(plan.layout.lake)
    vehicles = sorted(reader.arrow(lake, "gold.vehicle_current", ["vehicle_id"])["vehicle_id"].to_pylist())[:_MOST]
    if not vehicles:
        raise Terminal("no vehicle has reported yet: let the simulator run")
    client = connect(plan.redis_url)
    end, moments = time.monotonic() + seconds, []
    while time.monotonic() < end:
        moments.append(parity.observe(store, client, vehicles))
        time.sleep(LOOK_S)
    rows = parity.gathered(moments)
    if progress:
        progress(
            f"{sum(table.num_rows for table in rows.values())} vehicle-instants of {len(vehicles)} vehicles seen; waiting for the lake to hold them"
        )
    deadline = time.monotonic() + PATIENCE_S
    while not parity.reached(lake, rows):
        if time.monotonic() > deadline:
            raise Terminal(f"the lake has not reached the instants that were seen within {PATIENCE_S} s: do flow-silver and flow-gold run?")
        time.sleep(LOOK_S)
    folder = plan.data / "parity" / f"{time.time_ns()}"
    parity.save(rows, folder)
    return folder


def in_a_fresh_process(plan: Plan, folder: Path, as_json: bool) -> int:
    """Compare where nothing of this process' memory helps."""
    words = [sys.executable, "-m", "voltlake", "features", "parity", "--data", str(plan.data), "--observed", str(folder)]
    return subprocess.run([*words, *(["--json"] if as_json else [])], check=False).returncode


def compared(plan: Plan, store: Any, folder: Path, as_json: bool) -> int:
    """Compare and tell. 0 where every value is the same, to the last bit."""
    found = parity.compare(store, str(plan.layout.lake), parity.load(folder))
    if as_json:
        typer.echo(msgspec.json.encode(found))
    else:
        show([{name: getattr(row, name) for name in ("view", "instants", "equal", "without_null", "revised", "features")} for row in found], False)
        for row in found:
            for one in row.examples:
                typer.echo(f"differs: {one.vehicle_id} at {one.instant}: {one.feature} is {one.online} live and {one.offline} in history", err=True)
    return 0 if all(row.equal == row.instants for row in found) and any(row.instants for row in found) else 1
