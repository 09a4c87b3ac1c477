"""The live flow's windows equal the point-in-time answer out of all revisions, whatever the batches, restarts, late frames and duplicates."""

import random

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cloud_stream.steps.checkpoint import dump, load
from cloud_stream.steps.live import LiveState, Reactor
from contracts import codec
from contracts.events import Telemetry
from features import transforms
from features.transforms import WINDOW_FEATURES
from features.windows import Questions
from lakehouse import minutes
from lakehouse.tables import VEHICLE_MINUTES
from tests.lakehouse.made import NOW_MS, bronze, envelope, refined

MINUTE_MS = 60_000
SPAN_MS = 75 * MINUTE_MS


def records(seed: int) -> pa.Table:
    """Three vehicles over 75 minutes, a frame every 20 s; some come late, some twice, one never speaks after half an hour."""
    chance = random.Random(seed)
    arrivals = []
    for vehicle in range(3):
        for seq, after_ms in enumerate(range(0, SPAN_MS if vehicle < 2 else SPAN_MS // 2, 20_000)):
            signals = {"speed_kmh": round(chance.uniform(0, 120), 2), "odometer_m": 1000 + seq * 300, "energy_out_kwh": 5 + seq * 0.05}
            signals |= {"pack_temp_c": round(20 + chance.random() * 5, 1), "energy_in_kwh": 5.0, "regen_kwh": round(5 + seq * 0.003, 3)}
            payload = codec.encode(Telemetry(NOW_MS + after_ms, signals))
            made = envelope(f"V-{vehicle}", "telemetry", seq, payload, received_at=NOW_MS + after_ms)
            late_ms = chance.choice([chance.randrange(1500)] * 8 + [chance.randrange(20 * MINUTE_MS)])
            arrivals.append((after_ms + late_ms, made))
            if chance.random() < 0.05:
                arrivals.append((after_ms + late_ms + chance.randrange(9_000), made))
    arrivals.append((30 * MINUTE_MS, envelope("V-1", "telemetry", 9_999, b"no json")))
    arrivals.sort(key=lambda arrival: arrival[0])
    return bronze([value for _, value in arrivals], kafka_ms=[NOW_MS + at for at, _ in arrivals])


@pytest.mark.parametrize("seed", range(2))
def test_live_windows_equal_the_point_in_time_answer_over_batches_and_restarts(seed: int) -> None:
    chance = random.Random(seed)
    rows = records(seed)
    reactor = Reactor(LiveState(), lambda _name, _rows: [])
    written, at, saved = [], 0, (dump(LiveState()), {})
    while at < rows.num_rows:
        size = chance.choice([1, 3, 8, 30])
        written.append(reactor.step(rows.slice(at, size)).windows)
        at += size
        if chance.random() < 0.1:
            saved = (dump(reactor.state), dict(reactor.state.reached))
        if chance.random() < 0.1:  # killed: begins again at its last checkpoint
            reactor = Reactor(load(*saved), lambda _name, _rows: [])
            at = max((position.offset + 1 for position in saved[1].values()), default=0)
    found = pa.concat_tables(written)
    assert found.num_rows > 100
    revisions = minutes.revise(VEHICLE_MINUTES.empty_table(), minutes.partials(refined(rows, "telemetry", {}).rows))
    asked = Questions(found["vehicle_id"].combine_chunks(), found["event_ts"].cast(pa.int64()).to_numpy())
    expected = transforms.windows(revisions, asked)
    for name in WINDOW_FEATURES:
        assert found[name].combine_chunks().equals(expected[name]), name
    assert found["speed_mean_kmh_60m"].null_count < found.num_rows / 10
    newest = found.filter(pc.equal(found["vehicle_id"], "V-2"))["minutes_heard_60m"].to_pylist()
    assert newest[-1] < max(newest), "a silent vehicle's windows run empty"


def test_a_redis_that_came_back_empty_gets_what_stood_in_it() -> None:
    reactor = Reactor(LiveState(), lambda _name, _rows: [])
    last = {row["vehicle_id"]: row for row in reactor.step(records(1)).windows.to_pylist()}
    again = {row["vehicle_id"]: row for row in reactor.everything()["vehicle_windows"].to_pylist()}
    assert again == {vehicle: row for vehicle, row in last.items() if vehicle in again}
    assert len(again) == 3
