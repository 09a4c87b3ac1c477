"""Who connects when: a queue of vehicles without a connection, a limit a second or at a time, and waits that grow after failures."""

import heapq
import logging
import random
import socket
import ssl
from collections.abc import Callable

import msgspec

from simulators.mqtt_connection import Options

log = logging.getLogger("simulators.dialler")

MOST_DIALLING = 64
"""Connects at a time: a broker's accept queue is some 100 deep."""
BACKOFF_S = (0.2, 5.0)
WARN_S = 10.0


class Broker(msgspec.Struct, frozen=True):
    """Where the broker is; `login` is user name and password; `tls` where the connection is encrypted."""

    host: str
    port: int
    keep_alive_s: int = 20
    login: tuple[str, str] | None = None
    tls: ssl.SSLContext | None = None


class Storm(msgspec.Struct, frozen=True):
    """How connections come: `rate` a second (0 is no limit), `at_once` without a limit at a time; all anew each `reconnect_s` (0 is never)."""

    rate: float = 0.0
    at_once: bool = False
    reconnect_s: float = 0.0


class Dialler:
    """Opens connections that are due; the owner says how each of them went with `connected` and `failed`."""

    def __init__(self, broker: Broker, storm: Storm, count: int, open_: Callable[[int, Options, float], None]) -> None:
        """`open_(vehicle, options, now)` begins a connect. All `count` vehicles are due at once."""
        self._broker, self._storm, self._count, self._open = broker, storm, count, open_
        self._due: list[tuple[float, int]] = [(0.0, at) for at in range(count)]
        self._dialling: dict[int, float] = {}
        self._forbidden: dict[int, float] = {}
        self._options: Options | None = None
        self._next_s = 0.0
        self._warned_s = -WARN_S
        self._jitter = random.Random()
        self.why = ""
        """Why the last connection was lost, or could not be had."""
        self._outage = False

    def turn(self, now_s: float, online: int) -> None:
        """Begin the connects that are due; `online` vehicles have a connection."""
        while self._due and self._due[0][0] <= now_s and (self._storm.at_once or len(self._dialling) < MOST_DIALLING):
            if self._storm.rate and now_s < self._next_s:
                return
            if self.forbidden(self._due[0][1], now_s):
                at = heapq.heappop(self._due)[1]
                heapq.heappush(self._due, (self._forbidden[at], at))
                continue
            options = self._resolve(now_s, online)
            if options is None:
                return
            if self._storm.rate:
                self._next_s = max(self._next_s, now_s - 0.2) + 1 / self._storm.rate
            at = heapq.heappop(self._due)[1]
            self._dialling[at] = now_s
            self._open(at, options, now_s)

    def connected(self, at: int, now_s: float, online: int) -> float:
        """That vehicle is connected, and `online` are with it; how long it took (s)."""
        if online == self._count:
            log.info("all %d vehicles are connected to the MQTT broker at %s:%d", online, self._broker.host, self._broker.port)
            self._outage = False
        return now_s - self._dialling.pop(at, now_s)

    def failed(self, at: int, why: str, now_s: float, attempts: int) -> None:
        """That vehicle lost its connection or got none, `attempts` times in a row: it gets another after a while, with jitter."""
        self._dialling.pop(at, None)
        low, high = BACKOFF_S
        wait_s = min(low * 2 ** min(attempts, 10), high) * self._jitter.uniform(0.5, 1.0)
        heapq.heappush(self._due, (now_s + wait_s, at))
        self.why, self._outage = why, True

    def again(self, at: int, now_s: float) -> None:
        """That vehicle has no connection any more because it was told so: it connects as soon as the limits let it."""
        heapq.heappush(self._due, (now_s, at))

    def forbid(self, at: int, until_s: float) -> None:
        """That vehicle gets no connection before that instant."""
        self._forbidden[at] = max(until_s, self._forbidden.get(at, 0.0))

    def forbidden(self, at: int, now_s: float) -> bool:
        """Whether that vehicle must have no connection now."""
        return self._forbidden.get(at, 0.0) > now_s

    def allow_all(self, now_s: float) -> None:
        """Every vehicle may connect again."""
        self._forbidden.clear()
        self._due = [(min(due_s, now_s), at) for due_s, at in self._due]
        heapq.heapify(self._due)

    def warn(self, now_s: float, online: int) -> None:
        """Say once in a while that vehicles wait for the broker, and why."""
        if self._outage and online < self._count and now_s - self._warned_s >= WARN_S:
            self._warned_s = now_s
            where = f"{self._broker.host}:{self._broker.port}"
            log.warning("MQTT broker at %s: %s; %d of %d vehicles wait for it, trying again", where, self.why, self._count - online, self._count)

    def _resolve(self, now_s: float, online: int) -> Options | None:
        """The broker's address; asked again after an outage, because a restarted broker may have moved."""
        if self._options is None or (self._outage and not online and not self._dialling):
            broker = self._broker
            try:
                family, _, _, _, address = socket.getaddrinfo(broker.host, broker.port, type=socket.SOCK_STREAM)[0]
            except socket.gaierror as error:
                self.why, self._outage = f"its name is not known ({error.strerror})", True
                self._due = [(max(due, now_s + 1.0), at) for due, at in self._due]
                heapq.heapify(self._due)
                return None
            self._options = Options((str(address[0]), int(address[1])), family, broker.keep_alive_s, broker.login, broker.tls, broker.host)
        return self._options
