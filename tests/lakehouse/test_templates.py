"""What follows a template is read as the JSON reader would read it, and nothing else is read that way."""

import json
import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse import parse, templates
from tests.lakehouse.made import NOW_MS, telemetry

SCHEMA = pa.schema([*parse._ENVELOPE, ("payload", parse.PAYLOADS["telemetry"]), ("payload_base64", pa.string())])


def by_json(lines: list[bytes]) -> tuple[list[dict], list[tuple[int, str]]]:
    """What the JSON reader alone says: rows, and refused rows with their reasons."""
    rows, refused = [], []
    for first, last, outcome in parse._read(lines, 0, len(lines), SCHEMA):
        if isinstance(outcome, pa.Table):
            rows += zip(range(first, last), outcome.to_pylist(), strict=True)
        else:
            refused.append((first, parse._reason(lines[first])))
    return [{"row": row} | _plain(fields) for row, fields in rows], refused


def _plain(fields: dict) -> dict:
    fields = {name: value for name, value in fields.items() if name in SCHEMA.names}
    payload = fields["payload"] and {name: fields["payload"][name] for name in ("ts", "signals")}  # other members are looked at by nobody
    if payload and payload["signals"]:
        payload = payload | {"signals": {name: value for name, value in payload["signals"].items() if value is not None}}
    return fields | {"payload": payload}


def by_parse(lines: list[bytes]) -> tuple[list[dict], list[tuple[int, str]]]:
    parsed = parse.parse(lines, "telemetry")
    return [{"row": row["row"]} | _plain(row) for row in parsed.table.to_pylist()], sorted((item.row, item.reason) for item in parsed.refused)


def text(value: object) -> str:
    """For comparing: NaN is not equal to itself, and the order of names says nothing."""
    return json.dumps(value, sort_keys=True)


GOOD = [telemetry(f"V-{at % 5}", at, soc_pct=at / 100, speed_kmh=-1.5, odometer_m=5 * 10**8 + at) for at in range(60)]
LINE = GOOD[7].decode()
STRANGE = [
    LINE.replace('"seq":7', '"seq":07'),
    LINE.replace('"seq":7', '"seq":7.0'),
    LINE.replace('"seq":7', '"seq":+7'),
    LINE.replace('"seq":7', '"seq":99999999999999999999'),
    LINE.replace("0.07", ".07"),
    LINE.replace("0.07", "0.07."),
    LINE.replace("0.07", "-.07"),
    LINE.replace("0.07", "00.07"),
    LINE.replace("0.07", "-00.07"),
    LINE.replace("0.07", "7e-2"),
    LINE.replace("0.07", "7e"),
    LINE.replace("0.07", "1e999"),
    LINE.replace("0.07", "NaN"),
    LINE.replace("0.07", "nan"),
    LINE.replace("0.07", "inf"),
    LINE.replace("0.07", "null"),
    LINE.replace("0.07", "true"),
    LINE.replace("0.07", '"0.07"'),
    LINE.replace("0.07", " 0.07"),
    LINE.replace("0.07", "0x7"),
    LINE.replace("0.07", "1-2"),
    LINE.replace("0.07", ""),
    LINE.replace("eu-north-1", "eu\\u002dnorth"),
    LINE.replace("eu-north-1", 'eu"north'),
    LINE.replace("eu-north-1", "eu\tnorth"),
    LINE.replace("eu-north-1", "eu,north"),
    LINE.replace("eu-north-1", "eu\nnorth"),
    LINE.replace("eu-north-1", "eü-north"),
    LINE.replace("eu-north-1", ""),
    LINE.replace('"soc_pct"', '"speed_kmh"'),
    LINE.replace('"soc_pct"', '"warp"'),
    LINE.replace('"signals"', '"signal"'),
    LINE.replace("{", "[", 1),
    LINE[:-1],
    LINE + "}",
    LINE.replace(":", " : "),
    LINE.replace('"payload":{', '"payload":{"extra":1,'),
    LINE.replace('"seq":7', '"traceparent":"00-ab-cd-01","seq":7'),
    json.dumps(json.loads(LINE)),
]


@pytest.mark.parametrize("strange", STRANGE)
def test_a_strange_line_among_many_is_read_as_alone(strange: str) -> None:
    for at in (0, 30):
        lines = [*GOOD[:at], strange.encode(), *GOOD[at:]]
        assert text(by_parse(lines)) == text(by_json(lines))


def test_a_line_that_is_not_utf8_costs_only_itself() -> None:
    lines = [*GOOD, GOOD[0].replace(b"eu-north-1", b"eu\xff")]
    assert text(by_parse(lines)) == text(by_json(lines))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), strange=st.lists(st.sampled_from(STRANGE), max_size=6))
def test_batches_of_several_shapes_are_read_as_by_the_json_reader(seed: int, strange: list[str]) -> None:
    chance = random.Random(seed)
    names = ["soc_pct", "speed_kmh", "pack_v", "lat", "ambient_c"]
    shapes = [chance.sample(names, chance.randint(1, 5)) for _ in range(3)]
    lines = [
        telemetry(
            f"V-{at}",
            at,
            NOW_MS + at,
            **{name: chance.choice([0, -0.0, 1, 12.25, 1e-7, -3.5e20, chance.random() * 100]) for name in chance.choice(shapes)},
        )
        for at in range(120)
    ] + [line.encode() for line in strange]
    chance.shuffle(lines)
    assert text(by_parse(lines)) == text(by_json(lines))


def test_alike_lines_do_take_the_fast_way() -> None:
    [alike] = templates.read(GOOD, SCHEMA)
    assert alike.rows.tolist() == list(range(60))
    assert [len(alike.rows) for alike in templates.read([*GOOD, *(line.replace(b"soc_pct", b"pack_v") for line in GOOD)], SCHEMA)] == [60, 60]
