"""`voltlake simulate | replay`: vehicles that publish to a running stack, or to any MQTT broker."""

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from contracts import report
from contracts.errors import Terminal
from voltlake.commands import past
from voltlake.commands.broker import Acks, Authority, Certificate, Key, Login, Patience, Url, destination, of_stack
from voltlake.commands.options import DATA, Data, say
from voltlake.commands.progress import Progress
from voltlake.introduction import introduce
from voltlake.stack.layout import Layout

if TYPE_CHECKING:
    from simulators.measured import Summary
    from simulators.settings import FleetSettings

Seconds = Annotated[float, typer.Option("--seconds", help="How long; 0 until Ctrl-C.")]
JsonFile = Annotated[str, typer.Option("--json", help="File to write the report to.")]


def simulate(
    data: Data = DATA,
    vehicles: Annotated[int, typer.Option("--vehicles", help="How many, spread over the regions.")] = 100,
    rate: Annotated[float, typer.Option("--rate", help="Frames a second of each vehicle.")] = 1.0,
    seconds: Seconds = 0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed is the same fleet: models, homes, routes, faults.")] = 1,
    models: Annotated[str, typer.Option("--models", help="Comma-separated models; all where absent.")] = "",
    scenario: past.Scenario = "",
    labels: past.Labels = "",
    hot: Annotated[int, typer.Option("--hot", help="How many vehicles have a probe that swings past 60 C, for alerts to show.")] = 0,
    shape: Annotated[str, typer.Option("--shape", help="steady; ramp: vehicles join over the run; burst: all at one instant a period.")] = "steady",
    connect_rate: Annotated[float, typer.Option("--connect-rate", help="Connects a second; 0 is as many as the broker takes.")] = 0,
    storm: Annotated[bool, typer.Option("--storm", help="All connect, and reconnect, at the same instant.")] = False,
    reconnect_every: Annotated[float, typer.Option("--reconnect-every", help="Cut all connections each so many seconds; 0 is never.")] = 0,
    workers: Annotated[int, typer.Option("--workers", help="Processes on this machine.")] = 1,
    shard: Annotated[str, typer.Option("--shard", help="i/n: this machine has the i-th of n parts of the vehicles.")] = "1/1",
    broker: Url = "",
    ca: Authority = "",
    cert: Certificate = "",
    key: Key = "",
    login: Login = "",
    acks: Acks = "",
    patience: Patience = 30,
    regions: Annotated[str, typer.Option("--regions", help="With --broker or --history: comma-separated regions.")] = "eu-north,us-east",
    drain: Annotated[float, typer.Option("--drain", help="Seconds to wait at the end until all is safe; 0 does not wait.")] = 30,
    history: past.Days = 0,
    to: past.To = "",
    out: past.Out = past.HERE,
    until: past.Until = "",
    cadence: past.Cadence = 60,
    cells_every: past.CellsEvery = 600,
    json: JsonFile = "",
) -> None:
    """Drive a simulated fleet against the running stack, or load any MQTT broker; then wait until all its messages are safe.

    With --history no broker is needed: days of the fleet's past are written at simulation speed.

    Exit code: 0 where all is safe, 1 where something is not or no broker answers, 2 for options that make no sense.

    Example: voltlake simulate --vehicles 500 --rate 1 --seconds 60 --broker mqtt://127.0.0.1:1883 --json load.json;
    voltlake simulate --history 30 --to files --out history --vehicles 50 --scenario faults.yaml
    """
    fleet: dict[str, Any] = {"vehicles": vehicles, "seed": seed, "models": _parts(models)}
    live: dict[str, Any] = {
        "rate_hz": rate,
        "seconds": seconds,
        "scenario": scenario,
        "labels": labels,
        "hot_vehicles": hot,
        "shape": shape,
        "connect_rate": connect_rate,
        "connect_at_once": storm,
        "reconnect_s": reconnect_every,
        "drain_s": drain,
    }
    try:
        if history or to:
            wish = past.Past(history, to, out, until, cadence, cells_every, scenario, labels)
            past.write(wish, fleet | {"regions": tuple(_parts(regions))}, data)
            return
        there = destination(broker, (ca, cert, key), login, acks, patience) | {"regions": _parts(regions)} if broker else {}
    except Terminal as error:
        raise _wrong(error) from None
    there = there or of_stack(data, "fleet")
    if scenario and not labels and "ledger" in there:
        live["labels"] = str(Path(there["ledger"]) / "labels.jsonl")
        say(f"labels of the faults: {live['labels']}")
    try:
        settings = _settings(fleet | live | there, shard, workers)
        target = _writable(json)
    except Terminal as error:
        raise _wrong(error) from None
    if settings.registry:
        introduce(str(Layout(data.resolve()).lake), Path(settings.registry))
    _load(settings, workers, target)


