"""Alerts as people see them: what the data say, what people did, and what is kept quiet. Pure but for the desk's own state.

A person's act is applied once, by its command id, and stays with the alert. Quiet is an alert that is shelved, in a maintenance window, or
whose parent stands: it lives on, and speaks up when that ends.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from cloud_stream.alerting.evaluation import Change
from cloud_stream.alerting.records import CLOSED, KEPT_ACTS, Book, described, kind_of_change
from contracts.events import Act, Alert, AlertCommand

KEPT_MS = 7 * 86_400_000
"""A closed alert can be commented on for so long; so long are commands remembered."""
replace = msgspec.structs.replace


class Window(msgspec.Struct, frozen=True):
    """Maintenance: alerts of these vehicles, regions and rules (empty = all) are quiet from then to then (epoch ms)."""

    id: str
    by: str
    from_ts: int
    until_ts: int
    vehicles: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()

    def covers(self, alert: Alert, clock_ms: int) -> bool:
        """Whether the alert is quiet because of it."""
        if not self.from_ts <= clock_ms < self.until_ts:
            return False
        fields = ((self.vehicles, alert.vehicle_id), (self.regions, alert.region), (self.rules, alert.rule))
        return all(not wanted or value in wanted for wanted, value in fields)


class Papers(msgspec.Struct):
    """What the desk remembers: alerts by id, those that a person closed, windows, and commands applied with their times."""

    alerts: dict[str, Alert] = msgspec.field(default_factory=dict)
    by_hand: set[str] = msgspec.field(default_factory=set)
    windows: dict[str, Window] = msgspec.field(default_factory=dict)
    applied: dict[str, int] = msgspec.field(default_factory=dict)


class Desk:
    """Changes and commands in, alerts out. `parents` gives other vehicles whose alerts count as a vehicle's parents (its gateway)."""

    def __init__(self, rules: Book, papers: Papers | None = None, parents: Callable[[str], Iterable[str]] = lambda _vehicle: ()) -> None:
        self.rules, self.papers, self._parents = rules, papers or Papers(), parents
        self._standing: dict[str, set[str]] = {}
        for alert in self.papers.alerts.values():
            self._place(alert)

    def _place(self, alert: Alert) -> None:
        own = self._standing.setdefault(alert.vehicle_id, set())
        if alert.state in CLOSED:
            own.discard(alert.alert_id)
        else:
            own.add(alert.alert_id)

    def _keep(self, alert: Alert, change: str, clock_ms: int) -> Alert:
        """The alert with its next revision."""
        known = self.papers.alerts.get(alert.alert_id)
        kept = replace(alert, change=change, revision=(known.revision if known else 0) + 1, changed_ts=clock_ms)
        self.papers.alerts[alert.alert_id] = kept
        self._place(kept)
        return kept

    def changed(self, changes: Sequence[Change], names: Callable[[Change], tuple[str, str]], clock_ms: int) -> list[Alert]:
        """What the data changed. `names` gives vehicle and region of a change."""
        out: list[Alert] = []
        for change in sorted(changes, key=lambda one: one.after is None, reverse=True):
            who = names(change)
            if change.after is None:
                assert change.before is not None
                out += self._retracted(change.before.id, self._instead(change, changes), clock_ms)
            elif change.after.rule in self.rules:
                out += self._lived(change, who, clock_ms)
        return out + self._quietened({alert.vehicle_id for alert in out}, clock_ms)

    @staticmethod
    def _instead(gone: Change, changes: Sequence[Change]) -> str:
        """The alert that is there in the place of one that should never have been: of its vehicle and rule, raised in the same moment."""
        assert gone.before is not None
        for change in changes:
            new = change.after
            if new and change.before is None and change.vehicle == gone.vehicle and new.rule == gone.before.rule:
                return new.id
        return ""

    def _retracted(self, name: str, instead: str, clock_ms: int) -> list[Alert]:
        known = self.papers.alerts.get(name)
        if known is None or known.state == "retracted":
            return []
        return [self._keep(replace(known, state="retracted", superseded_by=instead), "retracted", clock_ms)]

    def _lived(self, change: Change, who: tuple[str, str], clock_ms: int) -> list[Alert]:
        life = change.after
        assert life is not None
        alert = described(life, who, self.rules[life.rule])
        kind = kind_of_change(change.before, life)
        known = self.papers.alerts.get(life.id) or self._inherited(life.id)
        if known is None:
            return [self._keep(alert, kind, clock_ms)]
        people = {name: getattr(known, name) for name in ("assignee", "acknowledged_by", "suppressed_by", "shelved_until", "acts")}
        again = kind in {"raised", "escalated"} and known.alert_id == life.id
        if again:
            people["acknowledged_by"] = ""
            self.papers.by_hand.discard(life.id)
        alert = replace(alert, **people)
        if life.stands and life.id in self.papers.by_hand:
            alert = replace(alert, state="cleared", cleared_ts=known.cleared_ts)
        elif life.stands and alert.acknowledged_by:
            alert = replace(alert, state="acknowledged")
        if (
            known.alert_id == life.id
            and known.state == "cleared" == alert.state
            and known.cleared_ts == alert.cleared_ts
            and known.count == alert.count
        ):
            return []
        return [self._keep(alert, kind, clock_ms)]

    def _inherited(self, name: str) -> Alert | None:
        """The retracted alert that this one stands in for: what people did goes on with it."""
        return next((alert for alert in self.papers.alerts.values() if alert.superseded_by == name), None)

    def dropped(self, standing: set[str], clock_ms: int) -> list[Alert]:
        """After the rules changed: alerts of rules that are no more, or other, are closed. `standing` are the ids that the engines know."""
        gone = [alert for own in self._standing.values() for alert in map(self.papers.alerts.__getitem__, own) if alert.alert_id not in standing]
        return [
            self._keep(
                replace(alert, state="cleared", cleared_ts=clock_ms, message=f"{alert.message} (its rule was changed or removed)"),
                "cleared",
                clock_ms,
            )
            for alert in gone
        ]

    def command(self, order: AlertCommand, clock_ms: int) -> tuple[list[Alert], str]:
        """Apply a person's act: what changed, and why nothing did where it could not."""
        papers = self.papers
        if order.command_id in papers.applied:
            return [], "it was applied before"
        papers.applied[order.command_id] = order.ts
        if order.action == "maintenance":
            window = Window(order.alert_id, order.by, order.from_ts, order.until_ts, order.vehicles, order.regions, order.rules)
            papers.windows[order.alert_id] = window
            return self._quietened(set(self._standing), clock_ms), ""
        if order.action == "end_maintenance":
            papers.windows.pop(order.alert_id, None)
            return self._quietened(set(self._standing), clock_ms), ""
        alert = papers.alerts.get(order.alert_id)
        if alert is None or alert.vehicle_id != order.vehicle_id:
            return [], "there is no such alert"
        acted = self._acted(alert, order)
        if isinstance(acted, str):
            return [], acted
        acts = (*alert.acts, Act(order.by, order.ts, order.action, order.text))[-KEPT_ACTS:]
        told = self._keep(replace(acted, acts=acts), _TOLD[order.action], clock_ms)
        return [told, *self._quietened({alert.vehicle_id}, clock_ms)], ""

    def _acted(self, alert: Alert, order: AlertCommand) -> Alert | str:  # noqa: PLR0911 - a table of acts
        closed = alert.state in CLOSED
        match order.action:
            case "ack":
                return "it is closed" if closed else replace(alert, state="acknowledged", acknowledged_by=order.by)
            case "assign":
                return replace(alert, assignee=order.text)
            case "clear":
                if closed:
                    return "it is closed"
                self.papers.by_hand.add(alert.alert_id)
                return replace(alert, state="cleared", cleared_ts=order.ts)
            case "shelve":
                return "it is closed" if closed else replace(alert, shelved_until=order.until_ts)
            case "unshelve":
                return replace(alert, shelved_until=None)
            case _:
                return alert

    def tick(self, clock_ms: int) -> list[Alert]:
        """Kafka's clock is there now: shelving and windows end, and what is long closed is forgotten."""
        papers = self.papers
        waiting = [vehicle for vehicle, own in self._standing.items() if own] if papers.windows or self._anything_quiet() else []
        out = self._quietened(set(waiting), clock_ms)
        for name in [name for name, window in papers.windows.items() if window.until_ts + KEPT_MS < clock_ms]:
            del papers.windows[name]
        for name in [name for name, alert in papers.alerts.items() if alert.state in CLOSED and alert.changed_ts + KEPT_MS < clock_ms]:
            del papers.alerts[name]
            papers.by_hand.discard(name)
        papers.applied = {name: ts for name, ts in papers.applied.items() if ts + KEPT_MS >= clock_ms}
        return out

    def _anything_quiet(self) -> bool:
        return any(
            self.papers.alerts[name].suppressed_by or self.papers.alerts[name].shelved_until for own in self._standing.values() for name in own
        )

    def _quietened(self, vehicles: set[str], clock_ms: int) -> list[Alert]:
        """The alerts of these vehicles whose quiet began or ended."""
        out = []
        for vehicle in sorted(vehicles):
            for name in sorted(self._standing.get(vehicle, ())):
                alert = self.papers.alerts[name]
                why = self._quiet(alert, clock_ms)
                if why != alert.suppressed_by:
                    out.append(self._keep(replace(alert, suppressed_by=why), "suppressed" if why else "resumed", clock_ms))
        return out

    def _quiet(self, alert: Alert, clock_ms: int) -> str:
        """Why an alert is quiet; empty where it is not."""
        if alert.shelved_until is not None and clock_ms < alert.shelved_until:
            return "shelved"
        for window in self.papers.windows.values():
            if window.covers(alert, clock_ms):
                return f"maintenance:{window.id}"
        parents = self.rules[alert.rule].rule.parents if alert.rule in self.rules else ()
        if parents:
            for vehicle in (alert.vehicle_id, *self._parents(alert.vehicle_id)):
                for name in sorted(self._standing.get(vehicle, ())):
                    if self.papers.alerts[name].rule in parents:
                        return name
        return ""


_TOLD = {"ack": "acknowledged", "assign": "assigned", "clear": "cleared", "comment": "commented", "shelve": "shelved", "unshelve": "resumed"}
