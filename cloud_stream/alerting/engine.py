"""The front door of the alert engine: rows and Kafka's time in, changes of alerts out.

What is final is a function of the rows alone, in the order of their event times: late rows are put where they belong and what follows from
them is made again (`history`), so that shuffled, repeated and late streams end as the ordered one does.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from cloud_stream.alerting import intake
from cloud_stream.alerting.columns import KINDS, Rows, joined
from cloud_stream.alerting.evaluation import Change, Program, Who, evaluate, silence
from cloud_stream.alerting.history import History
from cloud_stream.alerting.intake import Baseline
from cloud_stream.alerting.memory import NEVER, Memory
from cloud_stream.alerting.rules import Rule
from cloud_stream.alerting.watch import Life
from contracts.events import Score

Array = np.ndarray


class Engine:
    """Rules over the vehicles of one Kafka partition. `facts` gives model and tags of a vehicle, `baseline` the fleet's usual values."""

    def __init__(self, what: Program, facts: Mapping[str, tuple[str, frozenset[str]]] | None = None, baseline: Baseline | None = None) -> None:
        self.program = what
        self.names: list[str] = []
        self.numbers: dict[str, int] = {}
        self.regions: dict[str, int] = {}
        self.memory = Memory(what.shape)
        self.history = History(self.memory)
        self.silent: dict[int, dict[str, Life]] = {}
        self.heard: dict[int, int] = {}
        self.home: dict[int, int] = {}
        self.too_late = 0
        self._facts, self.baseline = facts or {}, baseline
        self._who = Who(self.names, self._allowed)

    def telemetry(self, rows: pa.Table) -> list[Change]:
        """Silver telemetry rows."""
        return self._step([intake.telemetry(self, rows)])

    def cells(self, rows: pa.Table) -> list[Change]:
        """Silver cells rows."""
        return self._step([intake.cells(self, rows)])

    def events(self, rows: pa.Table) -> list[Change]:
        """Silver event rows."""
        return self._step([intake.events(self, rows)])

    def scores(self, scores: Sequence[Score], clock_ms: int) -> list[Change]:
        """Scores of models as they are made; `clock_ms` is Kafka's time."""
        return self._step([intake.scores(self, scores, clock_ms)])

    def together(self, tables: Mapping[str, pa.Table]) -> list[Change]:
        """Rows of several kinds at once, in the order of their event times, whatever came first."""
        take = {"telemetry": intake.telemetry, "cells": intake.cells, "event": intake.events}
        return self._step([take[kind](self, rows) for kind, rows in tables.items() if kind in KINDS])

    def number(self, vehicle: str) -> int:
        """The number of a vehicle; a new one where it is heard for the first time."""
        found = self.numbers.get(vehicle)
        if found is None:
            found = self.numbers[vehicle] = len(self.names)
            self.names.append(vehicle)
        return found

    def region(self, name: str) -> int:
        """The number of a region."""
        return self.regions.setdefault(name, len(self.regions))

    def _step(self, parts: list[Rows]) -> list[Change]:
        rows = joined([part for part in parts if len(part)] or parts)
        if not len(rows):
            return []
        self.memory.grow(len(self.names))
        self.history.advance((int(rows.known.min()), int(rows.known.max())), self.memory)
        starts = rows.starts()
        vehicles = rows.vehicle[starts]
        self.heard.update(zip(vehicles.tolist(), np.maximum.reduceat(rows.known, starts).tolist(), strict=True))
        self.home.update(zip(vehicles.tolist(), rows.region[starts].tolist(), strict=True))
        head_ts, head_minor = self.memory.head_ts[vehicles], self.memory.head_minor[vehicles]
        late = (rows.ts[starts] < head_ts) | ((rows.ts[starts] == head_ts) & (rows.minor[starts] <= head_minor))
        provisional = self._unsilence(vehicles.tolist())
        if not late.any():
            self.history.add(rows)
            changes = evaluate(self.memory, rows, self.program, self._who)
        else:
            is_late = np.repeat(late, np.diff(starts, append=len(rows)))
            on_time = rows.take(~is_late)
            self.history.add(on_time)
            changes = evaluate(self.memory, on_time, self.program, self._who) + self._again(rows.take(is_late))
        return self._settled(changes, provisional)

    def _again(self, rows: Rows) -> list[Change]:
        """Late rows: back to before them, and through all that came since."""
        groups: dict[int, list[int]] = {}
        kept = []
        for start, part in zip(rows.starts().tolist(), _parts(rows), strict=True):
            vehicle = int(rows.vehicle[start])
            place, part = self._in_time(vehicle, part)
            if place is not None:
                groups.setdefault(place, []).append(vehicle)
                kept.append(part)
        if not kept:
            return []
        self.history.add(joined(kept))
        changes = []
        for place, vehicles in groups.items():
            before = {vehicle: dict(self.memory.lives.get(vehicle, {})) for vehicle in vehicles}
            snapshot = self.history.snapshots[place].memory
            base = {vehicle: dict(snapshot.lives.get(vehicle, {})) for vehicle in vehicles}
            self.memory.put_back(snapshot, vehicles)
            self._through(place, vehicles)
            for vehicle in vehicles:
                changes += _differences(vehicle, before[vehicle], self.memory.lives.get(vehicle, {}), base[vehicle])
        return changes

    def _through(self, place: int, vehicles: list[int]) -> None:
        """All rows of some vehicles since a snapshot, again; the snapshots in between are brought up to date."""
        rows = joined(self.history.since(place, vehicles))
        stages = self.history.stages(place, rows)
        for stage in range(len(self.history.snapshots) - place):
            evaluate(self.memory, rows.take(stages == stage), self.program, self._who)
            if place + 1 + stage < len(self.history.snapshots):
                self.history.patch(place + 1 + stage, vehicles, self.memory)

    def _in_time(self, vehicle: int, rows: Rows) -> tuple[int | None, Rows]:
        """The snapshot to go back to, and the rows that are not too late for any."""
        for at in range(len(rows)):
            place = self.history.before(vehicle, (int(rows.ts[at]), int(rows.minor[at])))
            if place is not None:
                return place, rows.take(np.arange(at, len(rows)))
            self.too_late += 1
        return None, rows

    def _unsilence(self, vehicles: Iterable[int]) -> list[Change]:
        """The vehicles are heard again: what was raised while they were silent is not there until their rows say so."""
        return [Change(vehicle, life, None) for vehicle in vehicles for life in self.silent.pop(vehicle, {}).values()]

    @staticmethod
    def _settled(changes: list[Change], provisional: list[Change]) -> list[Change]:
        """Alerts raised in silence either cleared by the row that ended it, or should never have been."""
        said = {change.before.id: change.before for change in provisional if change.before}
        settled = []
        for change in changes:
            known = said.pop(change.after.id, None) if change.after else None
            settled.append(Change(change.vehicle, known, change.after) if known else change)
        return [change for change in provisional if change.before and change.before.id in said] + settled

    def tick(self, clock_ms: int) -> list[Change]:
        """Kafka's clock is there now: who is silent for too long? Also brings silences to an end that a rule no longer has."""
        changes = []
        memory = self.memory
        for rule, after_ms in self.program.silences:
            for vehicle, known in self.heard.items():
                if clock_ms - known <= after_ms or rule.id in self.silent.get(vehicle, ()) or memory.head_ts[vehicle] == NEVER:
                    continue
                region = np.array([self.home.get(vehicle, 0)])
                allowed = self._allowed(rule, np.array([vehicle]), region)
                if allowed is None or allowed[0]:
                    life = silence(
                        self.names[vehicle], rule, (int(memory.head_ts[vehicle]), int(memory.head_minor[vehicle]), int(region[0])), after_ms
                    )
                    self.silent.setdefault(vehicle, {})[rule.id] = life
                    changes.append(Change(vehicle, None, life))
        return changes

    def _allowed(self, rule: Rule, vehicles: Array, regions: Array) -> Array | None:
        """For which rows a rule counts."""
        only = rule.only
        if not (only.regions or only.models or only.tags):
            return None
        allowed = np.ones(len(vehicles), bool)
        if only.regions:
            allowed &= np.isin(regions, [number for name, number in self.regions.items() if name in only.regions])
        if only.models or only.tags:
            unique, places = np.unique(vehicles, return_inverse=True)
            allowed &= np.array([self._is_for(rule, self.names[vehicle]) for vehicle in unique.tolist()], bool)[places]
        return allowed

    def _is_for(self, rule: Rule, vehicle: str) -> bool:
        model, tags = self._facts.get(vehicle, ("", frozenset()))
        return (not rule.only.models or model in rule.only.models) and (not rule.only.tags or bool(tags & set(rule.only.tags)))

    def replay(self) -> None:
        """Make the memory again out of the newest snapshot and the rows since (after a restart). Nothing is told of it."""
        vehicles = list(range(len(self.names)))
        self.memory.grow(len(self.names))
        self.memory.put_back(self.history.snapshots[-1].memory, vehicles)
        parts = self.history.since(len(self.history.snapshots) - 1, vehicles)
        if parts:
            evaluate(self.memory, joined(parts), self.program, self._who)

    def lives(self) -> dict[str, tuple[str, Life]]:
        """All alerts that are remembered, by id, with their vehicle."""
        every = [*self.memory.lives.items(), *self.silent.items()]
        return {life.id: (self.names[vehicle], life) for vehicle, own in every for life in own.values()}


def _parts(rows: Rows) -> list[Rows]:
    """The rows of each vehicle."""
    starts = rows.starts()
    return [rows.take(np.arange(low, high)) for low, high in zip(starts, np.append(starts[1:], len(rows)), strict=True)]


def _differences(vehicle: int, before: dict[str, Life], after: dict[str, Life], base: dict[str, Life]) -> list[Change]:
    """What is other than it was. What the snapshot had, and was forgotten since, is no difference."""
    changed = [Change(vehicle, before.get(name), life) for name, life in after.items() if before.get(name, base.get(name)) != life]
    return [Change(vehicle, life, None) for name, life in before.items() if name not in after] + changed
