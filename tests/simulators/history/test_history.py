import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from contracts.errors import Terminal
from contracts.identity import BOOT_ID, VEHICLE_ID
from contracts.signals import BY_NAME
from simulators.history.tables import Wanted, Window, faults_of, windows
from simulators.history.transport import travelled
from simulators.physics import draws
from simulators.physics.world import Fleet
from simulators.scenarios import scenario
from simulators.scenarios.plan import Fault

START_S = 1_781_071_200.0


def wanted(vehicles: int = 12, first: int = 0, hours: float = 3.0, block: int = 4096) -> Wanted:
    return Wanted(fleet=Fleet(vehicles=vehicles, first=first, seed=6), start_s=START_S, days=hours / 24, window_s=3600, block=block)


def whole(found: list[Window], name: str) -> pa.Table:
    return pa.concat_tables([getattr(window, name) for window in found])


def of(table: pa.Table, vehicle: str) -> pa.Table:
    return table.filter(pc.equal(table["vehicle_id"], vehicle))


SCENARIO = """
name: road
faults:
  - {kind: unit.reboot, vehicles: {ids: [SIM-00002]}, start_s: 3700, severity: 1, parameters: {off_s: 300}}
  - {kind: network.outage, vehicles: {ids: [SIM-00003]}, start_s: 1800, duration_s: 1800}
  - {kind: unit.clock_jump, vehicles: {ids: [SIM-00004]}, start_s: 1800, duration_s: 600, severity: 1}
  - {kind: sensor.missing, vehicles: {ids: [SIM-00005]}, signals: [pack_v], severity: 1}
"""


@pytest.fixture(scope="module")
def faulty() -> list[Window]:
    wish = wanted()
    return list(windows(wish, faults_of(wish, scenario.parsed(SCENARIO))))


def test_history_has_every_frame_of_every_vehicle_with_gapless_seqs(faulty: list[Window]) -> None:
    telemetry = whole(faulty, "telemetry")
    healthy = of(telemetry, "SIM-00001")
    assert healthy.num_rows == 180
    assert healthy["seq"].to_pylist() == list(range(180))
    assert np.all(np.diff(healthy["ts"].to_numpy()) == 60_000)
    assert len(set(telemetry["vehicle_id"].to_pylist())) == 12
    assert all(VEHICLE_ID.fullmatch(name) for name in set(telemetry["vehicle_id"].to_pylist()))
    assert all(BOOT_ID.fullmatch(boot) for boot in set(telemetry["boot_id"].to_pylist()))


def test_values_are_multiples_of_their_resolution_inside_their_range(faulty: list[Window]) -> None:
    telemetry = whole(faulty, "telemetry")
    for name in set(telemetry.column_names) & BY_NAME.keys():
        signal, values = BY_NAME[name], telemetry[name].drop_null().to_numpy()
        assert np.all(values == np.rint(values * signal.scale) / signal.scale), name
        assert values.min() >= signal.low, name
        assert values.max() <= signal.high, name


def test_messages_arrive_after_they_were_sent_and_an_outage_holds_them_back(faulty: list[Window]) -> None:
    telemetry = whole(faulty, "telemetry")
    healthy = of(telemetry, "SIM-00001")
    delay = healthy["received_at"].to_numpy() - healthy["ts"].to_numpy()
    assert delay.min() > 20
    assert delay.max() < 3000
    held = of(telemetry, "SIM-00003")
    late = held["received_at"].to_numpy() - held["ts"].to_numpy()
    within = (held["ts"].to_numpy() >= (START_S + 1800) * 1000) & (held["ts"].to_numpy() < (START_S + 3600) * 1000)
    assert within.sum() == 30
    assert np.all(held["received_at"].to_numpy()[within] >= (START_S + 3600) * 1000)
    assert late[~within].max() < 3000


def test_a_reboot_gives_a_new_boot_and_seqs_from_zero(faulty: list[Window]) -> None:
    own = of(whole(faulty, "telemetry"), "SIM-00002")
    boots = own["boot_id"].to_pylist()
    first, second = (own.filter(pc.equal(own["boot_id"], boot)) for boot in (boots[0], boots[-1]))
    assert boots[0] != boots[-1]
    assert len(set(boots)) == 2
    assert first["seq"].to_pylist() == list(range(first.num_rows))
    assert second["seq"].to_pylist() == list(range(second.num_rows))
    assert own.num_rows == 175


def test_a_clock_that_jumps_lies_about_ts_but_not_about_arrival(faulty: list[Window]) -> None:
    own = of(whole(faulty, "telemetry"), "SIM-00004")
    ahead = own["ts"].to_numpy() - own["received_at"].to_numpy()
    assert np.count_nonzero(ahead > 3_500_000) == 10


def test_a_missing_signal_is_null(faulty: list[Window]) -> None:
    assert of(whole(faulty, "telemetry"), "SIM-00005")["pack_v"].null_count == 180
    assert of(whole(faulty, "telemetry"), "SIM-00006")["pack_v"].null_count == 0


def test_cells_have_as_many_voltages_as_the_pack_and_sum_to_its_voltage(faulty: list[Window]) -> None:
    cells, telemetry = whole(faulty, "cells"), whole(faulty, "telemetry")
    assert cells.num_rows == 12 * 18
    row = of(cells, "SIM-00001").to_pylist()[3]
    frame = next(one for one in of(telemetry, "SIM-00001").to_pylist() if one["ts"] == row["ts"])
    assert sum(row["cell_v"]) == pytest.approx(frame["pack_v"], rel=0.01)
    assert min(row["cell_v"]) == pytest.approx(frame["cell_v_min"], abs=0.0011)
    assert len(row["probe_c"]) == 8


def test_events_tell_of_drives() -> None:
    events = whole(list(windows(wanted(vehicles=60))), "events")
    assert {"drive_started", "drive_ended"} <= set(events["event"].to_pylist())
    assert all("soc_pct" in text for text in events["attributes"].to_pylist())


def test_a_vehicles_history_depends_neither_on_fleet_nor_on_blocks() -> None:
    large, alone = whole(list(windows(wanted(12, block=5))), "telemetry"), whole(list(windows(wanted(1, first=7))), "telemetry")
    assert of(large, "SIM-00008").equals(alone.combine_chunks()) or of(large, "SIM-00008").to_pylist() == alone.to_pylist()


def test_a_wish_without_sense_is_one_sentence() -> None:
    with pytest.raises(Terminal, match="cadence of 1 to 60 s and more than 0 days"):
        next(windows(wanted(hours=-1)))


def test_faults_on_the_way_delay_duplicate_nothing_and_lose_nothing() -> None:
    due = np.arange(1000) * 1000 + 1_000_000_000
    late = Fault(0, 1_000_100.0, 1_000_200.0, "network.delay", 1.0, (), {"delay_s": 30.0})
    journey = travelled(draws.keys(1, np.array([0])), due, [late])
    delay = (journey.received_at - due) / 1000
    assert journey.sent.all()
    assert delay[100:200].mean() == pytest.approx(30, rel=0.35)
    assert delay[300:].max() < 3
