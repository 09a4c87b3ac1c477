"""What models learn from: recordings cut as the features need them, faults found on packs that were never seen, intervals that hold."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from contracts.errors import Terminal
from features.cells import FEATURES, Hour, described, nothing, summed
from features.drives import Drive, past
from features.drives import described as drive_described
from features.models import battery_task
from features.stays import Sessions
from features.stays import described as stays_described
from tests.voltlake import made_recordings as made
from voltlake.training import cells, drives, gather
from voltlake.training.cells import PackHour


def pack_hours(number: int, weak: int | None, hours: int = 16) -> Iterator[PackHour]:
    """A pack of 40 cells; a weak one sinks from the fourth hour on, or is low all along."""
    random = np.random.default_rng(number)
    offset = random.normal(0, 0.003, 40)
    for hour in range(hours):
        volts = 3.7 + offset + random.normal(0, 0.0005, (30, 40))
        faulty = weak is not None and (hour >= 4 or number % 3 > 0)
        if faulty:
            volts[:, weak] -= 0.01 + (0.005 * hour if number % 3 == 0 else 0.03 + 0.001 * number)
        amps = 20 * np.sin(np.arange(30.0))
        part = Hour(volts, amps, np.full((30, 4), 25.0))
        yield PackHour(f"PACK-{number}", hour * 3600.0, part, frozenset([weak] if faulty else []), frozenset(), weak is None)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Figures of a model that learnt from made packs, on cars that it never saw."""
    folder = tmp_path_factory.mktemp("cars")
    made.cars(folder, weak=17, cells=30)
    packs = (hour for number in range(1, 25) for hour in pack_hours(number, None if number % 2 else number - 1))
    learnt = gather._cell_rows(packs, "simulated", {}).to_pandas()
    model = battery_task.fit(learnt, lambda _text: None).model
    seen = gather.battery(folder, None, lambda _text: None)
    frame = pd.concat([seen.labels.to_pandas(), seen.tables["saved.cells"].to_pandas()[list(FEATURES)]], axis=1)
    return {key: value for key, (value, _) in battery_task.judge(model, frame)[0].items()}


def test_the_weak_cell_ranks_first_hours_before_the_bms_says_so(judged: dict[str, float]) -> None:
    assert (judged["fault_car3_first_cell"], judged["fault_rank_of_worst_cell"]) == (18, 1)
    assert judged["fault_lead_time_h"] >= 5
    assert judged["fault_healthy_vehicle_days"] == 1


def test_an_alarm_begins_above_its_limit_and_ends_below_half_of_it() -> None:
    scores = [0.0] * 3 + [1.0] * 20 + [0.6] * 20 + [0.0] * 20 + [1.0] * 20
    rows = pd.DataFrame({"hour_s": np.arange(len(scores)) * 3600.0, "cell": 3, "score": scores})
    quiet = rows.assign(cell=4, score=0.1)
    began, hours = battery_task.alarms(pd.concat([rows, quiet]), 0.95)
    assert hours == len(scores)
    assert [at / 3600 for at in began] == [3 + 12, 63 + 12], "once the mean of twelve hours is above the limit; 0.6 keeps it, 0 ends it"


def test_figures_of_a_cell_do_not_depend_on_the_size_or_noise_of_its_pack() -> None:
    random = np.random.default_rng(0)
    small = 3.7 + random.normal(0, 0.002, 24) + random.normal(0, 1e-4, (20, 24))
    small[:, 5] = np.median(small, axis=1) - 0.03
    amps, probes = np.zeros(20), np.full((20, 2), np.nan)
    one, memory = described(summed(Hour(small, amps, probes)), nothing(24))
    loud, _ = described(summed(Hour(3.7 + (small - 3.7) * 4, amps, probes)), nothing(24))
    assert one is not None
    assert loud is not None
    assert np.argmax(one["below"]) == np.argmax(loud["below"]) == 5
    assert loud["below"][5] == pytest.approx(one["below"][5], rel=0.05)
    assert described(summed(Hour(np.full((20, 24), 66.5), amps, probes)), memory) == (None, memory), "values that cannot be are not read"


def test_a_drive_that_cannot_be_stands_apart_and_every_fourth_is_test(tmp_path: Path) -> None:
    made.drives(tmp_path, range(1, 9))
    path = tmp_path / "bmw_i3_driving" / "trips_1hz.parquet"
    table = pa.parquet.read_table(path).to_pandas()
    table.loc[table["trip"] == "TripA06", ["heating_power_can_kw", "ambient_temp_c"]] = 5.3, 30.0
    pa.parquet.write_table(pa.Table.from_pandas(table), path)
    parts = {trip.trip_id.split("/")[0]: trip.part for trip in drives.recorded(tmp_path)}
    assert [name for name, part in parts.items() if part == "test"] == ["TripA04", "TripA08"]
    assert [name for name, part in parts.items() if part == "apart"] == ["TripA06"]
    (tmp_path / "ev_battery_faults").mkdir()
    pa.parquet.write_table(pa.table({"tboxTime": [1], "V_1": [3.7]}), tmp_path / "ev_battery_faults" / "car9.parquet")
    with pytest.raises(Terminal, match="BMSBatteryCurrent"):
        cells.recorded(tmp_path)


def test_work_terms_are_those_of_the_textbook() -> None:
    car = drives.figures(drives.I3)
    steady = Drive(np.full(361, 20.0), np.full(361, 0.0), np.full(361, 20.0), None, None)
    found = drive_described(steady, car, {"cabin_c": 20.0, "soc_pct": 80.0, "pack_temp_c": 20.0})
    force = car.f0_n + car.f1_n_per_mps * 20 + car.f2_n_per_mps2 * 400
    assert found["distance_km"] == pytest.approx(7.2)
    assert found["traction"] == pytest.approx(force / 3.6, rel=1e-3), "N times 1 km in Wh"
    assert found["rolling"] + found["aero"] == pytest.approx(found["traction"], rel=1e-9)
    assert found["recovery"] == 0
    assert np.isnan(drive_described(steady._replace(speed_mps=np.zeros(361)), car, {})["traction"]), "nothing a kilometre where it goes nowhere"


def test_the_past_knows_only_what_has_been() -> None:
    ratios = np.array([0.1, 0.1, 0.3, -0.2])
    means, weights = past(ratios)
    assert np.array_equal(past(ratios[:2])[0], means[:2])
    assert means[1] == pytest.approx(0.1)
    assert means[2] == pytest.approx((0.1 * 0.5 ** (1 / 3) * (1 + 0.5 ** (1 / 3)) + 0.2) / weights[2]), "an odd trip is believed up to 10 %"


def test_a_session_knows_only_those_that_had_ended() -> None:
    start = np.array([0.0, 60.0, 200.0, 210.0])
    site = np.array(["a"] * 4, object)
    made_up = Sessions(site, site, start, start + 100, np.full(4, 60.0), np.array([5.0, 50.0, 7.0, 9.0]), np.full(4, np.nan))
    found = stays_described(made_up)
    assert np.array_equal(found["site_energy_kwh"], [np.nan, np.nan, 27.5, 27.5], equal_nan=True)
    assert found["at_once"].tolist() == [0, 1, 0, 1]
