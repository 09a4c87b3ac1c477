"""The event loop: every vehicle's MQTT connection in one thread, and messages sent at the instants they are due.

The schedule is open-loop: a message that is sent late keeps the instant at which it was due as its `ts`, and its lateness is
counted. This is the only place that talks MQTT to the world; `mqtt_packets` and `mqtt_connection` are its parts.
"""

import heapq
import logging
import random
import selectors
import socket
import time
from collections.abc import Callable, Sequence

import msgspec

from simulators.mqtt_connection import READY, Connection, Options
from simulators.sensor import Habits, Sensor, Tally, Unit
from simulators.source import Source

log = logging.getLogger("simulators.publish")

UPKEEP_S = 0.5
TICK_S = 1.0
MOST_DIALLING = 64
"""Connects at a time: a broker's accept queue is some 100 deep."""
WARN_S = 10.0
BACKOFF_S = (0.2, 5.0)
_UNPACED_PENDING = 64
"""Messages a vehicle that are not safe yet, on the mean, at which a source without a pace has to wait."""


class Broker(msgspec.Struct, frozen=True):
    """Where the broker is; `login` is user name and password."""

    host: str
    port: int
    keep_alive_s: int = 20
    login: tuple[str, str] | None = None


class Publisher:
    """Publishes what a source gives. Use: `connect`, `run`, `drain`, `close`, and `release` whatever happened.

    `on_tick` is called about every second meanwhile.
    """

    def __init__(self, source: Source, broker: Broker, habits: Habits, boot_ids: Sequence[str]) -> None:
        """One connection for each of `source.vehicles`, with that boot id; nothing is opened yet."""
        self.tally = Tally()
        self.on_tick: Callable[[], object] = lambda: None
        self._source, self._broker = source, broker
        self._selector = selectors.DefaultSelector()
        units = [Unit(one.vehicle_id, one.region, boot) for one, boot in zip(source.vehicles, boot_ids, strict=True)]
        self.sensors = [Sensor(unit, habits, self.tally, self, self._selector) for unit in units]
        self._place = {id(sensor): at for at, sensor in enumerate(self.sensors)}
        self._dial: list[tuple[float, int]] = [(0.0, at) for at in range(len(self.sensors))]
        self._dialling = 0
        self._options: Options | None = None
        self._why = ""
        self._outage = False
        self._warned_s = -WARN_S
        self._next_upkeep_s = self._next_tick_s = 0.0
        self._upkeep_at = 0
        self._jitter = random.Random()

    # Phases of a run.

    def connect(self, stop: Callable[[], bool], patience_s: float = 5.0) -> bool:
        """Wait for the broker, without end, and then up to `patience_s` for the last vehicle; False where it was stopped."""
        first_s = None
        while not stop():
            now = self._turn(0.25)
            if self.tally.connected and first_s is None:
                first_s = now
            if self.tally.connected == len(self.sensors) or (first_s is not None and now - first_s > patience_s):
                return True
        return False

    def run(self, stop: Callable[[], bool], seconds: float = 0.0) -> None:
        """Publish until the source ends, or it is stopped, or the seconds (0 is without end) are over."""
        start_s, start_ms = time.monotonic(), round(time.time() * 1000)
        source, sensors = self._source, self.sensors
        while not stop():
            due_s = source.due_s()
            if due_s is None or (seconds and due_s >= seconds):
                return
            elapsed_s = self._turn(start_s + due_s - time.monotonic()) - start_s
            if elapsed_s < due_s or (not source.paced and self._busy()):
                continue
            due_at_s = start_s + due_s if source.paced else start_s + elapsed_s
            for message in source.take(start_ms):
                sensors[message.vehicle].publish(message.kind, message.payload, due_at_s, time.monotonic())

    def drain(self, stop: Callable[[], bool], seconds: float) -> int:
        """Wait up to so many seconds until everything is safe; how many messages are not."""
        until_s = time.monotonic() + seconds
        while self.pending and time.monotonic() < until_s and not stop():
            self._turn(0.05)
        return self.pending

    def close(self) -> None:
        """Say the last state of each vehicle, wait up to 2 s for the broker to have it, and leave."""
        now = time.monotonic()
        for sensor in self.sensors:
            sensor.say_state(now, online=False)
        until_s = now + 2.0
        while time.monotonic() < until_s and not all(sensor.quiet for sensor in self.sensors):
            self._turn(0.02, upkeep=False)
        for sensor in self.sensors:
            sensor.leave(time.monotonic())

    def release(self) -> None:
        """Drop what is still open, without a word: the broker says the wills. Harmless after `close`."""
        for sensor in self.sensors:
            sensor.connection.close(0.0, polite=False)
        self._selector.close()

    @property
    def pending(self) -> int:
        """Messages that are neither safe nor dropped."""
        return sum(sensor.pending for sensor in self.sensors)

    # What sensors say.

    def up(self) -> None:
        """A sensor is connected."""
        self._dialling -= 1
        if self.tally.connected == len(self.sensors):
            log.info("all %d vehicles are connected to the MQTT broker at %s:%d", len(self.sensors), self._broker.host, self._broker.port)
            self._outage = False

    def down(self, sensor: Sensor, why: str, now_s: float, *, was_up: bool) -> None:
        """A sensor has no connection: it gets another after a while, twice as long each time, with jitter."""
        if not was_up:
            self._dialling -= 1
        low, high = BACKOFF_S
        wait = min(low * 2 ** min(sensor.attempts, 10), high) * self._jitter.uniform(0.5, 1.0)
        heapq.heappush(self._dial, (now_s + wait, self._place[id(sensor)]))
        self._why, self._outage = why, True

    # One turn of the loop.

    def _turn(self, wait_s: float, *, upkeep: bool = True) -> float:
        """Handle what the sockets have, waiting at most so long for it, and what is due besides; the time now."""
        wait_s = min(wait_s, self._next_upkeep_s - time.monotonic(), 0.25)
        ready = self._selector.select(max(wait_s, 0.0))
        now = time.monotonic()
        for key, mask in ready:
            connection: Connection = key.data
            connection.on_event(mask, now)
        if upkeep and now >= self._next_upkeep_s:
            self._upkeep(now)
        return now

    def _upkeep(self, now: float) -> None:
        """A slice of the vehicles, so that each has its turn every UPKEEP_S; new connects; the tick."""
        slices = 10
        self._next_upkeep_s = now + UPKEEP_S / slices
        for at in range(self._upkeep_at, len(self.sensors), slices):
            self.sensors[at].upkeep(now)
        self._upkeep_at = (self._upkeep_at + 1) % slices
        self._connect_due(now)
        if now >= self._next_tick_s:
            self._next_tick_s = now + TICK_S
            self.tally.send_lag.fold()
            self.tally.puback.fold()
            self._warn(now)
            self.on_tick()
            self._next_tick_s = max(self._next_tick_s, now + 20 * (time.monotonic() - now))

    def _connect_due(self, now: float) -> None:
        while self._dial and self._dial[0][0] <= now and self._dialling < MOST_DIALLING:
            options = self._resolve(now)
            if options is None:
                return
            sensor = self.sensors[heapq.heappop(self._dial)[1]]
            self._dialling += 1
            sensor.connection.open(options, now)

    def _resolve(self, now: float) -> Options | None:
        """The broker's address; asked again after an outage, because a restarted broker may have moved."""
        if self._options is None or (self._outage and not self.tally.connected and self._dialling == 0):
            try:
                family, _, _, _, address = socket.getaddrinfo(self._broker.host, self._broker.port, type=socket.SOCK_STREAM)[0]
            except socket.gaierror as error:
                self._why, self._outage = f"its name is not known ({error.strerror})", True
                self._dial = [(max(due, now + 1.0), at) for due, at in self._dial]
                heapq.heapify(self._dial)
                return None
            self._options = Options((str(address[0]), int(address[1])), family, self._broker.keep_alive_s, self._broker.login)
        return self._options

    def _warn(self, now: float) -> None:
        offline = len(self.sensors) - self.tally.connected
        if self._outage and offline and now - self._warned_s >= WARN_S:
            self._warned_s = now
            where = f"{self._broker.host}:{self._broker.port}"
            log.warning("MQTT broker at %s: %s; %d of %d vehicles wait for it, trying again", where, self._why, offline, len(self.sensors))

    def _busy(self) -> bool:
        """Whether a source without a pace has to wait until more is safe."""
        return self.pending > _UNPACED_PENDING * len(self.sensors) or any(sensor.connection.state != READY for sensor in self.sensors)
