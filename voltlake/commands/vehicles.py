"""`voltlake simulate | replay`: vehicles that publish to a running stack."""

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voltlake.commands.options import DATA, Data, say

if TYPE_CHECKING:
    from simulators.run import Summary

Seconds = Annotated[float, typer.Option("--seconds", help="How long; 0 until Ctrl-C.", min=0)]


def simulate(
    data: Data = DATA,
    vehicles: Annotated[int, typer.Option("--vehicles", help="How many, spread over the stack's regions.", min=1)] = 100,
    rate: Annotated[float, typer.Option("--rate", help="Frames a second of each vehicle.")] = 1.0,
    seconds: Seconds = 0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed drives the same routes.")] = 1,
) -> None:
    """Drive a simulated fleet against the running stack, until Ctrl-C; then wait until all its messages are safe.

    Example: voltlake simulate --vehicles 500 --rate 1 --seconds 60
    """
    from simulators.run import simulate as run
    from simulators.settings import FleetSettings
    from voltlake.stack import record

    found = record.require(data.resolve())
    settings = FleetSettings(
        mqtt_port=found.plan.ports["mqtt"],
        regions=found.plan.regions,
        seconds=seconds,
        vehicles=vehicles,
        rate_hz=rate,
        seed=seed,
        ledger=str(ledger(found.layout.ledger, "fleet")),
    )
    _judge(run(settings, _Told(), _show))


def replay(
    files: Annotated[list[Path], typer.Argument(help="Recordings (Parquet or CSV).", exists=True, dir_okay=False)],
    data: Data = DATA,
    speed: Annotated[float, typer.Option("--speed", help="1 is the recording's own pace, 0 is as fast as it becomes safe.")] = 1.0,
    seconds: Seconds = 0,
) -> None:
    """Replay real recordings as vehicles, their time moved so that the last frame is now.

    Example: voltlake replay ../shared/data/bmw_i3_driving/trips_1hz.parquet --speed 10
    """
    from simulators.run import replay as run
    from simulators.settings import ReplaySettings
    from voltlake.stack import record

    found = record.require(data.resolve())
    settings = ReplaySettings(
        mqtt_port=found.plan.ports["mqtt"],
        regions=found.plan.regions,
        seconds=seconds,
        files=tuple(str(file) for file in files),
        speed=speed,
        ledger=str(ledger(found.layout.ledger, "replay")),
    )
    _judge(run(settings, _Told(), _show))


def ledger(folder: Path, kind: str) -> Path:
    """A folder of its own for each run, as each writes its progress there."""
    return folder / f"{kind}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{time.time_ns() % 1_000_000:06d}"


class _Told:
    """True from the first SIGINT or SIGTERM on; a second one ends the process in the usual way."""

    def __init__(self) -> None:
        self._told = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._hear)

    def _hear(self, number: int, _frame: object) -> None:
        self._told = True
        signal.signal(number, signal.SIG_DFL)

    def __call__(self) -> bool:
        return self._told


def _show(summary: "Summary") -> None:
    say(
        f"{summary.seconds:7.1f} s  vehicles {summary.connected}/{summary.vehicles}  published {summary.published}  safe {summary.safe}  "
        f"pending {summary.pending}  resent {summary.resent}"
    )


def _judge(summary: "Summary") -> None:
    """Exit code 1 where something is not safe after the drain."""
    if summary.pending or summary.dropped:
        say(f"{summary.pending} messages are not safe and {summary.dropped} were dropped: 'voltlake status' shows what is down")
        raise typer.Exit(1)
