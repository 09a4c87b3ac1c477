"""A scenario file (YAML) as values. `schema.json` beside this file is its published schema; a wrong file gives line and reason.

name: a weak cell and a dead spot
faults:
  - kind: cell.weak_capacity
    vehicles: {share: 0.05}
    start_s: [0, 86400]        # a number, or a range from which each vehicle draws
    duration_s: 604800         # left out: to the end of the run
    severity: [0.3, 0.9]
  - kind: sensor.drift
    vehicles: {ids: [SIM-00003, SIM-00014]}
    signals: [pack_temp_c]
    parameters: {amount: 8}
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import msgspec
import yaml

from contracts.errors import Terminal
from contracts.identity import VEHICLE_ID
from contracts.signals import BY_NAME
from simulators.scenarios.kinds import KINDS

Span = tuple[float, float]
FOREVER_S = 1e12


class Chosen(msgspec.Struct, frozen=True):
    """Which vehicles: a share of the fleet, these ids, or the first `count`."""

    share: float | None = None
    ids: tuple[str, ...] | None = None
    count: int | None = None


class Order(msgspec.Struct, frozen=True):
    """One entry of a scenario: a kind of fault for some vehicles. Ranges are (least, greatest); seconds from the start of the run."""

    kind: str
    vehicles: Chosen
    start_s: Span
    duration_s: Span
    severity: Span
    signals: tuple[str, ...]
    parameters: dict[str, float]
    line: int


class Scenario(msgspec.Struct, frozen=True):
    """A named list of orders; `source` is the file."""

    name: str
    orders: tuple[Order, ...]
    source: str = "scenario"


def load(path: Path) -> Scenario:
    """Read a scenario file. Raises Terminal with file, line and reason."""
    try:
        return parsed(path.read_text(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise Terminal(f"the scenario {path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}") from None


def parsed(text: str, source: str = "scenario") -> Scenario:
    """A scenario from its text. Raises Terminal with line and reason."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise Terminal(f"{source}, line {line}: this is no YAML: {getattr(error, 'problem', None) or error}") from None
    return _Reader(source).scenario(root)


class _Reader:
    """Nodes to values; a node knows its line, so every complaint does."""

    def __init__(self, source: str) -> None:
        self._source = source

    def scenario(self, node: yaml.Node | None) -> Scenario:
        if node is None:
            raise Terminal(f"{self._source}, line 1: the file is empty; it needs `name` and `faults`")
        fields = self._fields(node, {"name", "faults"}, {"name", "faults"})
        faults = fields["faults"]
        if not isinstance(faults, yaml.SequenceNode):
            self._wrong(faults, "`faults` must be a list")
        return Scenario(self._text(fields["name"]), tuple(self._order(entry) for entry in faults.value), self._source)

    def _order(self, node: yaml.Node) -> Order:
        known = {"kind", "vehicles", "start_s", "duration_s", "severity", "signals", "parameters"}
        fields = self._fields(node, known, {"kind", "vehicles"})
        name = self._text(fields["kind"])
        if name not in KINDS:
            self._wrong(fields["kind"], f"unknown kind {name!r}; known are {', '.join(KINDS)}")
        kind = KINDS[name]
        signals = self._signals(fields.get("signals"))
        if kind.on_signals and not signals:
            self._wrong(node, f"{name} falsifies signals: name them in `signals`")
        if signals and not kind.on_signals:
            self._wrong(fields["signals"], f"{name} has no `signals`; only sensor faults do")
        return Order(
            name,
            self._vehicles(fields["vehicles"]),
            self._span(fields.get("start_s"), (0.0, 0.0), (0.0, FOREVER_S)),
            self._span(fields.get("duration_s"), (FOREVER_S, FOREVER_S), (0.0, FOREVER_S)),
            self._span(fields.get("severity"), (0.5, 0.5), (0.0, 1.0)),
            signals,
            self._parameters(fields.get("parameters"), kind.name, kind.parameters),
            node.start_mark.line + 1,
        )

    def _vehicles(self, node: yaml.Node) -> Chosen:
        fields = self._fields(node, {"share", "ids", "count"}, set())
        if len(fields) != 1:
            self._wrong(node, "`vehicles` needs exactly one of `share`, `ids` and `count`")
        if "share" in fields:
            return Chosen(share=self._number(fields["share"], (0.0, 1.0)))
        if "count" in fields:
            return Chosen(count=self._whole(fields["count"]))
        ids = fields["ids"]
        if not isinstance(ids, yaml.SequenceNode):
            self._wrong(ids, "`ids` must be a list of vehicle ids such as SIM-00003")
        return Chosen(ids=tuple(self._id(entry) for entry in ids.value))

    def _id(self, node: yaml.Node) -> str:
        name = self._text(node)
        if not VEHICLE_ID.fullmatch(name):
            self._wrong(node, f"{name!r} is no vehicle id; they look like SIM-00003")
        return name

    def _signals(self, node: yaml.Node | None) -> tuple[str, ...]:
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self._wrong(node, "`signals` must be a list of signal names")
        names = []
        for entry in node.value:
            name = self._text(entry)
            if name not in BY_NAME:
                self._wrong(entry, f"unknown signal {name!r}; the catalogue is contracts/signals.py")
            names.append(name)
        return tuple(names)

    def _parameters(self, node: yaml.Node | None, kind: str, defaults: Mapping[str, float]) -> dict[str, float]:
        if node is None:
            return dict(defaults)
        fields = self._fields(node, set(defaults), set(), f"{kind} has no parameter")
        return dict(defaults) | {name: self._number(value, (-1e9, 1e9)) for name, value in fields.items()}

    def _span(self, node: yaml.Node | None, default: Span, bounds: Span) -> Span:
        if node is None:
            return default
        if not isinstance(node, yaml.SequenceNode):
            value = self._number(node, bounds)
            return value, value
        if len(node.value) != 2:
            self._wrong(node, "a range has two numbers, [least, greatest]")
        low, high = (self._number(entry, bounds) for entry in node.value)
        if low > high:
            self._wrong(node, f"the range [{low:g}, {high:g}] is upside down")
        return low, high

    def _fields(self, node: yaml.Node, known: set[str], needed: set[str], complaint: str = "unknown field") -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, f"here must be a mapping with {', '.join(sorted(known)) or 'nothing'}")
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self._text(key)
            if name not in known:
                self._wrong(key, f"{complaint} {name!r}; known are {', '.join(sorted(known)) or 'none'}")
            if name in fields:
                self._wrong(key, f"the field {name!r} stands twice")
            fields[name] = value
        if missing := sorted(needed - fields.keys()):
            self._wrong(node, f"the field {', '.join(missing)} is missing")
        return fields

    def _text(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self._wrong(node, "here must be a word")
        return str(node.value)

    def _number(self, node: yaml.Node, bounds: Span) -> float:
        value = self._scalar(node, float, "a number")
        if not bounds[0] <= value <= bounds[1]:
            self._wrong(node, f"{value:g} is out of range; it must be {bounds[0]:g} to {bounds[1]:g}")
        return value

    def _whole(self, node: yaml.Node) -> int:
        value = self._scalar(node, int, "a whole number")
        if value < 0:
            self._wrong(node, f"{value} is out of range; it must be 0 or more")
        return int(value)

    def _scalar(self, node: yaml.Node, kind: Callable[[str], float], words: str) -> float:
        try:
            return kind(self._text(node))
        except ValueError:
            self._wrong(node, f"{node.value!r} is not {words}")

    def _wrong(self, node: yaml.Node, reason: str) -> NoReturn:
        raise Terminal(f"{self._source}, line {node.start_mark.line + 1}: {reason}")
