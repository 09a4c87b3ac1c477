"""A batch through all rules: conditions are judged for all rows at once, and only watches that a row can change are looked at singly."""

from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import NamedTuple

import msgspec
import numpy as np

from cloud_stream.alerting import derived
from cloud_stream.alerting.columns import Rows, kind_of
from cloud_stream.alerting.conditions import Condition, compiled, judge
from cloud_stream.alerting.expressions import Node, names_of, over_time, values
from cloud_stream.alerting.memory import NEVER, Memory, Shape
from cloud_stream.alerting.rules import Rule
from cloud_stream.alerting.watch import ATTENTIVE, CLEAR, IDLE, RAISE, SETTLED, UNKNOWN, Life, Row, Watch, alert_id, attention, step

Array = np.ndarray
CARRY_MS = 180_000
"""A signal that a row lacks counts as it last was for so long: three times the cadence of the slowest."""
STICKY = frozenset({"cells_count"})
"""What does not change in a vehicle's life."""


class Silence(NamedTuple):
    """A rule about no data, or about trouble of a model."""

    rule: Rule
    after_ms: int


class Plain(NamedTuple):
    """Conditions that are a signal against a limit: their places, signals, and what the signal must reach, times the sign."""

    at: tuple[int, ...]
    names: tuple[str, ...]
    sign: Array
    limit: Array

    def near(self, columns: Mapping[str, Array], count: int) -> Array:
        """Which conditions, of `count`, a row of the batch may raise; of those that are not plain nobody knows."""
        found = np.ones(count, bool)
        if self.at:
            found[list(self.at)] = (np.array([columns[name] for name in self.names]) * self.sign >= self.limit).any(axis=1)
        return found


class Program(NamedTuple):
    """Rules that are ready to run over the columns of `signals`."""

    conditions: tuple[Condition, ...]
    silences: tuple[Silence, ...]
    gateways: tuple[Silence, ...]
    models: tuple[Silence, ...]
    signals: tuple[str, ...]
    nodes: tuple[Node, ...]
    plain: "Plain"

    @property
    def shape(self) -> Shape:
        """The room that a memory needs."""
        return Shape(len(self.signals), len(self.nodes), len(self.conditions))


class Change(NamedTuple):
    """What became of an alert by the data: before (None = it was not there) and after (None = it should never have been)."""

    vehicle: int
    before: Life | None
    after: Life | None


class Who(NamedTuple):
    """Names of the vehicles by number; `allowed` says for which rows a rule counts (None = all)."""

    names: Sequence[str]
    allowed: Callable[[Rule, Array, Array], Array | None]


def program(rules: Sequence[Rule]) -> Program:
    """Compile rules. Raises Wrong."""
    active = [rule for rule in rules if rule.enabled]
    conditions = tuple(condition for rule in active if (condition := compiled(rule)) is not None)
    roots = [node for one in conditions for node in (one.judged.value, one.judged.when, one.judged.clear_when) if node]
    nodes = tuple(dict.fromkeys(node for root in roots for node in over_time(root)))
    silences = [Silence(rule, round(rule.no_data.after_s * 1000)) for rule in active if rule.no_data]
    vehicles = tuple(one for one in silences if one.rule.no_data and one.rule.no_data.of == "vehicle")
    signals = tuple(sorted({name for root in roots for name in names_of(root)}))
    models = tuple(Silence(rule, round(rule.model_trouble.after_s * 1000)) for rule in active if rule.model_trouble)
    return Program(conditions, vehicles, tuple(one for one in silences if one not in vehicles), models, signals, nodes, _plain(conditions))


def _plain(conditions: Sequence[Condition]) -> Plain:
    places = [at for at, one in enumerate(conditions) if one.judged.limits and one.judged.value.op == "signal"]
    judged = [conditions[at].judged for at in places]
    sign = np.array([one.sign for one in judged], float)[:, None]
    limit = np.array([one.limits[0] for one in judged], float)[:, None] * sign
    return Plain(tuple(places), tuple(str(one.value.args[0]) for one in judged), sign, limit)


def evaluate(memory: Memory, rows: Rows, what: Program, who: Who) -> list[Change]:
    """Take in sorted rows that come after all that the memory knows of their vehicles; what they change, vehicle by vehicle in time."""
    if not len(rows):
        return []
    starts = rows.starts()
    ends = np.append(starts[1:], len(rows))
    first = np.repeat(starts, ends - starts)
    given = ~np.isnan(rows.values)
    present = dict(zip(what.signals, given, strict=True))
    columns = _carried(memory, rows, what, (first, ends - 1, given))
    known: dict[Node, Array] = {}
    rounds = derived.rounds_of(rows.vehicle) if what.nodes else []
    with np.errstate(invalid="ignore", divide="ignore"):
        for at, node in enumerate(what.nodes):
            inner = node.args[0]
            assert isinstance(inner, Node)
            sample = np.where(_given(inner, present), values(inner, columns, known), np.nan)
            known[node] = derived.advanced(node, memory.derived[at], (rows.vehicle, rows.ts, sample), rounds)
        changes = _silent(memory, rows, what, (first, who))
        kinds = kind_of(rows.minor)
        busy: Array = np.asarray(memory.attention[:, rows.vehicle[starts]].any(axis=1))
        for at in np.flatnonzero(busy | what.plain.near(columns, len(what.conditions))).tolist():
            condition = what.conditions[at]
            judged = judge(condition, columns, known, (kinds, present))
            if not busy[at] and judged.max() < RAISE:
                continue
            allowed = who.allowed(condition.rule, rows.vehicle, rows.region)
            if allowed is not None:
                judged = np.where(allowed, judged, UNKNOWN)
            touched = _touched(memory, at, rows.vehicle, judged)
            if touched.any():
                shown = np.broadcast_to(values(condition.judged.value, columns, known), judged.shape)
                changes += _watched(memory, at, (rows, judged, shown), (touched, condition, who, starts, ends))
    last = ends - 1
    memory.head_ts[rows.vehicle[last]], memory.head_minor[rows.vehicle[last]] = rows.ts[last], rows.minor[last]
    return sorted(changes, key=_when)


