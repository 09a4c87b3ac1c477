"""The vehicles of a demo: simulators as child processes that die with it."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from contracts.errors import Terminal
from voltlake.settings import PROJECT, Surroundings
from voltlake.stack.logs import last_words
from voltlake.stack.plan import Plan
from voltlake.stack.processes import FRUGAL
from voltlake.stack.supervisor import LAUNCH

RECORDINGS = "trips_1hz.parquet"
BESIDE = PROJECT.parent / "shared" / "data"
DRAIN_S = 60.0


class Progress(msgspec.Struct, frozen=True):
    """What a simulator says of itself every second."""

    vehicles: int = 0
    published: int = 0
    safe: int = 0
    pending: int = 0
    dropped: int = 0


class Simulator:
    """One running simulator."""

    def __init__(self, name: str, words: list[str], settings: Mapping[str, str], plan: Plan, around: Surroundings) -> None:
        """Start it. Call from the main thread: the kernel ties the child to the thread that starts it."""
        self.name = name
        self.ledger = Path(settings["SIMULATOR_LEDGER"])
        self._log = plan.layout.log(name)
        command = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), "0", sys.executable, "-m", "simulators", *words]
        with self._log.open("ab") as output:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=around.environ | FRUGAL | dict(settings),
                start_new_session=True,
            )

    def progress(self) -> Progress:
        """As it stands now; zeros before its first second is over."""
        try:
            return msgspec.json.decode((self.ledger / "progress.json").read_bytes(), type=Progress)
        except FileNotFoundError:
            return Progress()

    def check(self) -> None:
        """Raises Terminal with its own words where it cannot run."""
        if self._child.poll() not in (None, 0, 1):
            raise Terminal(f"{self.name} ended: {last_words(self._log)}")

    def ask_to_end(self) -> None:
        """It stops publishing and waits until everything is safe."""
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)

    def ended_well(self) -> bool:
        """Wait for its end; whether everything that it published was told safe."""
        try:
            return self._child.wait(DRAIN_S + 30) == 0
        except subprocess.TimeoutExpired:
            self.kill()
            return False

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._child.poll() is None

    def kill(self) -> None:
        """End it at once."""
        self._child.kill()
        self._child.wait()


def recordings(folder: Path | None) -> list[Path]:
    """The recordings to replay: `*/trips_1hz.parquet` in that folder, by default in `shared/data` beside the project.

    [] where there is no such folder by default; raises Terminal where a named one has none.
    """
    found = sorted((folder or BESIDE).rglob(RECORDINGS)) if (folder or BESIDE).is_dir() else []
    if folder and not found:
        raise Terminal(f"--recordings: there is no {RECORDINGS} in {folder}")
    return found


def fleet(plan: Plan, around: Surroundings, ledger: Path, vehicles: int, rate_hz: float, **more: object) -> Simulator:
    """A simulated fleet over all regions; `more` are further fields of the simulator's settings."""
    settings = _settings(plan, ledger) | {"SIMULATOR_VEHICLES": str(vehicles), "SIMULATOR_RATE_HZ": str(rate_hz)}
    return Simulator("simulator-fleet", ["fleet"], settings | {f"SIMULATOR_{name.upper()}": str(value) for name, value in more.items()}, plan, around)


def replay(plan: Plan, around: Surroundings, ledger: Path, files: list[Path]) -> Simulator:
    """Real drives at their own pace, each trip a vehicle."""
    return Simulator("simulator-replay", ["replay", *map(str, files)], _settings(plan, ledger), plan, around)


def _settings(plan: Plan, ledger: Path) -> dict[str, str]:
    ledger.mkdir(parents=True, exist_ok=True)
    return {
        "SIMULATOR_MQTT_PORT": str(plan.ports["mqtt"]),
        "SIMULATOR_REGIONS": ",".join(plan.regions),
        "SIMULATOR_LEDGER": str(ledger),
        "SIMULATOR_REGISTRY": str(ledger / "registry.csv"),
        "SIMULATOR_DRAIN_S": f"{DRAIN_S:.0f}",
    }
