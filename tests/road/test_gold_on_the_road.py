"""Gold on the whole stack: a trip is seen while it is driven, and all of gold equals a rebuild from bronze while the flows run."""

import json
import time

import pytest

from lakehouse import sql
from lakehouse.gold.verify import verify
from tests.road.patience import until
from tests.road.sensor import Sensor, sensor
from voltlake.stack.handle import Handle

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
VEHICLE = "GOLD-TRIP"


def drive(unit: Sensor, first: int, last: int, start_ms: int) -> None:
    """Frames a second apart, half of them sent twice."""
    for seq in range(first, last):
        signals = {"speed_kmh": 36, "odometer_m": 1000 + 10 * seq, "energy_out_kwh": seq / 500, "soc_pct": 80 - seq / 100}
        for _ in range(1 + seq % 2):
            unit.publish(VEHICLE, "telemetry", json.dumps({"ts": start_ms + seq * 1000, "signals": signals}), f"0000000a/{seq}")


def test_gold_equals_a_rebuild_from_bronze_while_its_flow_runs_and_after_it_was_killed(stack: Handle) -> None:
    def trips() -> list[dict]:
        return sql.query(stack.lake, f"SELECT distance_km, open, frames FROM gold.trips WHERE vehicle_id = '{VEHICLE}'").to_pylist()

    start_ms = int(time.time() * 1000) - 120_000
    with sensor(stack.mqtt_port, "gold", "eu-north") as unit:
        drive(unit, 0, 60, start_ms)
        until(lambda: trips() == [{"distance_km": 0.59, "open": True, "frames": 60}], "the open trip")
        assert {one.table: one.difference for one in verify(stack.lake) if one.difference} == {}
        killed = stack.kill("flow-gold")
        drive(unit, 60, 90, start_ms)
        stack.wait_running("flow-gold", other_than=killed)
        until(lambda: trips() == [{"distance_km": 0.89, "open": True, "frames": 90}], "the longer trip")
    assert {one.table: one.difference for one in verify(stack.lake) if one.difference} == {}
