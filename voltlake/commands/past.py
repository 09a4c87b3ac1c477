"""`voltlake simulate --history DAYS`: days of a fleet as files or into the lake, at simulation speed, with the labels of its faults."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from contracts.errors import Terminal
from voltlake.commands.options import say

if TYPE_CHECKING:
    from simulators.history.tables import Wanted
    from simulators.scenarios.plan import Fault

Scenario = Annotated[str, typer.Option("--scenario", help="Faults (YAML); `voltlake scenario` lists the kinds and checks a file.")]
Labels = Annotated[
    str,
    typer.Option(
        "--labels", help="File for the labels of the faults (JSON lines); without it beside the files of a history, or the ledger of the stack."
    ),
]
Days = Annotated[float, typer.Option("--history", help="Write so many days of the past instead of driving live.")]
To = Annotated[str, typer.Option("--to", help="With --history: files (Parquet), or lake (that of --data).")]
Out = Annotated[Path, typer.Option("--out", help="With --to files: the folder; it must not hold a history yet.")]
Until = Annotated[str, typer.Option("--until", help="With --history: when it ends (ISO 8601, UTC); now where absent.")]
Cadence = Annotated[float, typer.Option("--cadence", help="With --history: seconds between frames, 1 to 60.")]
CellsEvery = Annotated[float, typer.Option("--cells-every", help="With --history: seconds between two reports of all cell voltages.")]


HERE = Path("history")
FILE_ROWS, COMMIT_ROWS = 200_000, 50_000
"""Frames of a window: what stands in memory at a time, and in one file or one commit."""


class Past(msgspec.Struct, frozen=True):
    """What `--history` asks for."""

    days: float
    to: str
    out: Path
    until: str
    cadence_s: float
    cells_s: float
    scenario: str
    labels: str


def write(past: Past, fleet: dict[str, Any], data: Path) -> None:
    """Write the history and say how fast that went. Raises Terminal."""
    from simulators.history import tables
    from simulators.scenarios import labels, scenario
    from simulators.scenarios.plan import vehicle_id

    if past.to not in {"files", "lake"}:
        raise Terminal(f"--to {past.to or '(nothing)'} is none; write --to files or --to lake")
    wanted = _wanted(past, fleet)
    faults: list[Fault] = tables.faults_of(wanted, scenario.load(Path(past.scenario)) if past.scenario else None)
    began_s = time.monotonic()
    with typer.progressbar(length=1000, label="history", show_pos=False) as bar:
        said = _to(past, data)(wanted, faults, lambda share: bar.update(round(share * 1000) - bar.pos))
    if past.labels:
        labels.write(faults, lambda number: vehicle_id(wanted.prefix, number), Path(past.labels))
    took_s = time.monotonic() - began_s
    hours = wanted.fleet.vehicles * past.days * 24
    say(said)
    say(f"{hours:.0f} vehicle-hours in {took_s:.1f} s: {hours / took_s:.0f} vehicle-hours a second")


Writer = Callable[["Wanted", "Sequence[Fault]", Callable[[float], None]], str]
"""Writes a history, tells its progress, and says what it wrote."""


def _to(past: Past, data: Path) -> Writer:
    return _files(past.out) if past.to == "files" else _lake(data)


def _files(out: Path) -> Writer:
    from simulators.history import files

    def write(wanted: "Wanted", faults: "Sequence[Fault]", progress: Callable[[float], None]) -> str:
        done = files.write(wanted, faults, out, progress)
        return f"{done.telemetry} frames, {done.cells} cell reports, {done.events} events, {done.labels} labels in {out}"

    return write


def _lake(data: Path) -> Writer:
    from voltlake.history import lake
    from voltlake.stack.layout import Layout
    from voltlake.stack.locking import take

    layout = Layout(data.resolve())

    def write(wanted: "Wanted", faults: "Sequence[Fault]", progress: Callable[[float], None]) -> str:
        layout.data.mkdir(parents=True, exist_ok=True)
        held = take(layout.lock)  # no stack starts meanwhile: silver has one writer
        done = lake.write(wanted, faults, str(layout.lake), refine=held is not None, progress=progress)
        if held is None:
            return f"{done.bronze} records in bronze; the running stack refines them"
        return f"{done.bronze} records in bronze, {done.silver} rows in silver, {done.quarantine} in quarantine, {done.duplicates} seen before"

    return write


def _wanted(past: Past, fleet: dict[str, Any]) -> "Wanted":
    """The wish in the simulator's words. Raises Terminal."""
    from simulators.history.tables import Wanted
    from simulators.physics.world import Fleet

    if not past.days > 0:
        raise Terminal(f"--history {past.days:g} is none; give days, such as 30 or 0.5")
    _sensible(past, fleet)
    end_s = _instant(past.until) if past.until else time.time() // 60 * 60
    window_s = min(max((FILE_ROWS if past.to == "files" else COMMIT_ROWS) / fleet["vehicles"] * past.cadence_s, past.cadence_s), 86_400)
    return Wanted(
        fleet=Fleet(**(fleet | {"models": tuple(fleet["models"])})),
        start_s=end_s - past.days * 86_400,
        days=past.days,
        cadence_s=past.cadence_s,
        cells_s=past.cells_s,
        window_s=window_s,
    )


def _sensible(past: Past, fleet: dict[str, Any]) -> None:
    from simulators.settings import FleetSettings, check

    check(FleetSettings(vehicles=fleet["vehicles"], regions=fleet["regions"], cells_s=past.cells_s, labels=past.labels, scenario=past.scenario))
    if not 1 <= past.cadence_s <= 60:
        raise Terminal(f"--cadence is {past.cadence_s:g}; it must be 1 to 60 seconds")


def _instant(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Terminal(f"--until {text} is no instant; write one such as 2026-06-30T00:00:00") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