def _when(change: Change) -> tuple[int, int, int]:
    life = change.after or change.before
    assert life is not None
    return change.vehicle, life.ts, life.minor


def _given(node: Node, present: dict[str, Array]) -> Array:
    """Rows with at least one signal of the node in the message itself."""
    return np.logical_or.reduce([present[name] for name in names_of(node)])


def _carried(memory: Memory, rows: Rows, what: Program, where: tuple[Array, Array, Array]) -> dict[str, Array]:
    """Columns in which a missing value is the last one known, unless that is too old; the memory takes in the newest."""
    first, last, given = where
    ending = rows.vehicle[last]
    source = np.maximum.accumulate(np.where(given, np.arange(len(rows)), -1), axis=1)
    own, source = source >= first, np.maximum(source, 0)
    value = np.where(own, np.take_along_axis(rows.values, source, axis=1), memory.last[rows.vehicle].T)
    ts = np.where(own, rows.ts[source], memory.last_ts[rows.vehicle].T)
    memory.last[ending], memory.last_ts[ending] = value[:, last].T, ts[:, last].T
    sticky = np.isin(what.signals, list(STICKY))[:, None]
    return dict(zip(what.signals, np.where(sticky | (rows.ts - ts <= CARRY_MS), value, np.nan), strict=True))


def _touched(memory: Memory, at: int, vehicle: Array, judged: Array) -> Array:
    """Rows that can change a watch of this rule."""
    state = memory.attention[at, vehicle]
    idle = (state == IDLE) & (judged >= RAISE)
    settled = (state == SETTLED) & ((judged == CLEAR) | (judged > RAISE + memory.level[at, vehicle]))
    return idle | settled | ((state == ATTENTIVE) & (judged != UNKNOWN))


def _watched(memory: Memory, at: int, seen: tuple[Rows, Array, Array], which: tuple[Array, Condition, Who, Array, Array]) -> list[Change]:
    """The rows of every vehicle that has a touched one, through its watch of this rule."""
    rows, judged, shown = seen
    touched, condition, who, starts, ends = which
    changes = []
    for group in np.flatnonzero(np.logical_or.reduceat(touched, starts)).tolist():
        part = slice(starts[group], ends[group])
        vehicle = int(rows.vehicle[starts[group]])
        own = memory.watches.setdefault(vehicle, {})
        lives = memory.lives.setdefault(vehicle, {})
        watch, name = own.get(at, Watch()), (who.names[vehicle], condition.rule.id)
        fields = zip(*(column[part].tolist() for column in (rows.ts, rows.minor, rows.region, judged, shown)), strict=True)
        for ts, minor, region, verdict, value in fields:
            if verdict == UNKNOWN:
                continue
            before = watch.life
            watch = step(watch, Row(ts, minor, region, verdict, 0.0 if isnan(value) else value), condition.timing, name)
            if watch.life is not before and watch.life is not None:
                changes.append(Change(vehicle, lives.get(watch.life.id), watch.life))
                lives[watch.life.id] = watch.life
        own[at] = watch
        memory.attention[at, vehicle] = attention(watch, condition.timing)
        memory.level[at, vehicle] = watch.life.level if watch.life and watch.stands else 0
    return changes


def _silent(memory: Memory, rows: Rows, what: Program, where: tuple[Array, Who]) -> list[Change]:
    """Gaps between two rows of a vehicle that were longer than a rule allows: alerts that have cleared already."""
    if not what.silences:
        return []
    first, who = where
    place = np.arange(len(rows))
    begins = place == first
    before_ts = np.where(begins, memory.head_ts[rows.vehicle], rows.ts[place - 1])
    before_minor = np.where(begins, memory.head_minor[rows.vehicle], rows.minor[place - 1])
    gaps = np.where(before_ts == NEVER, 0, rows.ts - before_ts)
    changes = []
    for rule, after_ms in what.silences:
        allowed = who.allowed(rule, rows.vehicle, rows.region)
        silent = gaps > after_ms if allowed is None else (gaps > after_ms) & allowed
        for at in np.flatnonzero(silent).tolist():
            vehicle, ended = int(rows.vehicle[at]), (int(rows.ts[at]), int(rows.minor[at]))
            life = silence(who.names[vehicle], rule, (int(before_ts[at]), int(before_minor[at]), int(rows.region[at])), after_ms)
            lives = memory.lives.setdefault(vehicle, {})
            cleared = msgspec.structs.replace(life, ts=ended[0], minor=ended[1], cleared_ts=ended[0])
            changes.append(Change(vehicle, lives.get(life.id), cleared))
            lives[life.id] = cleared
    return changes


def silence(vehicle: str, rule: Rule, last: tuple[int, int, int], after_ms: int) -> Life:
    """The alert that nothing comes after a vehicle's last row (time, minor, region)."""
    ts, minor, region = last
    name = alert_id(vehicle, rule.id, minor, ts)
    return Life(name, rule.id, ts + after_ms, minor, region, 0, after_ms / 1000, 1, ts + after_ms, minor)
