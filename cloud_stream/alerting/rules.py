"""What a rule may say: the shape of a rules file. `reading` reads it and checks what a shape alone cannot say."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Severity = Literal["info", "warning", "major", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "major", "critical")
Seconds = Annotated[float, Meta(ge=0, le=30 * 86_400)]
Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,63}$")]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Frozen, and strict about names."""


class Limit(_Part, frozen=True):
    """`above` or `below` a limit, and where it clears again (none = at the limit): the gap is the hysteresis."""

    above: float | None = None
    below: float | None = None
    clear: float | None = None


class Threshold(Limit, frozen=True, kw_only=True):
    """A signal of the catalogue, or one derived from cells, against a limit."""

    signal: str


class Rate(Limit, frozen=True, kw_only=True):
    """The change of a signal in its unit a minute, between samples at least `over_s` apart, against a limit."""

    signal: str
    over_s: Annotated[float, Meta(gt=0, le=86_400)] = 60.0


class OwnPast(Limit, frozen=True, kw_only=True):
    """How many standard deviations a signal is away from the vehicle's own past, whose weight halves every `half_life_s`."""

    signal: str
    half_life_s: Annotated[float, Meta(gt=0)] = 86_400.0


class FleetDeviation(Limit, frozen=True, kw_only=True):
    """How many robust standard deviations a signal is away from vehicles of the same model, by the days before."""

    signal: str


class Score(Limit, frozen=True, kw_only=True):
    """The newest score of a model against a limit."""

    model: Name


class Expression(_Part, frozen=True, kw_only=True):
    """A condition over several signals; it clears by `clear_when` (none = when it is no longer true). `value` is what the alert shows."""

    when: str
    clear_when: str = ""
    value: str = ""


class Geofence(_Part, frozen=True, kw_only=True):
    """Raised on entering or leaving a circle, or a polygon of `[lat, lon]`; cleared on the way back."""

    crossing: Literal["enter", "leave"]
    lat: Annotated[float, Meta(ge=-90, le=90)] = 0.0
    lon: Annotated[float, Meta(ge=-180, le=180)] = 0.0
    radius_m: Annotated[float, Meta(ge=0)] = 0.0
    polygon: tuple[tuple[float, float], ...] = ()


class NoData(_Part, frozen=True, kw_only=True):
    """Nothing was heard of a vehicle, or with `of: gateway` of any vehicle of a gateway, for so long by Kafka's time."""

    after_s: Annotated[float, Meta(ge=5)]
    of: Literal["vehicle", "gateway"] = "vehicle"


class ModelTrouble(_Part, frozen=True, kw_only=True):
    """The promoted version of a model that scores live cannot be used, or MLflow is not reached, for so long by Kafka's time."""

    after_s: Annotated[float, Meta(ge=5)]


class OnEvent(_Part, frozen=True, kw_only=True):
    """An event with that name, whose attributes have one of the listed values; it clears by another event or by time."""

    name: str
    where: dict[str, tuple[str | int | float, ...]] = {}
    clears: str = ""
    clear_after_s: Seconds = 0.0


class Times(_Part, frozen=True, kw_only=True):
    """The condition must begin this often in a window."""

    count: Annotated[int, Meta(ge=2, le=1000)]
    within_s: Annotated[float, Meta(gt=0)]


class Escalation(_Part, frozen=True, kw_only=True):
    """A higher severity from a limit on, or once the alert has stood for so long."""

    severity: Severity
    at: float | None = None
    after_s: Seconds | None = None


class Only(_Part, frozen=True, kw_only=True):
    """For which vehicles: any of these regions, models and tags; empty = all."""

    regions: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Rule(_Part, frozen=True, kw_only=True):
    """One rule: exactly one condition (the fields from `threshold` to `event`), how long or often it must hold, and what it means.

    `rows`: judge it only where a row of that kind comes. `parents`: it is quiet while one of these rules stands. `detects`: the simulator's faults
    that it is for, by which it is scored. A condition that returns within `flap_s` of its end is the same alert, with a count.
    """

    id: Name
    title: str
    severity: Severity
    why: str
    source: str
    threshold: Threshold | None = None
    rate: Rate | None = None
    own_past: OwnPast | None = None
    fleet: FleetDeviation | None = None
    score: Score | None = None
    expression: Expression | None = None
    all: Annotated[tuple[str, ...], Meta(min_length=2)] | None = None
    geofence: Geofence | None = None
    no_data: NoData | None = None
    model_trouble: ModelTrouble | None = None
    event: OnEvent | None = None
    rows: Literal["telemetry", "cells"] | None = None
    for_s: Seconds = 0.0
    clear_for_s: Seconds = 0.0
    times: Times | None = None
    flap_s: Seconds = 300.0
    escalate: tuple[Escalation, ...] = ()
    only: Only = Only()
    parents: tuple[str, ...] = ()
    detects: tuple[str, ...] = ()
    enabled: bool = True


CONDITIONS = ("threshold", "rate", "own_past", "fleet", "score", "expression", "all", "geofence", "no_data", "model_trouble", "event")


class Rules(_Part, frozen=True, kw_only=True):
    """A rules file. `version` is the shape's."""

    version: Literal[1]
    rules: tuple[Rule, ...]


def condition_of(rule: Rule) -> str:
    """Which of `CONDITIONS` the rule has."""
    return next(name for name in CONDITIONS if getattr(rule, name) is not None)
