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
from simulators.dialler import Broker, Storm
from simulators.fleet_source import FleetSource, Plan
from simulators.ledger import replace, write_ledger
from simulators.mapping import mapping_file, shipped_mappings
from simulators.measured import LAGS, Measured, Summary, peak_bytes, waited_s
from simulators.metrics import Metrics
from simulators.mqtt_packets import describe
from simulators.outbox import Limits
from simulators.publish import Publisher
from simulators.recordings import load
from simulators.registry import write_registry
from simulators.replay_source import ReplaySource
from simulators.sensor import Habits
from simulators.settings import FleetSettings, ReplaySettings, Settings, check
from simulators.shape import shaped
from simulators.source import Source
from simulators.tls import context

log = logging.getLogger("simulators.run")

PROGRESS = "progress.json"


def never() -> bool:
    """A `stop` that lets a run go on to its end."""
    return False


def simulate(settings: FleetSettings, stop: Callable[[], bool] = never, progress: Callable[[Summary], None] | None = None) -> Summary:
    """Run a simulated fleet until its seconds are over or `stop()`; `progress` hears a summary every second.

    Raises Terminal, and Transient where no broker answers within `patience_s`.
    """
    return measure(settings, stop, progress).summary


def measure(settings: FleetSettings, stop: Callable[[], bool] = never, progress: Callable[[Summary], None] | None = None) -> Measured:
    """As `simulate`, with all that was measured on the way."""
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
        fidelity=settings.fidelity,
        models=settings.models,
        part=settings.part,
        parts=settings.parts,
    )
    return _run(shaped(FleetSource(plan), settings.shape, settings.seconds, 1 / settings.rate_hz), settings, stop, progress)


def replay(
    settings: ReplaySettings,
    stop: Callable[[], bool] = never,
    progress: Callable[[Summary], None] | None = None,
    source: Source | None = None,
) -> Summary:
    """Replay recordings (`source` where they are read already) until they end, or their seconds are over, or `stop()`. Raises Broken."""
    check(settings)
    return _run(source or recorded(settings), settings, stop, progress).summary


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


def _run(source: Source, settings: Settings, stop: Callable[[], bool], progress: Callable[[Summary], None] | None) -> Measured:
    _raise_open_files(len(source.vehicles) + 64)
    if settings.registry:
        count = write_registry(Path(settings.registry), source.vehicles)
        log.info("wrote the master data of %d vehicles to %s", count, settings.registry)
    publisher = _publisher(source, settings)
    watch = _Watch(publisher, settings, progress)
    publisher.on_tick = watch.tick
    try:
        if publisher.connect(stop, settings.patience_s, _rest_s(settings, len(source.vehicles))):
            log.info("publishing as %d vehicles in %s", len(source.vehicles), ", ".join(settings.regions))
            watch.begin()
            publisher.run(stop, settings.seconds)
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


class _Watch:
    """Ledger, progress and metrics of a run, about every second and at the end."""

    def __init__(self, publisher: Publisher, settings: Settings, progress: Callable[[Summary], None] | None) -> None:
        self._publisher, self._progress = publisher, progress
        self._folder = Path(settings.ledger) if settings.ledger else None
        name = f"ledger-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}.jsonl"
        self._ledger = self._folder / name if self._folder else None
        self._metrics = Metrics(settings.metrics_port)
        self._cpu_s, self._waited_s, self._start_s = time.process_time(), waited_s(), time.monotonic()
        self._connect_s = 0.0
        self._measured: Measured | None = None

    def begin(self) -> None:
        """The first frame is due now."""
        now = time.monotonic()
        self._connect_s, self._start_s = now - self._start_s, now

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

    def measured(self) -> Measured:
        """All that was measured until the first call of this: leaving is no part of it."""
        if self._measured is None:
            of = self._publisher
            lags = dict(zip(LAGS, (of.tally.send_lag, of.tally.puback, of.connect_lag, of.handed_lag, of.busy), strict=True))
            refused = {f"message refused: {describe(code)}": count for code, count in of.tally.reasons.items()}
            unread = {"ack not readable": of.tally.malformed_acks} if of.tally.malformed_acks else {}
            self._measured = Measured(
                summary=self._summary(finished=True),
                lags={name: one.packed() for name, one in lags.items()},
                errors=dict(of.errors) | refused | unread,
                handed_late=of.handed_late,
                connects=of.connect_lag.count,
                connect_s=round(self._connect_s, 3),
                waited_s=round(waited_s() - self._waited_s, 3),
                peak_bytes=peak_bytes(),
                why=of.dialler.why if of.tally.connected < len(of.sensors) else "",
            )
        return self._measured

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
