"""One run of a fleet or a replay, from settings to a summary: what the `voltlake` command and `python -m simulators` call."""

import logging
import resource
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from contracts.errors import Terminal
from simulators.conduct import Habits
from simulators.dialler import Broker, Storm
from simulators.fleet_source import FleetSource, Plan
from simulators.mapping import mapping_file, shipped_mappings
from simulators.measured import Measured, Summary
from simulators.outbox import Limits
from simulators.publish import Publisher
from simulators.recordings import load
from simulators.registry import write_registry
from simulators.replay_source import ReplaySource
from simulators.scenarios import labels, scenario
from simulators.scenarios.plan import vehicle_id
from simulators.settings import FleetSettings, ReplaySettings, Settings, check
from simulators.shape import shaped
from simulators.source import Source
from simulators.tls import context
from simulators.watch import PROGRESS, Watch

log = logging.getLogger("simulators.run")


def now_ms() -> int:
    """A `start` that is now."""
    return round(time.time() * 1000)


def never() -> bool:
    """A `stop` that lets a run go on to its end."""
    return False


def simulate(settings: FleetSettings, stop: Callable[[], bool] = never, progress: Callable[[Summary], None] | None = None) -> Summary:
    """Run a simulated fleet until its seconds are over or `stop()`; `progress` hears a summary every second.

    Raises Terminal, and Transient where no broker answers within `patience_s`.
    """
    return measure(settings, stop, progress).summary


def measure(
    settings: FleetSettings,
    stop: Callable[[], bool] = never,
    progress: Callable[[Summary], None] | None = None,
    start: Callable[[], int | None] = now_ms,
) -> Measured:
    """As `simulate`, with all that was measured. Once all is connected `start` is asked until it gives the instant of the start (epoch ms)."""
    check(settings)
    plan = planned(settings)
    source = FleetSource(plan)
    return _run(shaped(source, settings.shape, settings.seconds, 1 / settings.rate_hz), settings, stop, progress, _labelled(plan, settings, start))


def planned(settings: FleetSettings) -> Plan:
    """The fleet that the settings ask for. Raises Terminal for a scenario that is wrong."""
    return Plan(
        vehicles=settings.vehicles,
        regions=settings.regions,
        rate_hz=settings.rate_hz,
        seconds=settings.seconds,
        seed=settings.seed,
        cells_s=settings.cells_s,
        hot=settings.hot_vehicles,
        every_signal=settings.every_signal,
        prefix=settings.prefix,
        models=settings.models,
        part=settings.part,
        parts=settings.parts,
        scenario=scenario.load(Path(settings.scenario)) if settings.scenario else None,
    )


def write_labels(plan: Plan, start_ms: int, path: Path) -> None:
    """The labels of a plan's faults, as it is carried out from that instant on. Raises Terminal."""
    count = labels.write(plan.faults(start_ms), lambda number: vehicle_id(plan.prefix, number), path)
    log.info("wrote %d labels of faults to %s", count, path)


def _labelled(plan: Plan, settings: FleetSettings, start: Callable[[], int | None]) -> Callable[[], int | None]:
    """The start, with the labels written where they are wanted."""

    def begin() -> int | None:
        start_ms = start()
        if start_ms is not None and settings.labels:
            write_labels(plan, start_ms, Path(settings.labels))
        return start_ms

    return begin


def replay(
    settings: ReplaySettings,
    stop: Callable[[], bool] = never,
    progress: Callable[[Summary], None] | None = None,
    source: Source | None = None,
) -> Summary:
    """Replay recordings (`source` where they are read already) until they end, or their seconds are over, or `stop()`. Raises Broken."""
    check(settings)
    return _run(source or recorded(settings), settings, stop, progress, now_ms).summary


def recorded(settings: ReplaySettings) -> ReplaySource:
    """The recordings that the settings name, each trip a vehicle. Raises Terminal for one that cannot be read."""
    if not settings.files:
        raise Terminal("no recording is given; name at least one file")
    mappings = [mapping_file(Path(settings.mapping))] if settings.mapping else shipped_mappings()
    recordings = [one for file in settings.files for one in load(Path(file), mappings)]
    if settings.trips:
        known = sorted(one.trip for one in recordings)
        recordings = [one for one in recordings if one.trip in settings.trips]
        if missing := sorted(set(settings.trips) - set(known)):
            raise Terminal(f"trips {', '.join(missing)} are not in the recordings; known are {', '.join(known)}")
    return ReplaySource(recordings, settings.regions, settings.speed)


def read_progress(folder: Path) -> list[Summary]:
    """The progress of the runs whose ledgers stand in a folder or below it: one folder a process. Raises Terminal."""
    found = []
    for path in sorted(folder.rglob(PROGRESS)):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Summary))
        except (OSError, msgspec.MsgspecError) as error:
            raise Terminal(f"cannot read the progress {path}: {error}") from None
    return found


def _run(
    source: Source, settings: Settings, stop: Callable[[], bool], progress: Callable[[Summary], None] | None, start: Callable[[], int | None]
) -> Measured:
    _raise_open_files(len(source.vehicles) + 64)
    if settings.registry:
        count = write_registry(Path(settings.registry), source.vehicles)
        log.info("wrote the master data of %d vehicles to %s", count, settings.registry)
    publisher = _publisher(source, settings)
    watch = Watch(publisher, settings, progress)
    publisher.on_tick = watch.tick
    try:
        if publisher.connect(stop, settings.patience_s, _rest_s(settings, len(source.vehicles))):
            start_ms = publisher.wait(start, stop)
            log.info("publishing as %d vehicles in %s", len(source.vehicles), ", ".join(settings.regions))
            watch.begin()
            if start_ms is not None:
                publisher.run(start_ms, stop, settings.seconds)
            if settings.drain_s and (unsafe := publisher.drain(never, settings.drain_s)):
                whose = "does the broker answer?" if settings.puback_is_safe else "is a gateway of each region running?"
                log.error("%d messages are not safe %g s after the last frame: %s", unsafe, settings.drain_s, whose)
        watch.measured()
        publisher.close()
    finally:
        publisher.release()
        summary = watch.end()
    return msgspec.structs.replace(watch.measured(), summary=summary)


def _publisher(source: Source, settings: Settings) -> Publisher:
    limits = Limits(settings.resend_s, settings.held_s, settings.outbox_messages)
    habits = Habits(limits, settings.state_s, puback_is_safe=settings.puback_is_safe)
    login = (settings.mqtt_user, settings.mqtt_password.reveal()) if settings.mqtt_user else None
    tls = context(settings.mqtt_ca, settings.mqtt_cert, settings.mqtt_key) if settings.mqtt_tls else None
    broker = Broker(settings.mqtt_host, settings.mqtt_port, settings.keep_alive_s, login, tls)
    storm = Storm(settings.connect_rate, settings.connect_at_once, settings.reconnect_s)
    boots = [settings.boot_id or secrets.token_hex(4) for _ in source.vehicles]
    return Publisher(source, broker, habits, boots, storm)


def _rest_s(settings: Settings, vehicles: int) -> float:
    """How long the last vehicle may take to connect after the first."""
    return 5.0 + (vehicles / settings.connect_rate if settings.connect_rate else vehicles / 500)


def _raise_open_files(wanted: int) -> None:
    """Let this process have so many sockets. Raises Terminal where the system does not allow it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY not in {soft, hard} and hard < wanted:
        raise Terminal(f"{wanted} open files are needed and the system allows {hard}; raise it (ulimit -Hn) or simulate fewer vehicles")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
