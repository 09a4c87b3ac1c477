"""Which instants history can be asked about."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from features import parity
from lakehouse import writer
from tests.lakehouse.made import NOW_MS, bronze, refined, telemetry


def test_an_instant_that_two_frames_of_a_vehicle_share_is_left_out(tmp_path: Path) -> None:
    lake = str(tmp_path)
    writer.ensure(lake, ["silver.telemetry"])
    values = [telemetry(vehicle, seq, ts=NOW_MS + seq) for vehicle, seq in (("V-1", 0), ("V-1", 1), ("V-2", 0), ("V-1", 2))]
    rows = refined(bronze(values, kafka_ms=[NOW_MS, NOW_MS, NOW_MS, NOW_MS + 9]), "telemetry", {}).rows
    writer.append(parity.reader.open_table(lake, "silver.telemetry"), "silver.telemetry", rows, {})
    at = [datetime.fromtimestamp((NOW_MS + after) / 1000, UTC) for after in (0, 0, 9)]
    observed = pa.table({"vehicle_id": ["V-1", "V-2", "V-1"], parity.INSTANT: pa.array(at, pa.timestamp("us", tz="UTC")), "soc_pct": [1.0, 2.0, 3.0]})
    assert sorted(parity._without_ties(lake, observed)["soc_pct"].to_pylist()) == [2.0, 3.0]
    assert parity._without_ties(lake, observed.slice(1)).num_rows == 2
