"""Rules as judgements over columns: every kind of condition becomes an expression with limits, or one that is true or false."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from cloud_stream.alerting.columns import CELLS, EVENT, FROM_CELLS, TELEMETRY
from cloud_stream.alerting.expressions import Node, Wrong, is_truth, names_of, over_time, parse, values
from cloud_stream.alerting.rules import SEVERITIES, Geofence, Limit, Rule, condition_of
from cloud_stream.alerting.watch import CLEAR, HOLD, RAISE, UNKNOWN, Timing
from contracts.signals import BY_NAME

Array = np.ndarray
MEDIAN, SPREAD = "fleet_median.", "fleet_spread."
SCORE, EVENTS = "score.", "event."


class Judged(NamedTuple):
    """What a condition looks at. With `limits` (a level each, away from the clear side) `value` is compared, `sign` 1 above and -1 below;
    otherwise `when` and `clear_when` are true or false. `leaves` must be known; `fresh` has the signals of which one must be in the row.
    """

    value: Node
    when: Node | None
    clear_when: Node | None
    sign: int
    limits: tuple[float, ...]
    clear: float
    leaves: tuple[Node, ...]
    fresh: frozenset[str]


class Condition(NamedTuple):
    """A rule that is ready to run. `kind` restricts it to rows of a kind; `holds` = other rows still count for its clock."""

    rule: Rule
    judged: Judged
    timing: Timing
    severities: tuple[str, ...]
    kind: int | None
    holds: bool
    signal: str


def known_signal(name: str) -> bool:
    """Whether an expression may name it."""
    return name in BY_NAME or name in FROM_CELLS


def compiled(rule: Rule) -> Condition | None:
    """The rule as a condition; None for no data and trouble of models, which are no conditions on rows. Raises Wrong."""
    kind = condition_of(rule)
    if kind in {"no_data", "model_trouble"}:
        return None
    judged, signal = _judged(rule, kind)
    if rule.rows is not None:
        at: int | None = TELEMETRY if rule.rows == "telemetry" else CELLS
    else:
        at = EVENT if kind == "event" else None
    return Condition(rule, judged, timing_of(rule), severities_of(rule), at, kind == "event", signal)


def severities_of(rule: Rule) -> tuple[str, ...]:
    """Severities by level. Raises Wrong where an escalation does not escalate."""
    levels = (rule.severity, *(step.severity for step in rule.escalate))
    places = [SEVERITIES.index(level) for level in levels]
    if places != sorted(set(places)):
        raise Wrong(f"severities must rise: {' < '.join(SEVERITIES)}")
    return levels


def timing_of(rule: Rule) -> Timing:
    """The rule's times in milliseconds."""
    later = tuple((at + 1, round(step.after_s * 1000)) for at, step in enumerate(rule.escalate) if step.after_s is not None)
    count, within = (rule.times.count, rule.times.within_s) if rule.times else (1, 0.0)
    expires = rule.event.clear_after_s if rule.event else 0.0
    spans = (rule.for_s, rule.clear_for_s, within, rule.flap_s, expires)
    for_ms, clear_ms, within_ms, flap_ms, expires_ms = (round(span * 1000) for span in spans)
    return Timing(for_ms, clear_ms, count, within_ms, flap_ms, expires_ms, later)


def _judged(rule: Rule, kind: str) -> tuple[Judged, str]:  # noqa: PLR0911 - a table of kinds
    match kind:
        case "threshold":
            assert rule.threshold
            return _against(rule, rule.threshold, _signal(rule.threshold.signal)), rule.threshold.signal
        case "rate":
            assert rule.rate
            return _against(rule, rule.rate, Node("rate", (_signal(rule.rate.signal), rule.rate.over_s))), rule.rate.signal
        case "own_past":
            assert rule.own_past
            return _against(rule, rule.own_past, Node("sigmas", (_signal(rule.own_past.signal), rule.own_past.half_life_s))), rule.own_past.signal
        case "fleet":
            assert rule.fleet
            name = rule.fleet.signal
            away = Node("-", (_signal(name), Node("signal", (MEDIAN + name,))))
            return _against(rule, rule.fleet, Node("/", (away, Node("signal", (SPREAD + name,))))), name
        case "score":
            assert rule.score
            return _against(rule, rule.score, Node("signal", (SCORE + rule.score.model,))), SCORE + rule.score.model
        case "event":
            node = Node("signal", (EVENTS + rule.id,))
            return _judgement(node, (1, (1.0,) * (1 + len(rule.escalate)), 0.5), None), rule.event.name if rule.event else ""
        case "geofence":
            assert rule.geofence
            inside = _inside(rule.geofence)
            when = inside if rule.geofence.crossing == "enter" else Node("not", (inside,))
            return _judgement(Node("signal", ("lat",)), None, (when, Node("not", (when,)))), "lat"
        case _:
            return _expression(rule)


