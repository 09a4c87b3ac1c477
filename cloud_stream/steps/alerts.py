"""The live flow's alerts: an engine a Kafka partition, one desk for all of them, and what a restart needs of both.

Rows, scores, people's commands and Kafka's time come in, alerts for `alerts.v1` come out.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from cloud_stream.alerting.desk import Desk, Papers
from cloud_stream.alerting.engine import Engine
from cloud_stream.alerting.evaluation import Change, program
from cloud_stream.alerting.gateways import PREFIX as GATEWAY
from cloud_stream.alerting.gateways import Gateways, partition_of
from cloud_stream.alerting.intake import Baseline
from cloud_stream.alerting.models import PREFIX as MODEL
from cloud_stream.alerting.models import Models, Troubles
from cloud_stream.alerting.models import name_of as model_name
from cloud_stream.alerting.reading import Loaded
from cloud_stream.alerting.records import book
from cloud_stream.alerting.saved import load, save
from cloud_stream.steps.silver import Refiner
from contracts.codec import Malformed, decode_command
from contracts.events import Alert, AlertCommand, Score
from contracts.identity import Kind
from lakehouse.positions import Reached, beyond, later, reached_by
from lakehouse.seen import Seen

log = logging.getLogger(__name__)
KINDS: tuple[Kind, ...] = ("cells", "event")
TICK_MS = 1_000
"""How often, by Kafka's clock, silence and quiet are looked at."""
AGAIN_MS = 86_400_000
"""Alerts that changed within so long are written to `gold.alerts` again after a restart."""
ORDER_MS = 60_000
"""A partition may be silent for ever: so far ahead of an order are the others when its alert is waited for no more."""
Facts = Mapping[str, tuple[str, frozenset[str]]]
"""Model and tags by vehicle."""
NOT_VEHICLES = (GATEWAY, MODEL)
"""What the names of gateways and models begin with, under which their alerts go."""


class AlertState(msgspec.Struct):
    """All that a restart needs. `reached` and `seen` are those of cells, events and commands."""

    reached: dict[str, Reached] = msgspec.field(default_factory=dict)
    seen: dict[str, Seen] = msgspec.field(default_factory=dict)
    engines: dict[int, Engine] = msgspec.field(default_factory=dict)
    papers: Papers = msgspec.field(default_factory=Papers)
    gateways: Gateways = msgspec.field(default_factory=Gateways)
    models: Models = msgspec.field(default_factory=Models)

    @property
    def owned(self) -> set[int]:
        """The partitions of this process, as far as it knows: those it reads, and those something was heard in."""
        return {source.partition for reached in self.reached.values() for source in reached} | self.engines.keys()


class Known(NamedTuple):
    """What rules may ask about vehicles: model and tags, and what is usual in the fleet."""

    facts: Facts = MappingProxyType({})
    baseline: Baseline | None = None


