"""Whatever a sensor sends: nothing is lost, everything has a reason, and the road goes on.

A certificate of another authority and a gateway that speaks for another region are tried in `tests/cloud_stream/test_ingest_*`.
"""

import json
import random
import time
from collections.abc import Callable, Iterator

import pytest

from contracts import codec
from contracts.events import Rejection
from contracts.ranges import Ranges
from lakehouse import reader, sql
from tests.road.patience import until
from tests.road.sensor import Sensor, sensor
from voltlake.stack.handle import Handle

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

REGION = "eu-north"
YEAR_MS = 365 * 24 * 3600 * 1000


@pytest.fixture(scope="module")
def unit(stack: Handle) -> Iterator[Sensor]:
    with sensor(stack.mqtt_port, "bad-input", REGION) as one:
        yield one


@pytest.fixture
def ask(stack: Handle) -> Callable[[str], list[dict]]:
    lake = stack.lake
    return lambda question: sql.query(lake, question).to_pylist()


def frame(ts: int | None = None, **signals: object) -> str:
    return json.dumps({"ts": ts or int(time.time() * 1000), "signals": signals or {"soc_pct": 50}})


def rows(ask: Callable[[str], list[dict]], vehicle: str) -> list[dict]:
    return ask(f"SELECT * FROM silver.telemetry WHERE vehicle_id = '{vehicle}' ORDER BY seq")


@pytest.mark.parametrize(
    ("vehicle", "payload", "reason"),
    [
        ("BAD-JSON", '{"ts": 17900', "not_json"),
        ("BAD-BYTES", b"\x00\xff\xfe", "not_json"),
        ("BAD-SHAPE", "[1, 2, 3]", "schema"),
        ("BAD-TYPE", frame(soc_pct="half"), "schema"),
        ("BAD-RANGE", frame(soc_pct=250), "range"),
        ("BAD-FUTURE", frame(ts=int(time.time() * 1000) + YEAR_MS), "future"),
    ],
    ids=["half", "bytes", "shape", "type", "range", "future"],
)
def test_it_stands_in_quarantine_with_a_reason_and_the_road_goes_on(
    unit: Sensor, ask: Callable[[str], list[dict]], vehicle: str, payload: str | bytes, reason: str
) -> None:
    unit.publish(vehicle, "telemetry", payload, "0000000a/0")
    unit.publish(vehicle, "telemetry", frame(), "0000000a/1")
    found = until(lambda: ask(f"SELECT reason, detail, seq, value FROM silver.quarantine WHERE vehicle_id = '{vehicle}'"), "a row in quarantine")
    until(lambda: rows(ask, vehicle), "a row in silver")
    assert [row["seq"] for row in rows(ask, vehicle)] == [1]
    assert [(row["reason"], row["seq"]) for row in found] == [(reason, 0)]
    assert found[0]["detail"]
    assert codec.decode_envelope(found[0]["value"]).seq == 0, "its bytes are kept"
    until(lambda: unit.told("safe", vehicle) == Ranges([(0, 1)]), "both are told safe")


def test_an_unknown_signal_is_a_warning_on_the_row(unit: Sensor, ask: Callable[[str], list[dict]]) -> None:
    unit.publish("UNKNOWN-SIGNAL", "telemetry", frame(soc_pct=40, warp_factor=9), "0000000a/0")
    until(lambda: rows(ask, "UNKNOWN-SIGNAL"), "a row in silver")
    [row] = rows(ask, "UNKNOWN-SIGNAL")
    assert (row["soc_pct"], row["unknown_signals"]) == (40, ["warp_factor"])


def test_a_duplicate_stands_once(unit: Sensor, ask: Callable[[str], list[dict]]) -> None:
    same = frame()
    for _ in range(5):
        unit.publish("DUPLICATE", "telemetry", same, "0000000a/0")
    unit.publish("DUPLICATE", "telemetry", frame(), "0000000a/1")
    until(lambda: len(rows(ask, "DUPLICATE")) == 2, "two rows")
    assert [row["seq"] for row in rows(ask, "DUPLICATE")] == [0, 1]


def test_a_shuffled_order_changes_nothing(unit: Sensor, ask: Callable[[str], list[dict]]) -> None:
    start = int(time.time() * 1000) - 5000
    order = list(range(40))
    random.Random(1).shuffle(order)
    for seq in order:
        unit.publish("SHUFFLED", "telemetry", frame(ts=start + seq * 100, soc_pct=seq), f"0000000a/{seq}")
    until(lambda: len(rows(ask, "SHUFFLED")) == 40, "all rows")
    current = "SELECT seq, soc_pct FROM gold.vehicle_current WHERE vehicle_id = 'SHUFFLED'"
    until(lambda: ask(current) == [{"seq": 39, "soc_pct": 39.0}], "the newest frame in gold")


def test_a_payload_of_2_mb_is_rejected_with_its_identity_and_told_safe(stack: Handle, unit: Sensor, ask: Callable[[str], list[dict]]) -> None:
    unit.publish("TOO-LARGE", "telemetry", b"x" * 2_000_000, "0000000a/0")
    unit.publish("TOO-LARGE", "telemetry", frame(), "0000000a/1")
    until(lambda: rows(ask, "TOO-LARGE"), "a row in silver")

    def rejected() -> list[Rejection]:
        values = reader.arrow(stack.lake, "bronze.rejected", ["value"])["value"].to_pylist()
        return [one for one in (codec.decode(value, Rejection) for value in values) if one.vehicle_id == "TOO-LARGE"]

    [found] = until(rejected, "a rejection in bronze")
    assert (found.seq, found.size, found.boot_id) == (0, 2_000_000, "0000000a")
    assert found.reason
    until(lambda: unit.told("safe", "TOO-LARGE") == Ranges([(0, 1)]), "both are told safe")


def test_a_message_without_identity_is_rejected_and_does_not_loop(stack: Handle, unit: Sensor, ask: Callable[[str], list[dict]]) -> None:
    unit.publish("NAMELESS", "telemetry", frame(), None)
    unit.publish("NAMELESS", "telemetry", frame(), "0000000a/0")
    until(lambda: rows(ask, "NAMELESS"), "a row in silver")
    values = until(lambda: [row["value"] for row in ask("SELECT value FROM bronze.rejected WHERE key = 'NAMELESS'")], "a rejection in bronze")
    assert [(codec.decode(value, Rejection).boot_id, codec.decode(value, Rejection).seq) for value in values] == [("", -1)]
