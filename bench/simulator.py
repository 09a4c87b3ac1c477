"""`make bench-simulator`: what the simulator costs, against a bare local Mosquitto: publishing, connecting, memory, and its physics alone.

Per core means work divided by the CPU seconds of all processes that did it. The broker has its own core's worth of work beside it on this
machine: latencies are those of a machine that is busy.
"""

import gc
import math
import multiprocessing
import multiprocessing.connection
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts import report
from contracts.errors import Terminal
from simulators import load_report
from simulators.conduct import Habits
from simulators.dialler import Broker
from simulators.fleet_source import FleetSource, Plan
from simulators.history.tables import Wanted, windows
from simulators.load_report import Figures
from simulators.measured import MOST_LATE, Measured
from simulators.physics import world as physics
from simulators.physics.state import State
from simulators.publish import Publisher
from simulators.settings import FleetSettings
from simulators.workers import measure_all

RESULT = Path(__file__).parent / "results" / "simulator.json"
REGIONS = ("eu-north", "us-east")
CONNECTIONS, SECONDS = 1000, 15.0
RATES_HZ = (5.0, 10.0, 15.0)
"""Frames a second of each connection; the publishing figure is the best of those that the generator kept up with."""
MEMORY_AT = (10_000, 20_000)
PHYSICS_VEHICLES, PHYSICS_STEPS = 8192, 120
NOON_S = 1_781_006_400.0
"""A Tuesday in June 2026, 12:00 UTC."""
MUST = {"publish_per_core": 15_000.0, "physics_vehicle_s_per_core": 1e6, "bytes_per_vehicle": 20_480.0}
MOSQUITTO = "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nset_tcp_nodelay true\nuser {user}\npersistence false\n"


def main() -> int:
    """Measure, write the result and say where it is."""
    figures: Figures = {}
    with tempfile.TemporaryDirectory(prefix="voltlake-bench-") as folder, mosquitto(Path(folder)) as port:
        figures |= publishing(port)
        figures |= connecting(port)
    figures |= {"bytes_per_vehicle": (memory(), f"bytes a vehicle from {MEMORY_AT[0]} to {MEMORY_AT[1]}, outboxes included, sockets apart")}
    figures |= physics_alone()
    figures |= {"history_vehicle_h_per_core": (past(), f"vehicle-hours a CPU second as Arrow tables, a frame a minute, {PHYSICS_VEHICLES} vehicles")}
    values = {name: figures[name][0] or 0 for name in MUST}
    passed = all(values[name] >= must if name != "bytes_per_vehicle" else 0 < values[name] <= must for name, must in MUST.items())
    made = report.make("bench-simulator", figures, passed)
    report.write(made, RESULT)
    for name, figure in made.figures.items():
        say(f"{name}: {figure.value} {figure.unit}")
    say(f"written to {RESULT.relative_to(RESULT.parents[2])}")
    return 0 if passed else 1


def publishing(port: int) -> Figures:
    """Messages a CPU second at QoS 1 with frames of 26 signals and more that differ as real ones do.

    The best of the rates that the generator kept up with counts; where it kept up with none, because others used the machine, the lowest.
    """
    tried = []
    for rate in RATES_HZ:
        part = run(port, rate_hz=rate)
        figures = load_report.figures([part])
        kept = not part.summary.pending and part.handed_late <= MOST_LATE * part.summary.published
        said = f"{figures['messages_per_cpu_s'][0]} a CPU second, {figures['late'][0]} late of {figures['sent'][0]}"
        say(f"{rate:g} Hz: {figures['publish_per_s'][0]} messages/s, {said}")
        tried.append((kept, float(figures["messages_per_cpu_s"][0] or 0), rate, figures))
    kept, best, rate, figures = max((one for one in tried if one[0]), key=lambda one: one[1], default=tried[0])
    names = ("publish_per_s", "send_lag_p50_ms", "send_lag_p99_ms", "ack_p50_ms", "ack_p99_ms", "late", "late_by_generator")
    found: Figures = {
        "publish_per_core": (round(best), f"messages a CPU second: QoS 1, 26 signals, {CONNECTIONS} connections, {rate:g} Hz each"),
        "kept_up": (int(kept), "1 where at most one message in a hundred was late by the generator"),
    }
    found |= {name: figures[name] for name in names}
    found |= {f"publish_per_core_{rate:g}_hz": (round(speed), f"the same at {rate:g} Hz") for _, speed, rate, _ in tried}
    return found


