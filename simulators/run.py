"""One run of a fleet or a replay, from settings to a summary: what the `voltlake` command and `python -m simulators` call."""

import logging
import os
import resource
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from contracts.errors import Terminal
from simulators.fleet_source import FleetSource, Plan
from simulators.ledger import replace, write_ledger
from simulators.mapping import mapping_file, shipped_mappings
from simulators.metrics import Metrics
from simulators.outbox import Limits
from simulators.publish import Broker, Publisher
from simulators.recordings import load
from simulators.registry import write_registry
from simulators.replay_source import ReplaySource
from simulators.sensor import Habits
from simulators.settings import FleetSettings, ReplaySettings, Settings, check
from simulators.source import Source

log = logging.getLogger("simulators.run")

PROGRESS = "progress.json"


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did; also the live progress, every second, as `progress.json` in the ledger folder.

    Counts are messages of all kinds: `published` got a seq; `acknowledged` are PUBACKs of the broker, resends included;
    `held` and `safe` were ever told so; `pending` are neither safe nor dropped; `late` were first sent more than 100 ms after
    they were due. Lags (ms) are from the instant a message was due to its first send, `puback` from a send to its PUBACK.
    """

    vehicles: int
    connected: int
    published: int
    acknowledged: int
    refused: int
    held: int
    safe: int
    pending: int
    resent: int
    dropped: int
    dropped_held: int
    late: int
    send_lag_p50_ms: float | None
    send_lag_p99_ms: float | None
    send_lag_max_ms: float | None
    puback_p50_ms: float | None
    puback_p99_ms: float | None
    seconds: float
    cpu_s: float
    finished: bool


def never() -> bool:
    """A `stop` that lets a run go on to its end."""
    return False


def simulate(settings: FleetSettings, stop: Callable[[], bool] = never, progress: Callable[[Summary], None] | None = None) -> Summary:
    """Run a simulated fleet until its seconds are over or `stop()`; `progress` hears a summary every second. Raises Terminal."""
    check(settings)
    plan = Plan(
        vehicles=settings.vehicles,
        regions=settings.regions,
        rate_hz=settings.rate_hz,
        seconds=settings.seconds,
        seed=settings.seed,
        cells_s=settings.cells_s,
        hot=settings.hot_vehicles,
        every_signal=settings.every_signal,
        prefix=settings.prefix,
    )
    return _run(FleetSource(plan), settings, stop, progress)


def replay(settings: ReplaySettings, stop: Callable[[], bool] = never, progress: Callable[[Summary], None] | None = None) -> Summary:
    """Replay recordings until they end, or their seconds are over, or `stop()`. Raises Terminal."""
    check(settings)
    if not settings.files:
        raise Terminal("no recording is given; name at least one file")
    mappings = [mapping_file(Path(settings.mapping))] if settings.mapping else shipped_mappings()
    recordings = [one for file in settings.files for one in load(Path(file), mappings)]
    if settings.trips:
        known = sorted(one.trip for one in recordings)
        recordings = [one for one in recordings if one.trip in settings.trips]
        if missing := sorted(set(settings.trips) - set(known)):
            raise Terminal(f"trips {', '.join(missing)} are not in the recordings; known are {', '.join(known)}")
    return _run(ReplaySource(recordings, settings.regions, settings.speed), settings, stop, progress)


def read_progress(folder: Path) -> list[Summary]:
    """The progress of the runs whose ledgers stand in a folder or below it: one folder a process. Raises Terminal."""
    found = []
    for path in sorted(folder.rglob(PROGRESS)):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Summary))
        except (OSError, msgspec.MsgspecError) as error:
            raise Terminal(f"cannot read the progress {path}: {error}") from None
    return found


def _run(source: Source, settings: Settings, stop: Callable[[], bool], progress: Callable[[Summary], None] | None) -> Summary:
    _raise_open_files(len(source.vehicles) + 64)
    if settings.registry:
        count = write_registry(Path(settings.registry), source.vehicles)
        log.info("wrote the master data of %d vehicles to %s", count, settings.registry)
    limits = Limits(settings.resend_s, settings.held_s, settings.outbox_messages)
    habits = Habits(limits, settings.state_s, puback_is_safe=settings.puback_is_safe)
    login = (settings.mqtt_user, settings.mqtt_password.reveal()) if settings.mqtt_user else None
    boots = [settings.boot_id or secrets.token_hex(4) for _ in source.vehicles]
    publisher = Publisher(source, Broker(settings.mqtt_host, settings.mqtt_port, settings.keep_alive_s, login), habits, boots)
    watch = _Watch(publisher, settings, progress)
    publisher.on_tick = watch.tick
    try:
        if publisher.connect(stop):
            log.info("publishing as %d vehicles in %s", len(source.vehicles), ", ".join(settings.regions))
            watch.begin()
            publisher.run(stop, settings.seconds)
            if settings.drain_s and (unsafe := publisher.drain(never, settings.drain_s)):
                log.error("%d messages are not safe %g s after the last frame: is a gateway of each region running?", unsafe, settings.drain_s)
        publisher.close()
    finally:
        publisher.release()
        summary = watch.end()
    return summary


def _raise_open_files(wanted: int) -> None:
    """Let this process have so many sockets. Raises Terminal where the system does not allow it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY not in {soft, hard} and hard < wanted:
        raise Terminal(f"{wanted} open files are needed and the system allows {hard}; raise it (ulimit -Hn) or simulate fewer vehicles")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Watch:
    """Ledger, progress and metrics of a run, about every second and at the end."""

    def __init__(self, publisher: Publisher, settings: Settings, progress: Callable[[Summary], None] | None) -> None:
        self._publisher, self._progress = publisher, progress
        self._folder = Path(settings.ledger) if settings.ledger else None
        name = f"ledger-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}.jsonl"
        self._ledger = self._folder / name if self._folder else None
        self._metrics = Metrics(settings.metrics_port)
        self._cpu_s, self._start_s = time.process_time(), time.monotonic()

    def begin(self) -> None:
        """The first frame is due now."""
        self._start_s = time.monotonic()

    def tick(self, *, finished: bool = False) -> Summary:
        """Write everything as it stands."""
        summary = self._summary(finished=finished)
        self._metrics.show(summary.published, summary.acknowledged, summary.refused, summary.pending)
        if self._folder and self._ledger:
            write_ledger(self._ledger, self._publisher.sensors)
            replace(self._folder / PROGRESS, msgspec.json.encode(summary))
        if self._progress:
            self._progress(summary)
        return summary

    def end(self) -> Summary:
        """The last summary."""
        return self.tick(finished=True)

    def _summary(self, *, finished: bool) -> Summary:
        tally, boxes = self._publisher.tally, [box for sensor in self._publisher.sensors for box in sensor.boxes]
        return Summary(
            vehicles=len(self._publisher.sensors),
            connected=tally.connected,
            published=sum(box.published for box in boxes),
            acknowledged=tally.acknowledged,
            refused=tally.refused,
            held=sum(len(box.held) for box in boxes),
            safe=sum(len(box.safe) for box in boxes),
            pending=sum(box.pending for box in boxes),
            resent=tally.resent,
            dropped=sum(len(box.dropped) for box in boxes),
            dropped_held=sum(box.dropped_held for box in boxes),
            late=tally.late,
            send_lag_p50_ms=_ms(tally.send_lag.percentile(50)),
            send_lag_p99_ms=_ms(tally.send_lag.percentile(99)),
            send_lag_max_ms=_ms(tally.send_lag.percentile(100)),
            puback_p50_ms=_ms(tally.puback.percentile(50)),
            puback_p99_ms=_ms(tally.puback.percentile(99)),
            seconds=round(time.monotonic() - self._start_s, 3),
            cpu_s=round(time.process_time() - self._cpu_s, 3),
            finished=finished,
        )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
