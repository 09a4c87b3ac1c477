"""The course of a demo: start, drive, watch, drain, audit, report."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
from rich.console import Console

from dashboards.accounts import users
from dashboards.accounts.store import Store
from features.store import count_online, open_store
from simulators.ledger import read_ledgers
from voltlake.demo import traffic
from voltlake.demo.counters import Counters, Counts
from voltlake.demo.latency import AlertMeter, Meter, OnlineMeter, SilverMeter
from voltlake.demo.outcome import Latencies, Outcome, audit
from voltlake.demo.watching import Picture
from voltlake.introduction import introduce
from voltlake.settings import Surroundings
from voltlake.stack import record
from voltlake.stack.composition import Options
from voltlake.stack.plan import Plan
from voltlake.stack.start import running

OPERATOR = "operator"
SAMPLED_VEHICLES = 25
WARM_UP_S = 5.0
"""After the first row in gold: latencies count from then on."""
SETTLE_S, QUIET_S = 90.0, 3.0
IDS_S = 5.0


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks of a demo. `seconds` 0: until Ctrl-C, counted from when everything runs."""

    options: Options
    seconds: float = 0
    vehicles: int = 150
    rate_hz: float = 1.0
    recordings: Path | None = None


def run(wish: Wish, around: Surroundings, console: Console) -> Outcome:
    """A whole demo. Raises Terminal where it cannot be done; what it started is stopped in any case."""
    began = time.monotonic()

    def say(text: str) -> None:
        console.print(f"{time.monotonic() - began:6.1f} s  {text}", highlight=False, markup=False, soft_wrap=True)

    files = traffic.recordings(wish.recordings)
    say(f"{len(files)} recordings to replay" if files else f"no recordings to replay: none in {traffic.BESIDE}, name a folder with --recordings")
    with ExitStack() as ending, _until_told() as told:
        data = wish.options.data.resolve()
        found = record.running(data)
        if found:
            say(f"the stack in {data} runs already: it is used, and stays")
        else:
            found = ending.enter_context(running(wish.options, around, say))
        say(f"the page with the vehicles: {found.plan.dashboard_url}  sign in as {OPERATOR} with {operator_password(found.plan)}")
        demo = _Demo(wish, found, began, say)
        ending.callback(demo.close)
        demo.drive(files, around)
        demo.watch(told, console)
        demo.drain()
        return demo.outcome(around)


class _Demo:
    def __init__(self, wish: Wish, found: record.Record, began: float, say: Callable[[str], None]) -> None:
        self.wish, self.plan, self.say, self.began = wish, found.plan, say, began
        self.counters = Counters(self.plan)
        self.simulators: list[traffic.Simulator] = []
        self.replay: traffic.Simulator | None = None
        fleet = [f"SIM-{number:05d}" for number in range(1, min(SAMPLED_VEHICLES, wish.vehicles) + 1)]
        self.silver, self.online, self.alerts = SilverMeter(self.plan), OnlineMeter(self.plan, fleet), AlertMeter(self.plan)
        self.start_s: float | None = None
        self._ids: list[str] = []
        self._ids_at = 0.0
        self.all_safe = True

    @property
    def meters(self) -> list[Meter]:
        return [self.silver, self.online, self.alerts]

    def drive(self, files: list[Path], around: Surroundings) -> None:
        """Let the vehicles go."""
        for meter in self.meters:
            meter.start()
        run_folder = self.plan.layout.ledger / time.strftime("demo-%Y%m%dT%H%M%S", time.gmtime())
        self.simulators.append(traffic.fleet(self.plan, around, run_folder / "fleet", self.wish.vehicles, self.wish.rate_hz))
        if files:
            self.replay = traffic.replay(self.plan, around, run_folder / "replay", files)
            self.simulators.append(self.replay)
        for one in self.simulators:
            introduce(str(self.plan.layout.lake), one.ledger / "registry.csv")

    def counts(self) -> Counts:
        """As everything stands now."""
        if time.monotonic() - self._ids_at > IDS_S:
            self._ids = sorted({stream.vehicle_id for stream in read_ledgers(self.plan.layout.ledger)})
            self._ids_at = time.monotonic()
        return self.counters.read([one.progress() for one in self.simulators], self._ids, len(self.alerts.ids))

    def watch(self, told: Callable[[], bool], console: Console) -> None:
        """Show what flows until the time is over or a person says so."""
        from_s = time.monotonic()
        warm_at: float | None = None
        with Picture(console, self.plan.dashboard_url, self.began) as picture:
            while not told() and not (self.wish.seconds and time.monotonic() - from_s >= self.wish.seconds):
                for one in self.simulators:
                    one.check()
                if self.start_s is None and self.counters.gold_rows():
                    self.start_s = time.monotonic() - self.began
                    warm_at = time.monotonic() + WARM_UP_S
                if warm_at is not None and time.monotonic() >= warm_at:
                    for meter in self.meters:
                        meter.begin()
                    warm_at = None
                picture.show(self.counts)
                time.sleep(0.2)

    def drain(self) -> None:
        """The vehicles stop, wait until everything is safe, and the flows finish what came."""
        self.say("the vehicles stop and wait until everything is safe")
        for one in self.simulators:
            one.ask_to_end()
        ended = [one.ended_well() for one in self.simulators]
        self.all_safe = all(ended)
        self.say("waiting until the lake has everything")
        deadline, quiet_from, before = time.monotonic() + SETTLE_S, time.monotonic(), self.counts()
        while time.monotonic() < deadline and time.monotonic() - quiet_from < QUIET_S:
            time.sleep(0.5)
            now = self.counts()
            if now != before or now.edge != now.central:
                quiet_from, before = time.monotonic(), now

    def outcome(self, around: Surroundings) -> Outcome:
        """The audit and all figures."""
        self.say("auditing")
        found = audit(self.plan.data, around)
        self._ids_at = 0.0
        counts = self.counts()
        self.say("reading the online features of all vehicles through Feast")
        store = open_store(self.plan.layout.features, str(self.plan.layout.lake), self.plan.redis_url)
        return Outcome(
            counts=msgspec.structs.replace(counts, online=count_online(store, self._ids)),
            replayed=self.replay.progress().published if self.replay else 0,
            audit=found,
            latencies=Latencies(
                silver_p95=self.silver.percentile_ms(95),
                online_p99=self.online.percentile_ms(99),
                alert_p50=self.alerts.percentile_ms(50),
                alert_p99=self.alerts.percentile_ms(99),
            ),
            start_s=self.start_s,
            all_safe=self.all_safe,
        )

    def close(self) -> None:
        """End what still runs."""
        for one in self.simulators:
            if one.runs:
                one.kill()
        for meter in self.meters:
            meter.end()
        self.counters.close()


def operator_password(plan: Plan) -> str:
    """A new password for the demo's operator; it is told once, and only its hash is kept."""
    store, password = Store(plan.layout.accounts), users.generated()
    try:
        users.put(store, OPERATOR, password, "operator")
    finally:
        store.close()
    return password


@contextmanager
def _until_told() -> Iterator[Callable[[], bool]]:
    """A function that is True after the first SIGINT or SIGTERM; the second one raises KeyboardInterrupt."""
    heard: list[int] = []

    def hear(number: int, _frame: object) -> None:
        if heard:
            raise KeyboardInterrupt
        heard.append(number)

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(heard)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