def connecting(port: int) -> Figures:
    """How fast connections come, 64 at a time, and after all were cut."""
    part = run(port, rate_hz=0.2, seconds=6.0, reconnect_s=2.0)
    figures = load_report.figures([part])
    return {name: figures[name] for name in ("connect_per_s", "connect_p50_ms", "connect_p99_ms", "connects")}


def run(port: int, **options: object) -> Measured:
    """One load in a process of its own settings, this one."""
    settings = {"mqtt_port": port, "vehicles": CONNECTIONS, "seconds": SECONDS, "puback_is_safe": True, "regions": REGIONS, "patience_s": 10.0}
    return measure_all(FleetSettings(**(settings | options)))[0]  # type: ignore[arg-type]


def memory() -> int:
    """Bytes a vehicle beyond the first 10,000: sensor units, outboxes and vehicles after some frames; a process for each size."""
    spawn = multiprocessing.get_context("spawn")
    sizes = []
    for vehicles in MEMORY_AT:
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=_grow, args=(vehicles, theirs))
        process.start()
        theirs.close()
        try:
            sizes.append(int(ours.recv()))
        except EOFError:
            raise Terminal(f"{vehicles} vehicles do not fit into this machine's memory") from None
        process.join()
    return round((sizes[1] - sizes[0]) / (MEMORY_AT[1] - MEMORY_AT[0]))


def _grow(vehicles: int, pipe: "multiprocessing.connection.Connection[int, int]") -> None:
    """Make a fleet with its sensor units, let each of them have one frame in its outbox, and say how much memory that takes."""
    source = FleetSource(Plan(vehicles=vehicles, regions=REGIONS, rate_hz=1.0))
    publisher = Publisher(source, Broker("127.0.0.1", 1), Habits(), ["0" * 8] * vehicles)
    while (source.due_s() or 0.0) < 1.0:
        for message in source.take(round(time.time() * 1000)):
            publisher.sensors[message.vehicle].publish(message.kind, message.payload, 0.0, 0.0)
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    pipe.send(pages * os.sysconf("SC_PAGE_SIZE"))


def physics_alone() -> Figures:
    """Vehicle-seconds a CPU second, in blocks that fit the cache: where all vehicles are on the road, which is the hard case, and at noon."""
    figures: Figures = {}
    for key, said, shares, busy in (
        ("physics_vehicle_s_per_core", "all on the road", (0.0, 0.0, 0.0, 1.0), 1.0),
        ("physics_usual_vehicle_s_per_core", "a usual fleet at noon", (0.7, 0.1, 0.12, 0.08), 0.0),
    ):
        worlds = physics.build(physics.Fleet(vehicles=PHYSICS_VEHICLES, regions=REGIONS, shares=shares))
        states = [_stepped(world, physics.started(world, NOON_S, busy), 130, 5.0) for world in worlds]
        began_s = time.process_time()
        for world, state in zip(worlds, states, strict=True):
            _stepped(world, state, PHYSICS_STEPS, 1.0)
        speed = PHYSICS_VEHICLES * PHYSICS_STEPS / (time.process_time() - began_s)
        figures[key] = (math.floor(speed), f"vehicle-seconds a CPU second, steps of 1 s, {PHYSICS_VEHICLES} vehicles, {said}")
    return figures


def past(days: float = 0.125) -> int:
    """Vehicle-hours of history a CPU second, with all tables."""
    began_s = time.process_time()
    wish = Wanted(fleet=physics.Fleet(vehicles=PHYSICS_VEHICLES, regions=REGIONS), start_s=NOON_S, days=days, window_s=1800.0)
    for _ in windows(wish):
        pass
    return math.floor(PHYSICS_VEHICLES * days * 24 / (time.process_time() - began_s))


def _stepped(world: physics.World, state: State, steps: int, dt_s: float) -> State:
    for _ in range(steps):
        state, _ = physics.stepped(world, state, dt_s)
    return state


@contextmanager
def mosquitto(folder: Path) -> Iterator[int]:
    """A bare broker on loopback; its port. Raises Terminal where there is none on this machine."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/sbin")
    if program is None:
        raise Terminal("mosquitto is not installed; install it (Debian: apt-get install mosquitto) to measure against it")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = folder / "mosquitto.conf"
    config.write_text(MOSQUITTO.format(port=port, user="root" if os.geteuid() == 0 else "mosquitto"))
    with (folder / "mosquitto.log").open("wb") as log:
        process = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def say(text: str) -> None:
    """One line for a person."""
    print(time.strftime("%H:%M:%S"), text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