class Alarms:
    """The only writer of the alerts of its partitions' vehicles.

    `fresh` gives other rules once there are some, `troubles` what is wrong with the models.
    """

    def __init__(
        self,
        state: AlertState,
        rules: Loaded,
        known: Known | None = None,
        fresh: Callable[[], Loaded | None] = lambda: None,
        troubles: Callable[[], Troubles] = dict,
    ) -> None:
        self.state, self.known, self._fresh, self._troubles = state, known or Known(), fresh, troubles
        self.version = ""
        self._program = program(())
        self._desk = Desk({}, state.papers, state.gateways.parents)
        self._refiners = {kind: Refiner(kind, state.reached.get(kind, {}), state.seen.setdefault(kind, {})) for kind in KINDS}
        self.changed: dict[str, Alert] = {}
        self._ticked_ms = 0
        self._read = dict(state.reached.get("commands", {}))
        self._orders: list[tuple[AlertCommand, int]] = []
        self.written: set[tuple[int, str, int]] = set()
        self._use(rules)

    def _use(self, rules: Loaded) -> None:
        self.version, self._program = rules.version, program(rules.rules)
        self._desk = Desk(book(rules.rules), self.state.papers, self.state.gateways.parents)

    @property
    def too_late(self) -> int:
        """Rows that came too late for alerts so far."""
        return sum(engine.too_late for engine in self.state.engines.values())

    def settle(self) -> None:
        """Look at the papers again: they were filled from a checkpoint, whose alerts may not have come as far as `gold.alerts`."""
        alerts = self.state.papers.alerts
        newest_ms = max((alert.changed_ts for alert in alerts.values()), default=0)
        self.changed |= {name: alert for name, alert in alerts.items() if alert.changed_ts > newest_ms - AGAIN_MS}
        self._desk = Desk(self._desk.rules, self.state.papers, self.state.gateways.parents)

    def engine(self, partition: int) -> Engine:
        """The engine of a partition."""
        found = self.state.engines.get(partition)
        if found is None:
            found = self.state.engines[partition] = Engine(self._program, self.known.facts, self.known.baseline)
        return found

    def reload(self, rules: Loaded, clock_ms: int) -> list[Alert]:
        """Go on under other rules: what is unchanged goes on, alerts of rules that are gone or other are closed."""
        self._use(rules)
        for partition, old in self.state.engines.items():
            new = Engine(self._program, self.known.facts, self.known.baseline)
            load(save(old), new)
            self.state.engines[partition] = new
        standing = {name for engine in self.state.engines.values() for name, (_, life) in engine.lives().items() if life.stands}
        apart = {rule.id for rule, _ in (*self._program.gateways, *self._program.models)}
        standing |= {life.id for life in (*self.state.gateways.silent.values(), *self.state.models.standing.values()) if life.rule in apart}
        return self._told(self._desk.dropped(standing, clock_ms))

    def pulse(self, idle_ms: int, clocks: Mapping[int, int]) -> list[Alert]:
        """Every few seconds, also where nothing comes: `idle_ms` is Kafka's time where it is known to have moved on without records (else 0)."""
        now = {partition: max(clocks.get(partition, 0), idle_ms) for partition in self.state.engines}
        rules = self._fresh()
        told = self.reload(rules, max(now.values(), default=0)) if rules else []
        return told + self.tick(now)

    def telemetry(self, rows: pa.Table, clocks: Mapping[int, int]) -> list[Alert]:
        """Silver telemetry rows, in whatever order they are released."""
        self.state.gateways.heard_of(rows)
        told, now_ms = self.rows("telemetry", rows), max(clocks.values())
        if now_ms - self._ticked_ms < TICK_MS:
            return told
        self._ticked_ms = now_ms
        return told + self.tick(clocks)

    def refined(self, kind: Kind, records: pa.Table) -> pa.Table:
        """Kafka records of cells or events as rows, checked and de-duplicated as silver's are."""
        refiner = self._refiners[kind]
        batch = refiner.step(records)
        self.state.reached[kind] = refiner.reached
        return batch.refined.rows

    def rows(self, kind: str, rows: pa.Table) -> list[Alert]:
        """Rows of cells or events."""
        told: list[Alert] = []
        if kind == "telemetry":  # of 250 columns the rules ask for some
            asked = {"vehicle_id", "region", "boot_id", "seq", "event_ts", "known_at", "partition", *self._program.signals}
            rows = rows.select([name for name in rows.column_names if name in asked])
        partitions = rows["partition"].unique().to_pylist()
        for partition in partitions:
            own = rows if len(partitions) == 1 else rows.filter(pc.equal(rows["partition"], partition))
            clock_ms = round(pc.max(own["known_at"]).as_py().timestamp() * 1000)
            told += self._about(partition, self.engine(partition).together({kind: own}), clock_ms)
        return self._told(told)

    def scores(self, scores: Sequence[Score], clock_ms: int) -> list[Alert]:
        """Scores that were just made."""
        changes = []
        for partition, engine in self.state.engines.items():
            own = [score for score in scores if score.vehicle_id in engine.numbers]
            if own and any(name.startswith("score.") for name in engine.program.signals):
                changes += self._about(partition, engine.scores(own, clock_ms), clock_ms)
        return self._told(changes)

    def commands(self, records: pa.Table, clocks: Mapping[int, int]) -> list[Alert]:
        """Records of `alerts.commands.v1`: each is applied once. `clocks` are those of the telemetry (ms, by partition)."""
        rows = beyond(records, self._read)
        for value, stamp in zip(rows["value"].to_pylist(), rows["kafka_ts"].to_pylist(), strict=True):
            try:
                self._orders.append((decode_command(value or b""), round(stamp.timestamp() * 1000)))
            except Malformed as malformed:
                log.warning("a command is passed over: %s", malformed)
        if rows.num_rows:
            self._read = later(self._read, reached_by(rows, "kafka_ts"))
        return self._told(self._obey(clocks))

    def _obey(self, clocks: Mapping[int, int]) -> list[Alert]:
        """Apply what people ordered. An alert that is not there yet is waited for until the telemetry is as far as the order:
        after a restart both are read again, and neither waits for the other. Positions stay before the first that waits.
        """
        told: list[Alert] = []
        waiting: list[tuple[AlertCommand, int]] = []
        least_ms, most_ms = min(clocks.values(), default=0), max(clocks.values(), default=0)
        for order, at_ms in self._orders:
            is_known = order.alert_id in self.state.papers.alerts or order.vehicle_id == "*"
            if not is_known and least_ms < at_ms and most_ms < at_ms + ORDER_MS:
                waiting.append((order, at_ms))
            elif order.vehicle_id != "*" and not self._mine(order.vehicle_id):
                log.warning("command %s of %s is passed over: nothing was heard of vehicle %s here", order.action, order.by, order.vehicle_id)
            else:
                made, why = self._desk.command(order, at_ms)
                if why:
                    log.info("command %s of %s to %s changes nothing: %s", order.action, order.by, order.alert_id, why)
                told += made
        self._orders = waiting
        if not waiting:
            self.state.reached["commands"] = self._read
        return told

    def tick(self, clocks: Mapping[int, int]) -> list[Alert]:
        """Kafka's clock (ms) by partition: who is silent, and whose quiet has ended?"""
        if not clocks:
            return []
        now_ms = max(clocks.values())
        told = self._apart(now_ms) + (self._obey(clocks) if self._orders else [])
        for partition, engine in self.state.engines.items():
            clock_ms = clocks.get(partition, 0)
            told += self._about(partition, engine.tick(clock_ms), clock_ms)
        return self._told(told + self._desk.tick(now_ms))

    def _apart(self, now_ms: int) -> list[Alert]:
        """Gateways and models: theirs are the partitions that their names fall into."""
        gateways, models, owned = self.state.gateways, self.state.models, self.state.owned
        silences = gateways.silences(self._program.gateways, now_ms, owned)
        told = self._desk.changed(silences, lambda change: (gateways.names[change.vehicle], ""), now_ms)
        own = {model: said for model, said in self._troubles().items() if partition_of(model_name(model)) in owned}
        changes = models.changes(self._program.models, own, now_ms)
        told += self._desk.changed(changes, lambda change: (models.names[change.vehicle], ""), now_ms)
        for alert in told:
            self.engine(partition_of(alert.vehicle_id))  # a checkpoint has a piece for each engine, also where no vehicle was heard
        return told

    def _about(self, partition: int, changes: Sequence[Change], clock_ms: int) -> list[Alert]:
        if not changes:
            return []
        engine = self.state.engines[partition]
        regions = list(engine.regions)

        def names(change: Change) -> tuple[str, str]:
            life = change.after or change.before
            assert life is not None
            return engine.names[change.vehicle], regions[life.region] if life.region < len(regions) else ""

        return self._desk.changed(changes, names, clock_ms)

    def _mine(self, vehicle: str) -> bool:
        return vehicle.startswith(NOT_VEHICLES) or any(vehicle in engine.numbers for engine in self.state.engines.values())

    def _told(self, alerts: list[Alert]) -> list[Alert]:
        """Remember the newest of each alert, for `gold.alerts`."""
        self.changed.update((alert.alert_id, alert) for alert in alerts)
        return alerts

    def partition_of(self, vehicle: str) -> int:
        """The partition that a vehicle's alerts belong to."""
        owner = next((partition for partition, engine in self.state.engines.items() if vehicle in engine.numbers), None)
        return partition_of(vehicle) if owner is None else owner
