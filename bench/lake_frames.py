"""Frames as a fleet sends them: driving physics at 1 Hz, encoded as gateways forward them. Each differs from the others as real ones do."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from simulators.frames import Layout
from simulators.history.tables import Wanted, windows
from simulators.physics.world import Fleet

SMALL = ("speed_kmh", "odometer_m", "soc_pct", "pack_v", "pack_a", "pack_w", "pack_temp_c", "lat", "lon", "motor_rpm", "energy_out_kwh", "ambient_c")
"""Twelve signals: some 400 bytes a record."""
FULL = (
    "speed_kmh",
    "odometer_m",
    "acceleration_ms2",
    "accelerator_pct",
    "brake_pct",
    "soc_pct",
    "energy_left_kwh",
    "pack_v",
    "pack_a",
    "pack_w",
    "cell_v_min",
    "cell_v_max",
    "pack_temp_c",
    "pack_temp_min_c",
    "pack_temp_max_c",
    "energy_in_kwh",
    "energy_out_kwh",
    "motor_rpm",
    "motor_nm",
    "motor_kw",
    "motor_temp_c",
    "ambient_c",
    "lat",
    "lon",
    "is_charging",
)
START_S = 1_781_006_400.0


def tables(vehicles: int, seconds: float, cadence_s: float = 1.0, start_s: float = START_S, window_s: float = 60.0) -> Iterator[pa.Table]:
    """Telemetry of a driving fleet in windows of time, ordered as it arrives."""
    fleet = Fleet(vehicles=vehicles, shares=(0.1, 0.1, 0.1, 0.7))
    for window in windows(Wanted(fleet=fleet, start_s=start_s, days=seconds / 86_400, cadence_s=cadence_s, window_s=window_s)):
        yield window.telemetry.sort_by([("received_at", "ascending")])


def records(table: pa.Table, names: Sequence[str]) -> list[tuple[str, bytes]]:
    """Key and value of each Kafka record."""
    columns = {name: table[name].to_numpy() for name in names}
    times = [table[name].cast(pa.int64()).to_pylist() for name in ("ts", "received_at")]
    payloads = Layout(names).encode(times[0], columns)
    who = zip(table["vehicle_id"].to_pylist(), table["boot_id"].to_pylist(), table["seq"].to_pylist(), times[1], payloads, strict=True)
    head = (
        b'{"gateway_id":"eu-north-1","region":"eu-north","vehicle_id":"%b","kind":"telemetry","boot_id":"%b","seq":%d,"received_at":%d,"payload":%b}'
    )
    return [(vehicle, head % (vehicle.encode(), boot.encode(), seq, received, payload)) for vehicle, boot, seq, received, payload in who]
