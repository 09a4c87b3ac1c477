"""`python -m simulators fleet` or `python -m simulators replay [FILE…]`: one simulator process, configured by SIMULATOR_ variables."""

import logging
import os
import signal
import sys
from types import FrameType

import msgspec

from contracts.errors import Broken
from contracts.settings import load
from simulators import run
from simulators.settings import FleetSettings, ReplaySettings

PREFIX = "SIMULATOR_"
USAGE = "usage: python -m simulators fleet | replay [FILE ...]   (settings: SIMULATOR_... variables, see simulators/settings.py)"


class _Stop:
    """True after SIGINT or SIGTERM; a second one ends the wait for what is not safe."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGINT, self._ask)
        signal.signal(signal.SIGTERM, self._ask)

    def __call__(self) -> bool:
        return self.asked

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def main(arguments: list[str]) -> int:
    """Run until the end; the summary goes to stdout as JSON. 0 where all is safe, 1 where something is not, 2 for bad input."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    stop = _Stop()
    try:
        if arguments == ["fleet"]:
            fleet = load(FleetSettings, os.environ, PREFIX)
            drain_s, summary = fleet.drain_s, run.simulate(fleet, stop)
        elif arguments[:1] == ["replay"]:
            replay = load(ReplaySettings, os.environ, PREFIX)
            replay = msgspec.structs.replace(replay, files=(*replay.files, *arguments[1:]))
            drain_s, summary = replay.drain_s, run.replay(replay, stop)
        else:
            print(USAGE, file=sys.stderr)
            return 2
    except Broken as error:
        print(f"simulators: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("simulators: stopped without waiting for what is not safe", file=sys.stderr)
        return 1
    print(msgspec.json.encode(summary).decode())
    return 1 if drain_s and (summary.pending or summary.dropped) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
