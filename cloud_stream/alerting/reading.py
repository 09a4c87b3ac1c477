"""A rules file (YAML), checked: a wrong one is refused with file, line and reason. `rules.schema.json` beside this file is its JSON schema.

version: 1
rules:
- id: pack_overheat
title: Pack overheats
severity: critical
threshold: {signal: pack_temp_max_c, above: 55, clear: 50}
why: cells age fast and may run away above their working range
source: cell makers put its end at 55 to 60 °C

`python -m cloud_stream.alerting.reading > cloud_stream/alerting/rules.schema.json` publishes the schema.
"""

import hashlib
import sys
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from cloud_stream.alerting.conditions import compiled
from cloud_stream.alerting.expressions import Wrong
from cloud_stream.alerting.rules import CONDITIONS, Rule, Rules
from contracts import documents
from contracts.errors import Terminal

SHIPPED = Path(__file__).parent / "shipped.yaml"
SCHEMA = Path(__file__).parent / "rules.schema.json"


class Loaded(NamedTuple):
    """The rules of a file, and a hash of its text: which version of it they are."""

    rules: tuple[Rule, ...]
    version: str


def load(path: Path = SHIPPED) -> Loaded:
    """Read a rules file. Raises Terminal with file, line and reason."""
    try:
        return parsed(path.read_text(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise Terminal(f"the rules {path} cannot be read: {error}") from None


def parsed(text: str, source: str = "rules") -> Loaded:
    """Rules from their text. Raises Terminal with line and reason."""
    found, lines = documents.parsed(text, Rules, source)
    names: set[str] = set()
    for at, rule in enumerate(found.rules):
        try:
            _check(rule, names)
        except Wrong as wrong:
            raise Terminal(f"{source}, line {lines.line(f'$.rules[{at}]')}: rule {rule.id}: {wrong}") from None
        names.add(rule.id)
    for at, rule in enumerate(found.rules):
        if strange := sorted(set(rule.parents) - names):
            line = lines.line(f"$.rules[{at}].parents")
            raise Terminal(f"{source}, line {line}: rule {rule.id}: there is no rule {', '.join(strange)} to be its parent")
    return Loaded(found.rules, hashlib.blake2b(text.encode(), digest_size=6).hexdigest())


def _check(rule: Rule, names: set[str]) -> None:
    """What the shape of a rule does not say. Raises Wrong."""
    if rule.id in names:
        raise Wrong("there is another rule with this id")
    given = [name for name in CONDITIONS if getattr(rule, name) is not None]
    if len(given) != 1:
        raise Wrong(f"a rule has exactly one condition of {', '.join(CONDITIONS)}; this one has {', '.join(given) or 'none'}")
    for name in ("title", "why", "source"):
        if not getattr(rule, name).strip():
            raise Wrong(f"`{name}` is empty; people who get the alert need it")
    if any((step.at is None) == (step.after_s is None) for step in rule.escalate):
        raise Wrong("an escalation has either `at` or `after_s`")
    if rule.id in rule.parents:
        raise Wrong("it cannot be its own parent")
    compiled(rule)


def schema() -> dict[str, Any]:
    """The JSON schema of a rules file."""
    made = msgspec.json.schema(Rules)
    made["$schema"], made["title"] = "https://json-schema.org/draft/2020-12/schema", "voltlake alert rules"
    made["$defs"]["Rule"]["oneOf"] = [{"required": [name]} for name in CONDITIONS]
    return made


def schema_text() -> bytes:
    """The schema as it is published."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(schema_text())
