import msgspec
import numpy as np
import pytest

from contracts.codec import decode_payload, encode
from contracts.events import Telemetry
from simulators.frames import Layout, encode_cells, encode_event


def test_a_payload_has_exactly_the_shape_and_bytes_of_the_contract():
    columns = {"speed_kmh": np.array([12.344, 0.0]), "lat": np.array([59.3293004, -0.0000001]), "odometer_m": np.array([1e6, 2.4])}
    payloads = Layout(tuple(columns)).encode(1_760_000_000_000, columns)
    assert payloads[0] == b'{"ts":1760000000000,"signals":{"speed_kmh":12.34,"lat":59.3293,"odometer_m":1000000}}'
    assert payloads[1] == b'{"ts":1760000000000,"signals":{"speed_kmh":0.0,"lat":0.0,"odometer_m":2}}'
    for payload in payloads:
        assert encode(decode_payload("telemetry", payload)) == payload.replace(b"1000000}", b"1000000.0}").replace(b":2}", b":2.0}")


def test_values_are_clipped_to_the_range_of_the_signal():
    frame = decode_payload("telemetry", Layout(["soc_pct", "speed_kmh"]).encode(1, {"soc_pct": np.array([101.0]), "speed_kmh": np.array([-80.0])})[0])
    assert frame == Telemetry(1, {"soc_pct": 100.0, "speed_kmh": -50.0})


def test_a_value_that_is_missing_is_left_out_of_its_frame_only():
    columns = {"soc_pct": np.array([50.0, np.nan]), "pack_v": np.array([np.nan, 380.0])}
    payloads = Layout(tuple(columns)).encode([1, 2], columns)
    assert [msgspec.json.decode(one) for one in payloads] == [{"ts": 1, "signals": {"soc_pct": 50.0}}, {"ts": 2, "signals": {"pack_v": 380.0}}]


def test_a_signal_that_the_catalogue_lacks_is_refused():
    with pytest.raises(KeyError):
        Layout(["warp_factor"])


def test_cells_and_events_have_the_shape_of_the_contract():
    cells = decode_payload("cells", encode_cells(7, np.full((1, 96), 3.70049), np.full((1, 8), 25.04))[0])
    assert cells.ts == 7
    assert cells.cell_v == [3.7] * 96
    assert cells.probe_c == [25.0] * 8
    event = decode_payload("event", encode_event(8, "plugged_in", {"soc_pct": 12.5}))
    assert (event.ts, event.event, event.attributes) == (8, "plugged_in", {"soc_pct": 12.5})
