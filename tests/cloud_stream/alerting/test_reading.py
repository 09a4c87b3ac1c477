"""A wrong rules file is refused with line and reason; the shipped one is right and says why each rule is there."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from cloud_stream.alerting.reading import SCHEMA, SHIPPED, load, parsed, schema_text
from contracts.errors import Terminal

RULE = "version: 1\nrules:\n- id: a\n  title: A\n  severity: warning\n  why: because\n  source: here\n"


def test_the_shipped_rules_are_many_and_each_has_its_reason_and_source() -> None:
    rules = load().rules
    assert len(rules) >= 20
    assert all(len(rule.why) > 40 and len(rule.source) > 8 for rule in rules)
    assert any(rule.id == "pack_overheat" and rule.threshold and rule.threshold.above == 55 for rule in rules)


def test_the_published_schema_is_the_codes_and_takes_the_shipped_rules() -> None:
    assert SCHEMA.read_bytes() == schema_text()
    jsonschema.validate(yaml.safe_load(SHIPPED.read_text()), yaml.safe_load(SCHEMA.read_text()))


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("version: 1\nrules:\n- id: a\n  title: [", 4, "this is no YAML"),
        ("", 1, "the file is empty"),
        ("version: 2\nrules: []\n", 1, "Invalid enum value 2"),
        (RULE + "  threshold: {signal: soc_pct, above: high}\n", 8, "Expected `float | null`, got `str`"),
        (RULE.replace("warning", "dreadful") + "  threshold: {signal: soc_pct, above: 1}\n", 5, "Invalid enum value 'dreadful'"),
        (RULE + "  treshold: {signal: soc_pct, above: 1}\n", 3, "unknown field `treshold`"),
        (RULE + "  severity: info\n", 8, "the field 'severity' stands twice"),
        (RULE, 3, "exactly one condition"),
        (RULE + "  threshold: {signal: soc_pct}\n", 3, "exactly one of `above` and `below`"),
        (RULE + "  threshold: {signal: soc_pct, above: 1, clear: 2}\n", 3, "wrong side"),
        (RULE + "  threshold: {signal: sock_pct, above: 1}\n", 3, "unknown signal 'sock_pct'"),
        (RULE + "  expression: {when: soc_pct >}\n", 3, "is no expression"),
        (RULE + "  expression: {when: soc_pct}\n", 3, "is a number; compare it"),
        (RULE + "  expression: {when: __import__('os').system('true') == 0}\n", 3, "is not allowed here"),
        (RULE + "  expression: {when: soc_pct < 1}\n  parents: [b]\n", 9, "there is no rule b"),
        (RULE + "  threshold: {signal: soc_pct, above: 1}\n  escalate: [{severity: info, at: 2}]\n", 3, "severities must rise"),
        (RULE + "  threshold: {signal: soc_pct, above: 5}\n  escalate: [{severity: major, at: 2}]\n", 3, "must move away"),
        (RULE + "  geofence: {crossing: enter}\n", 3, "a circle"),
        (RULE + "  no_data: {after_s: 1}\n", 8, ">= 5"),
    ],
)
def test_a_wrong_file_is_refused_with_line_and_reason(text: str, line: int, reason: str) -> None:
    with pytest.raises(Terminal) as refused:
        parsed(text, "rules.yaml")
    assert str(refused.value).startswith(f"rules.yaml, line {line}: ")
    assert reason in str(refused.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Terminal, match="cannot be read"):
        load(tmp_path / "none.yaml")