def _parts(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _settings(values: dict[str, Any], shard: str, workers: int) -> "FleetSettings":
    """Checked settings, before anything is started. Raises Terminal."""
    from simulators.physics.models import find
    from simulators.run import planned
    from simulators.scenarios.plan import check as known
    from simulators.settings import FleetSettings, check
    from simulators.workers import part

    first, _, count = shard.partition("/")
    if not (first.isdecimal() and count.isdecimal() and 1 <= int(first) <= int(count)):
        raise Terminal(f"--shard {shard} is none; write i/n, such as 2/3 for the second of three machines")
    if workers < 1:
        raise Terminal(f"--workers is {workers}; it must be at least 1")
    try:
        settings = msgspec.convert(values | {"part": int(first) - 1, "parts": int(count)}, FleetSettings)
    except msgspec.ValidationError as error:
        raise Terminal(f"an option makes no sense: {error}") from None
    check(settings)
    check(part(settings, workers - 1, workers))
    for model in settings.models:
        find(model)
    if faults := planned(settings).scenario:
        known(faults, settings.prefix, settings.vehicles)
    if settings.labels:
        _writable(settings.labels)
    return settings


def _load(settings: "FleetSettings", workers: int, target: Path | None) -> None:
    from simulators import load_report
    from simulators.workers import measure_all

    stop, began_s = _Told(), time.process_time()
    with Progress() as progress:
        parts = measure_all(settings, workers, stop, progress)
    made = load_report.make(parts, time.process_time() - began_s)
    if target:
        report.write(made, target)
    for name in ("send_lag_p99_ms", "ack_p50_ms", "ack_p99_ms", "messages_per_cpu_s", "errors"):
        say(f"{name}: {made.figures[name].value} {made.figures[name].unit}")
    if warned := load_report.warning(parts):
        say(f"warning: {warned}")
    if said := load_report.unsafe(parts):
        typer.echo(f"voltlake: {said}", err=True)
        if settings.drain_s:
            raise typer.Exit(1)


def replay(
    files: Annotated[list[Path], typer.Argument(help="Recordings (Parquet or CSV); several are several vehicles at once.")],
    data: Data = DATA,
    speed: Annotated[float, typer.Option("--speed", help="1 is the recording's own pace, 0 is as fast as it becomes safe.")] = 1.0,
    seconds: Seconds = 0,
    mapping: Annotated[str, typer.Option("--mapping", help="File that says which columns are which signals; its schema: simulators/mappings.")] = "",
    trips: Annotated[str, typer.Option("--trips", help="Comma-separated trips; all where absent.")] = "",
    broker: Url = "",
    ca: Authority = "",
    cert: Certificate = "",
    key: Key = "",
    login: Login = "",
    acks: Acks = "",
    patience: Patience = 30,
) -> None:
    """Replay real recordings as vehicles, their time moved so that the last frame is now.

    Example: voltlake replay ../shared/data/bmw_i3_driving/trips_1hz.parquet --speed 10
    """
    from simulators.run import recorded
    from simulators.run import replay as run
    from simulators.settings import ReplaySettings, check

    if absent := [str(file) for file in files if not file.is_file()]:
        raise _wrong(Terminal(f"cannot read the recording {', '.join(absent)}: there is no such file"))
    there = {} if broker else of_stack(data, "replay")
    try:
        if broker:
            there = destination(broker, (ca, cert, key), login, acks, patience)
        chosen: dict[str, Any] = {"seconds": seconds, "files": [str(file) for file in files], "speed": speed, "mapping": mapping}
        chosen["trips"] = _parts(trips)
        settings = msgspec.convert(chosen | there, ReplaySettings)
        check(settings)
        source = recorded(settings)
    except Terminal as error:
        raise _wrong(error) from None
    if settings.registry:
        introduce(str(Layout(data.resolve()).lake), Path(settings.registry))
    with Progress() as progress:
        summary = run(settings, _Told(), progress, source)
    _judge(summary)


def _writable(file: str) -> Path | None:
    """Where the report goes, tried before a long run. Raises Terminal."""
    if not file:
        return None
    path = Path(file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise Terminal(f"{file} is a folder; name a file")
        half = path.with_name(path.name + ".tmp")
        half.touch()
        half.unlink()
    except OSError as error:
        raise Terminal(f"cannot write {file}: {error.strerror}; name another file") from None
    return path


def _wrong(error: Terminal) -> typer.Exit:
    """Say what makes no sense; exit code 2."""
    typer.echo(f"voltlake: {error}", err=True)
    return typer.Exit(2)


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


def _judge(summary: "Summary") -> None:
    """Exit code 1 where something is not safe after the drain."""
    if summary.pending or summary.dropped:
        typer.echo(f"voltlake: {summary.pending} messages are not safe and {summary.dropped} were dropped: does the broker answer?", err=True)
        raise typer.Exit(1)
