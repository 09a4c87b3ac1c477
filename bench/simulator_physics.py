"""How fast and how small the physics is: vehicle-seconds a second of processor time, and bytes a vehicle beyond 10,000.

The hard case counts: every vehicle drives (long trips, one-second steps). A fleet on a usual day, and history with all its
tables, stand beside it. One process with one thread, measured in its own processor time.
"""

import subprocess
import sys
import time
from pathlib import Path

import psutil

from contracts import report
from simulators.history.tables import Wanted, windows
from simulators.physics.state import DRIVING, State
from simulators.physics.world import Fleet, World, build, started, stepped

RESULT = Path(__file__).parent / "results" / "simulator-physics.json"
NOON_S = 1_781_006_400.0
"""A Tuesday in June 2026, 12:00 UTC."""
MUST_VEHICLE_S, MUST_BYTES = 1e6, 20_000
Figures = dict[str, tuple[float | int | None, str]]


def _run(world: World, state: State, seconds: int, dt_s: float) -> tuple[State, float]:
    """The state after so many steps, and the processor seconds that they took."""
    begin = time.process_time()
    for _ in range(seconds):
        state, _happened = stepped(world, state, dt_s)
    return state, time.process_time() - begin


def driving(vehicles: int = 4096, steps: int = 120) -> tuple[float, float]:
    """Vehicle-seconds a second where all vehicles drive, and the share that did."""
    world = build(Fleet(vehicles=vehicles, shares=(0, 0, 0, 1)))[0]
    state, _ = _run(world, started(world, NOON_S, busy=1.0), 130, 5.0)
    share = float((state.trip.mode == DRIVING).mean())
    _, cpu_s = _run(world, state, steps, 1.0)
    return vehicles * steps / cpu_s, share


def usual(vehicles: int = 4096, steps: int = 200) -> float:
    """Vehicle-seconds a second of a usual fleet at noon."""
    world = build(Fleet(vehicles=vehicles))[0]
    state, _ = _run(world, started(world, NOON_S), 60, 60.0)
    return vehicles * steps / _run(world, state, steps, 1.0)[1]


def history(vehicles: int = 4096, days: float = 0.125) -> tuple[float, int]:
    """Vehicle-hours a second of history at one frame a minute, with all tables, and the frames made."""
    begin = time.process_time()
    frames = sum(len(window.telemetry) for window in windows(Wanted(fleet=Fleet(vehicles=vehicles), start_s=NOON_S, days=days)))
    return vehicles * days * 24 / (time.process_time() - begin), frames


def resident(vehicles: int) -> int:
    """Memory in bytes of a process that simulates so many vehicles; a fresh process measures itself."""
    asked = [sys.executable, "-m", "bench.simulator_physics", "--resident", str(vehicles)]
    return int(subprocess.run(asked, capture_output=True, text=True, check=True, timeout=600).stdout)


def _measure_resident(vehicles: int) -> int:
    worlds = build(Fleet(vehicles=vehicles))
    states = [started(world, NOON_S, busy=1.0) for world in worlds]
    for _ in range(20):
        states = [stepped(world, state, 5.0)[0] for world, state in zip(worlds, states, strict=True)]
    return int(psutil.Process().memory_info().rss)


def figures() -> Figures:
    """All figures, by key."""
    best, share = max(driving() for _ in range(3))
    hours, frames = history()
    small, large = 10_000, 40_000
    return {
        "physics_vehicle_s_per_core": (round(best), "vehicle-seconds a processor second, all vehicles on the road, 1 s steps"),
        "physics_driving_share": (round(share, 3), "share of the vehicles that were driving"),
        "physics_usual_vehicle_s_per_core": (round(max(usual() for _ in range(3))), "vehicle-seconds a processor second, usual fleet at noon"),
        "physics_bytes_per_vehicle": (round((resident(large) - resident(small)) / (large - small)), "bytes a vehicle beyond 10,000"),
        "history_vehicle_h_per_core": (round(hours), "vehicle-hours a processor second, 60 s cadence, all signals as Arrow tables"),
        "history_frames": (frames, "frames made"),
    }


def main() -> int:
    """Measure, write the result and say it."""
    if sys.argv[1:2] == ["--resident"]:
        print(_measure_resident(int(sys.argv[2])))
        return 0
    found = figures()
    passed = (found["physics_vehicle_s_per_core"][0] or 0) >= MUST_VEHICLE_S and (found["physics_bytes_per_vehicle"][0] or 9e9) <= MUST_BYTES
    report.write(report.make("bench-simulator-physics", found, passed), RESULT)
    for key, (value, unit) in found.items():
        print(f"{key}: {value} {unit}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
