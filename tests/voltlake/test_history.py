"""Simulated history in the lake: judged as live data are, written once, and no concern of the audit."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from contracts.topics import HISTORY, PARTITIONS
from lakehouse import reader
from simulators.history.tables import Wanted, faults_of, windows
from simulators.physics.world import Fleet
from simulators.scenarios import scenario
from tests.road.patience import until
from voltlake.audit import audit
from voltlake.history import lake
from voltlake.history.coordinates import partition_of
from voltlake.stack.handle import Handle

START_S = 1_781_071_200.0
FAULTS = """
name: t
faults:
  - {kind: network.corrupt, vehicles: {ids: [SIM-00001]}, severity: 0.5}
  - {kind: network.duplicate, vehicles: {ids: [SIM-00002]}, severity: 1}
  - {kind: network.outage, vehicles: {ids: [SIM-00003]}, start_s: 600, duration_s: 1500}
  - {kind: unit.clock_jump, vehicles: {ids: [SIM-00004]}, start_s: 600, duration_s: 600, severity: 1}
"""


def wanted(**more: object) -> Wanted:
    return Wanted(fleet=Fleet(vehicles=8, seed=3), start_s=START_S, days=1 / 24, window_s=900.0, cells_s=300.0, **more)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, lake.Written]:
    folder = str(tmp_path_factory.mktemp("lake"))
    return folder, lake.write(wanted(), faults_of(wanted(), scenario.parsed(FAULTS)), folder, refine=True)


def rows_of(folder: str, vehicle: str, table: str = "silver.telemetry") -> pa.Table:
    return reader.arrow(folder, table, filters=ds.field("vehicle_id") == vehicle).sort_by("seq")


def test_what_history_holds_stands_in_silver_with_its_arrival_and_the_instant_it_was_known(written: tuple[str, lake.Written]) -> None:
    told = pa.concat_tables([window.telemetry for window in windows(wanted())])
    mine = told.filter(pc.equal(told["vehicle_id"], "SIM-00005")).sort_by("seq")
    silver = rows_of(written[0], "SIM-00005")
    assert silver.num_rows == 60
    assert silver["event_ts"].cast("int64").to_numpy().tolist() == (mine["ts"].to_numpy() * 1000).tolist()
    assert silver["received_at"].cast("int64").to_numpy().tolist() == (mine["received_at"].to_numpy() * 1000).tolist()
    for name in ("pack_v", "speed_kmh", "odometer_m", "soc_pct"):
        assert silver[name].to_pylist() == mine[name].to_pylist()
    known = silver["known_at"].cast("int64").to_numpy() - silver["received_at"].cast("int64").to_numpy()
    assert known.min() > 0
    assert known.max() < 10_000_000, "known within seconds of its arrival, then, not today"


def test_history_is_judged_as_live_data_are(written: tuple[str, lake.Written]) -> None:
    folder, count = written
    quarantine = reader.arrow(folder, "silver.quarantine")
    reasons = set(zip(quarantine["vehicle_id"].to_pylist(), quarantine["reason"].to_pylist(), strict=True))
    assert reasons == {("SIM-00001", "not_json"), ("SIM-00004", "future")}
    assert count.duplicates >= 60
    assert rows_of(folder, "SIM-00002").num_rows == 60
    assert count.bronze == count.silver + count.quarantine + count.duplicates


def test_coordinates_are_those_that_kafka_would_give(written: tuple[str, lake.Written]) -> None:
    bronze = reader.arrow(written[0], "bronze.telemetry")
    assert set(bronze["cluster"].to_pylist()) == {HISTORY}
    assert [partition_of(key) for key in bronze["key"].to_pylist()] == bronze["partition"].to_pylist()
    for partition in range(PARTITIONS):
        mine = bronze.filter(pc.equal(bronze["partition"], partition)).sort_by("offset")
        assert mine["offset"].to_pylist() == list(range(mine.num_rows))
        assert np.all(np.diff(mine["kafka_ts"].cast("int64").to_numpy()) >= 0)
    late = rows_of(written[0], "SIM-00003")
    held = (late["received_at"].cast("int64").to_numpy() - late["event_ts"].cast("int64").to_numpy()) / 1e6
    assert held.max() > 1400
    envelope = json.loads(bronze["value"][0].as_py())
    assert {"gateway_id", "region", "vehicle_id", "kind", "boot_id", "seq", "received_at", "payload"} == envelope.keys()


def test_kafka_and_history_agree_on_the_partition_of_a_key() -> None:
    # Made with the Java client's Utils.murmur2 (kafka-clients, UtilsTest.testMurmur2).
    from voltlake.history.coordinates import murmur2

    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536, b"a-little-bit-longer-string": -1486304829}
    assert {key: (murmur2(key) + 2**31) % 2**32 - 2**31 for key in known} == known


def test_the_same_history_again_adds_nothing_and_an_interrupted_one_goes_on(tmp_path: Path, written: tuple[str, lake.Written]) -> None:
    faults = faults_of(wanted(), scenario.parsed(FAULTS))
    again = lake.write(wanted(), faults, written[0], refine=True)
    assert (again.bronze, again.silver, again.quarantine) == (0, 0, 0)

    class Interrupted(Exception):
        pass

    def stop(share: float) -> None:
        if share > 0.4:
            raise Interrupted

    folder = str(tmp_path / "lake")
    with pytest.raises(Interrupted):
        lake.write(wanted(), faults, folder, refine=True, progress=stop)
    rest = lake.write(wanted(), faults, folder, refine=True)
    assert 0 < rest.bronze < written[1].bronze
    for name in ("silver.telemetry", "silver.cells", "silver.events", "silver.quarantine", "bronze.telemetry"):
        assert reader.count(folder, name) == reader.count(written[0], name)


@pytest.mark.stack
@pytest.mark.timeout(420)
def test_the_flows_of_a_running_stack_take_history_up_and_the_audit_is_not_misled(stack: Handle) -> None:
    wish = wanted(prefix="PAST")
    done = lake.write(wish, [], stack.lake, refine=False)
    ours = ds.field("vehicle_id").isin([f"PAST-{number:05d}" for number in range(1, 9)])

    def count(name: str) -> int:
        return reader.arrow(stack.lake, name, ["vehicle_id"], ours).num_rows

    until(lambda: sum(map(count, ("silver.telemetry", "silver.cells", "silver.events"))) == done.bronze, "history in silver")
    rows = reader.arrow(stack.lake, "silver.telemetry", ["known_at", "received_at"], ours)
    assert pc.max(pc.subtract(rows["known_at"].cast("int64"), rows["received_at"].cast("int64"))).as_py() < 10_000_000, "known then, not today"
    until(lambda: count("gold.vehicle_minutes") >= 8 * 50, "its minutes in gold")
    verdict = audit(stack.plan)
    assert (verdict.lost, verdict.duplicated) == (0, 0), verdict.hops
