"""The published JSON schema of a scenario file, made from the catalogue of kinds: `python -m simulators.scenarios.schema > schema.json`."""

import json
import sys
from typing import Any

from contracts.identity import VEHICLE_ID
from simulators.scenarios.kinds import KINDS


def _span(low: float, high: float | None, what: str) -> dict[str, Any]:
    number: dict[str, Any] = {"type": "number", "minimum": low} | ({} if high is None else {"maximum": high})
    return {"description": what, "oneOf": [number, {"type": "array", "items": number, "minItems": 2, "maxItems": 2}]}


def schema() -> dict[str, Any]:
    """The schema (draft 2020-12)."""
    vehicles = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {
            "share": {"type": "number", "minimum": 0, "maximum": 1, "description": "share of the fleet, drawn"},
            "ids": {
                "type": "array",
                "items": {"type": "string", "pattern": f"^{VEHICLE_ID.pattern}$"},
                "description": "these vehicles, such as SIM-00003",
            },
            "count": {"type": "integer", "minimum": 0, "description": "the first so many vehicles"},
        },
    }
    fields: dict[str, Any] = {
        "kind": {"enum": list(KINDS)},
        "vehicles": vehicles,
        "start_s": _span(0, None, "seconds after the start of the run; of a range each vehicle draws; default 0"),
        "duration_s": _span(0, None, "seconds; default: to the end of the run"),
        "severity": _span(0, 1, "0 to 1; what 1 means stands at each kind; default 0.5"),
        "signals": {"type": "array", "items": {"type": "string"}, "description": "names of the catalogue; sensor faults only"},
        "parameters": {"type": "object", "additionalProperties": {"type": "number"}},
    }
    rules = [_rule(name) for name in KINDS]
    fault = {"type": "object", "required": ["kind", "vehicles"], "additionalProperties": False, "properties": fields, "allOf": rules}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "voltlake fault scenario",
        "type": "object",
        "required": ["name", "faults"],
        "additionalProperties": False,
        "properties": {"name": {"type": "string"}, "faults": {"type": "array", "items": fault}},
    }


def _rule(name: str) -> dict[str, Any]:
    """What a kind asks of its entry: its parameters, and signals for sensor faults only."""
    kind = KINDS[name]
    parameters = {"properties": {key: {"type": "number", "default": value} for key, value in kind.parameters.items()}, "additionalProperties": False}
    then: dict[str, Any] = {"description": f"{kind.what}; severity 1: {kind.severity}", "properties": {"parameters": parameters}}
    if kind.on_signals:
        then["required"] = ["signals"]
    else:
        then["properties"]["signals"] = False
    return {"if": {"properties": {"kind": {"const": name}}}, "then": then}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=1) + "\n")
