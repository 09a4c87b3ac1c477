"""The event loop: every vehicle's MQTT connection in one thread, and messages sent at the instants they are due.

The schedule is open-loop: a message that is sent late keeps the instant at which it was due as its `ts`, and its lateness is
counted. This is the only place that talks MQTT to the world; `mqtt_packets` and `mqtt_connection` are its parts.
"""

import hashlib
import math
import selectors
import time
from collections import Counter
from collections.abc import Callable, Sequence

from contracts.errors import Transient
from simulators.conduct import Habits, Tally, Unit
from simulators.dialler import Broker, Dialler, Storm
from simulators.lags import Lags
from simulators.mqtt_connection import READY, Connection, Options
from simulators.network import Outage, Passage, outages
from simulators.sensor import Sensor
from simulators.source import Afflicted, Source

UPKEEP_S = 0.5
TICK_S = 1.0
_UNPACED_PENDING = 64
"""Messages a vehicle that are not safe yet, on the mean, at which a source without a pace has to wait."""


class Publisher:
    """Publishes what a source gives. Use: `connect`, `run`, `drain`, `close`, and `release` whatever happened.

    `on_tick` is called about every second meanwhile.
    """

    def __init__(self, source: Source, broker: Broker, habits: Habits, boot_ids: Sequence[str], storm: Storm | None = None) -> None:
        """One connection for each of `source.vehicles`, with that boot id; nothing is opened yet."""
        self.tally = Tally()
        self.errors: Counter[str] = Counter()
        """Connections lost or not had, by reason."""
        self.connect_lag, self.handed_lag, self.busy = Lags(), Lags(), Lags()
        """From the start of a connect to its success; from the instant a message was due to this loop's turn to send it; how long a turn of
        the loop took, in which no socket was looked after (s)."""
        self.on_tick: Callable[[], object] = lambda: None
        self._source, self._habits, self._storm = source, habits, storm or Storm()
        self._selector = selectors.DefaultSelector()
        units = [Unit(one.vehicle_id, one.region, boot) for one, boot in zip(source.vehicles, boot_ids, strict=True)]
        self.sensors = [Sensor(unit, habits, self.tally, self, self._selector) for unit in units]
        self._place = {id(sensor): at for at, sensor in enumerate(self.sensors)}
        self.dialler = Dialler(broker, self._storm, len(self.sensors), self._open)
        self._where = f"{broker.host}:{broker.port}"
        self.handed_late = 0
        """Messages that this process was late to send, whatever the broker did."""
        self._outages: list[Outage] = []
        self._passed: list[Sensor] = []
        self._ahead_s = 0.0
        self._next_upkeep_s = self._next_tick_s = 0.0
        self._upkeep_at = 0
        self._turned_s = time.monotonic()

    # Phases of a run.

    def connect(self, stop: Callable[[], bool], patience_s: float = 0.0, rest_s: float = 5.0) -> bool:
        """Wait for the broker up to `patience_s` (0 is without end), and then up to `rest_s` for the last vehicle; False where it was stopped.

        Raises Transient where no vehicle could connect.
        """
        first_s, start_s = None, time.monotonic()
        while not stop():
            now = self._turn(0.25)
            if self.tally.connected and first_s is None:
                first_s = now
            if self.tally.connected == len(self.sensors) or (first_s is not None and now - first_s > rest_s):
                return True
            if patience_s and first_s is None and now - start_s > patience_s:
                raise Transient(
                    f"no MQTT broker at {self._where} within {patience_s:g} s: {self.dialler.why or 'no answer'}; start it, or wait longer"
                )
        return False

    def wait(self, start: Callable[[], int | None], stop: Callable[[], bool]) -> int | None:
        """Look after the connections until `start()` gives the instant at which the run begins (epoch ms); None where it was stopped."""
        while (start_ms := start()) is None and not stop():
            self._turn(0.02)
        return start_ms

    def run(self, start_ms: int, stop: Callable[[], bool], seconds: float = 0.0) -> None:
        """Publish until the source ends, or it is stopped, or the seconds (0 is without end) are over."""
        ahead_s = time.time() - time.monotonic()
        start_s = start_ms / 1000 - ahead_s
        self._trouble(self._source.begin(start_ms), ahead_s)
        source, sensors, late_s, handed = self._source, self.sensors, self._habits.late_s, self.handed_lag
        storm_s = start_s + self._storm.reconnect_s
        while not stop():
            due_s = source.due_s()
            if due_s is None or (seconds and due_s >= seconds):
                return
            now_s = self._turn(start_s + due_s - time.monotonic())
            if self._storm.reconnect_s and now_s >= storm_s:
                storm_s += self._storm.reconnect_s
                self._cut(now_s)
            elapsed_s = now_s - start_s
            if elapsed_s < due_s or (not source.paced and self._busy()):
                continue
            due_at_s = start_s + due_s if source.paced else start_s + elapsed_s
            for message in source.take(start_ms):
                now_s = time.monotonic()
                handed.add(now_s - due_at_s)
                self.handed_late += now_s - due_at_s > late_s
                sensor = sensors[message.vehicle]
                while message.boot >= len(sensor.boots):
                    sensor.reboot(later_boot(sensor.unit.boot_id, len(sensor.boots)))
                sensor.publish(message.kind, message.payload, due_at_s, now_s)

    def drain(self, stop: Callable[[], bool], seconds: float) -> int:
        """Wait up to so many seconds until everything is safe; how many messages are not. The faults of the network end with the run."""
        self._outages = []
        self.dialler.allow_all(time.monotonic())
        for sensor in self.sensors:
            sensor.passage = None
            sensor.arrive(math.inf)
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

    def up(self, sensor: Sensor, now_s: float) -> None:
        """A sensor is connected."""
        place = self._place[id(sensor)]
        self.connect_lag.add(self.dialler.connected(place, now_s, self.tally.connected))
        if self.dialler.forbidden(place, now_s):
            self._forbidden(place, now_s)

    def down(self, sensor: Sensor, why: str, now_s: float) -> None:
        """A sensor lost its connection, or got none."""
        self.errors[why] += 1
        self.dialler.failed(self._place[id(sensor)], why, now_s, sensor.attempts)

    # One turn of the loop.

    def _turn(self, wait_s: float, *, upkeep: bool = True) -> float:
        """Handle what the sockets have, waiting at most so long for it, and what is due besides; the time now."""
        before = time.monotonic()
        self.busy.add(before - self._turned_s)
        ready = self._selector.select(max(min(wait_s, self._next_upkeep_s - before, 0.25), 0.0))
        now = self._turned_s = time.monotonic()
        for key, mask in ready:
            connection: Connection = key.data
            connection.on_event(mask, now)
        if upkeep:
            self.dialler.turn(now, self.tally.connected)
            if now >= self._next_upkeep_s:
                self._upkeep(now)
        return now

    def _upkeep(self, now: float) -> None:
        """A slice of the vehicles, so that each has its turn every UPKEEP_S; the tick."""
        slices = 10
        self._next_upkeep_s = now + UPKEEP_S / slices
        while self._outages and self._outages[-1].start_s <= now + self._ahead_s:
            outage = self._outages.pop()
            self.dialler.forbid(outage.vehicle, outage.end_s - self._ahead_s)
            self._forbidden(outage.vehicle, now)
        for sensor in self._passed:
            sensor.arrive(now)
        for at in range(self._upkeep_at, len(self.sensors), slices):
            self.sensors[at].upkeep(now)
        self._upkeep_at = (self._upkeep_at + 1) % slices
        if now >= self._next_tick_s:
            self._next_tick_s = now + TICK_S
            for lags in (self.tally.send_lag, self.tally.puback, self.connect_lag, self.handed_lag, self.busy):
                lags.fold()
            self.dialler.warn(now, self.tally.connected)
            self.on_tick()
            self._next_tick_s = max(self._next_tick_s, now + 20 * (time.monotonic() - now))

    def _trouble(self, afflicted: Sequence[Afflicted], ahead_s: float) -> None:
        """Make ready what becomes of connections and packets in this run."""
        self._ahead_s = ahead_s
        self._outages = outages(afflicted)[::-1]
        self._passed = []
        for one in afflicted:
            passage = Passage(one)
            if not passage.harmless:
                sensor = self.sensors[one.vehicle]
                sensor.passage, sensor.ahead_s = passage, ahead_s
                self._passed.append(sensor)

    def _forbidden(self, at: int, now_s: float) -> None:
        """Cut what must not be; the dialler opens it again when it may."""
        if self.sensors[at].cut(now_s):
            self.dialler.again(at, now_s)

    def _open(self, at: int, options: Options, now_s: float) -> None:
        self.sensors[at].connection.open(options, now_s)

    def _cut(self, now_s: float) -> None:
        """Every connection is dropped without a word, and opened again."""
        for at, sensor in enumerate(self.sensors):
            if sensor.cut(now_s):
                self.dialler.again(at, now_s)

    def _busy(self) -> bool:
        """Whether a source without a pace has to wait until more is safe."""
        return self.pending > _UNPACED_PENDING * len(self.sensors) or any(sensor.connection.state != READY for sensor in self.sensors)


def later_boot(boot_id: str, number: int) -> str:
    """The boot id of a unit after so many reboots: as unlike as the first ones are, and the same for the same first one."""
    return hashlib.sha256(f"{boot_id}/{number}".encode()).hexdigest()[:8]