def _expression(rule: Rule) -> tuple[Judged, str]:
    if rule.all is not None:
        parts = tuple(_truth(text) for text in rule.all)
        when, clear, value = Node("and", parts), None, None
    else:
        assert rule.expression
        when = _truth(rule.expression.when)
        clear = _truth(rule.expression.clear_when) if rule.expression.clear_when else None
        value = parse(rule.expression.value, known_signal) if rule.expression.value else None
    if value is not None and is_truth(value):
        raise Wrong(f"the value {rule.expression.value if rule.expression else ''!r} is true or false; a number is needed")
    if any(step.at is not None for step in rule.escalate):
        if value is None:
            raise Wrong("to escalate `at` a limit the expression needs a `value`")
        raise Wrong("an expression escalates `after_s`; use a threshold to escalate `at` a limit")
    named = sorted(names_of(value if value is not None else when))
    first = Node("signal", (named[0],)) if named else Node("number", (0.0,))
    return _judgement(value if value is not None else first, None, (when, clear or Node("not", (when,)))), named[0] if named else ""


def _truth(text: str) -> Node:
    node = parse(text, known_signal)
    if not is_truth(node):
        raise Wrong(f"{text!r} is a number; compare it, as in {text} > 0")
    return node


def _signal(name: str) -> Node:
    if not known_signal(name):
        raise Wrong(f"unknown signal {name!r}; `voltlake alerts rules signals` shows what there is")
    return Node("signal", (name,))


def _inside(fence: Geofence) -> Node:
    lat, lon = Node("signal", ("lat",)), Node("signal", ("lon",))
    if (fence.polygon and fence.radius_m) or (not fence.polygon and fence.radius_m <= 0):
        raise Wrong("a geofence is a circle (`lat`, `lon`, `radius_m`) or a `polygon`")
    if not fence.polygon:
        return Node("<=", (Node("distance_m", (lat, lon, fence.lat, fence.lon)), Node("number", (fence.radius_m,))))
    if len(fence.polygon) < 3:
        raise Wrong("a polygon needs at least 3 corners")
    return Node("==", (Node("inside", (lat, lon, *(number for corner in fence.polygon for number in corner))), Node("number", (1.0,))))


def _against(rule: Rule, limit: Limit, value: Node) -> Judged:
    if (limit.above is None) == (limit.below is None):
        raise Wrong("a limit needs exactly one of `above` and `below`")
    sign = 1 if limit.above is not None else -1
    first = limit.above if limit.above is not None else limit.below
    assert first is not None
    clear = first if limit.clear is None else limit.clear
    if (clear - first) * sign > 0:
        raise Wrong(f"`clear` {clear:g} is on the wrong side of {first:g}")
    limits = [first, *(step.at if step.at is not None else sign * np.inf for step in rule.escalate)]
    if any((one - other) * sign < 0 for one, other in zip(limits[1:], limits, strict=False) if np.isfinite(one) and np.isfinite(other)):
        raise Wrong("the limits of `escalate` must move away from the first one")
    return _judgement(value, (sign, tuple(limits), clear), None)


def _judgement(value: Node, limit: tuple[int, tuple[float, ...], float] | None, truth: tuple[Node, Node] | None) -> Judged:
    sign, limits, clear = limit or (1, (), 0.0)
    when, clear_when = truth or (None, None)
    judged = [node for node in (when, clear_when) if node] or [value]
    leaves = {leaf for node in judged for leaf in _leaves(node)}
    fresh = frozenset(name for node in judged for name in names_of(node) if not name.startswith((MEDIAN, SPREAD)))
    return Judged(value, when, clear_when, sign, limits, clear, tuple(sorted(leaves, key=str)), fresh)


def _leaves(node: Node) -> set[Node]:
    """Signals, and nodes over time as a whole: what must be known for the rest to mean something."""
    if node.op == "signal" or node in over_time(node)[-1:]:
        return {node}
    return {leaf for one in node.args if isinstance(one, Node) for leaf in _leaves(one)}


def judge(condition: Condition, columns: Mapping[str, Array], known: dict[Node, Array], where: tuple[Array, Mapping[str, Array]]) -> Array:
    """A judgement a row. `columns` are carried on, `known` holds nodes computed already; `where` = (kind a row, what is in the message)."""
    kinds, present = where
    judged = condition.judged
    given: Array = np.zeros(len(kinds), bool)
    for name in judged.fresh:
        given = given | present[name]
    if condition.kind is not None:
        given = given & (kinds == condition.kind)
    found = np.zeros(len(kinds), np.uint8)
    if not given.any():
        return np.full(len(kinds), HOLD, np.uint8) if condition.holds else found
    if judged.when is None:
        level = values(judged.value, columns, known) * judged.sign
        found[level >= judged.clear * judged.sign] = HOLD
        found[level < judged.clear * judged.sign] = CLEAR
        for at, limit in enumerate(judged.limits):
            if np.isfinite(limit):
                found[level >= limit * judged.sign] = RAISE + at
    else:
        assert judged.clear_when is not None
        found[:] = HOLD
        found[np.broadcast_to(values(judged.clear_when, columns, known), found.shape)] = CLEAR
        found[np.broadcast_to(values(judged.when, columns, known), found.shape)] = RAISE
        for leaf in judged.leaves:
            given = given & ~np.isnan(values(leaf, columns, known))
    found[~given] = HOLD if condition.holds else UNKNOWN
    return found
