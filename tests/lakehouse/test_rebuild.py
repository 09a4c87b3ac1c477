"""Gold can be trusted: it equals a rebuild from bronze, and can be made again beside its writers, also after a kill."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from typer.testing import CliRunner

from lakehouse.gold import spark
from lakehouse.gold.engine import local
from lakehouse.gold.folds import FOLDS
from lakehouse.gold.rebuild import rebuild
from lakehouse.gold.shadow import Wish
from lakehouse.gold.verify import verify
from lakehouse.positions import position
from lakehouse.reader import arrow, open_table
from tests.lakehouse.lakes import SOURCE, driven, fill_bronze, fill_gold, fill_silver, streamed
from voltlake.__main__ import app

TABLES = list(FOLDS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stack's folder whose lake was filled over a bad road, by flows that were started again and again."""
    data = tmp_path_factory.mktemp("gold")
    lake = str(data / "lake")
    fill_bronze(lake, streamed(driven(3, 1200), seed=7))
    fill_gold(lake, fill_silver(lake), batches=5)
    return data


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    shutil.copytree(made, tmp_path / "data")
    return tmp_path / "data"


def same(lake: str) -> dict[str, str | None]:
    """The first difference of each table that has one."""
    return {one.table: one.difference for one in verify(lake) if one.difference}


def spoil(lake: str) -> None:
    DeltaTable(f"{lake}/gold/trips").delete("vehicle_id = 'V-1'")
    DeltaTable(f"{lake}/gold/vehicle_minutes").update({"frames": "7"}, predicate="vehicle_id = 'V-2'")
    DeltaTable(f"{lake}/gold/vehicle_current").delete("vehicle_id = 'V-0'")
    DeltaTable(f"{lake}/gold/battery_daily").update({"max_temp_c": "99.0"})


def test_gold_equals_a_rebuild_from_bronze_after_a_bad_road(made: Path) -> None:
    lake = str(made / "lake")
    assert same(lake) == {}
    assert not [one for one in verify(lake, from_silver=True) if one.difference]
    assert {name: arrow(lake, name).num_rows > 0 for name in TABLES} == dict.fromkeys(TABLES, True)
    trips = arrow(lake, "gold.trips")
    assert trips.num_rows == 3
    assert trips["distance_km"].to_pylist() == [pytest.approx(719 * 0.011)] * 3


def test_the_first_difference_is_named(data: Path) -> None:
    lake = str(data / "lake")
    spoil(lake)
    found = same(lake)
    assert set(found) == {"gold.trips", "gold.vehicle_minutes", "gold.vehicle_current", "gold.battery_daily"}
    assert "V-1" in str(found["gold.trips"])
    assert "missing" in str(found["gold.trips"])
    assert "frames is 7" in str(found["gold.vehicle_minutes"])
    told = CliRunner().invoke(app, ["lakehouse", "verify", "--data", str(data)])
    assert told.exit_code == 1
    assert "max_temp_c is 99.0" in told.stdout


def test_a_rebuild_puts_everything_right_and_leaves_the_positions(data: Path) -> None:
    lake = str(data / "lake")
    before = {name: position(open_table(lake, name), SOURCE) for name in TABLES}
    spoil(lake)
    told = CliRunner().invoke(app, ["lakehouse", "rebuild", "gold", "--data", str(data)])
    assert told.exit_code == 0, told.stdout
    assert same(lake) == {}
    assert {name: position(open_table(lake, name), SOURCE) for name in TABLES} == before
    assert not list((data / "rebuild").iterdir())


def test_days_and_vehicles_alone_are_made_again(data: Path) -> None:
    lake = str(data / "lake")
    kept = arrow(lake, "gold.vehicle_hours")
    days = sorted(set(kept["date"].to_pylist()))
    at = kept.schema.get_field_index("distance_km")
    write_deltalake(f"{lake}/gold/vehicle_hours", kept.set_column(at, "distance_km", pa.array([0.0] * kept.num_rows)), mode="overwrite")
    rebuild(lake, [Wish("gold.vehicle_hours", days[0], days[0], ("V-1",))], data / "rebuild", local)
    order = [("vehicle_id", "ascending"), ("hour", "ascending")]
    right = [row["distance_km"] for row in kept.sort_by(order).to_pylist()]
    now = arrow(lake, "gold.vehicle_hours").sort_by(order).to_pylist()
    for row, distance in zip(now, right, strict=True):
        asked = (row["vehicle_id"], row["date"]) == ("V-1", days[0])
        assert row["distance_km"] == (distance if asked else 0.0)


def test_what_the_flow_commits_meanwhile_is_in_the_rebuilt_table(tmp_path: Path) -> None:
    lake = str(tmp_path / "lake")
    fill_bronze(lake, streamed(driven(2, 400), seed=3))
    silver = fill_silver(lake)
    first, rest = ({**silver, "telemetry": part} for part in (silver["telemetry"].slice(0, 500), silver["telemetry"].slice(480)))
    fill_gold(lake, first, batches=1)

    def engine(*words: Any) -> Iterator[tuple[str, str, pa.Table]]:
        yield from local(*words)
        if words[0] == "telemetry":
            fill_gold(lake, rest, batches=1, minutes=False)

    rebuild(lake, [Wish("gold.trips")], tmp_path / "shadow", engine)
    assert same(lake) == {}


KILLED = """
import os, signal, sys
from pathlib import Path
from lakehouse.gold.engine import local
from lakehouse.gold.rebuild import rebuild
from lakehouse.gold.shadow import Wish

def engine(*words):
    for part in local(*words):
        yield part
        os.kill(os.getpid(), signal.SIGKILL)

rebuild(sys.argv[1], [Wish("gold.charging_sessions")], Path(sys.argv[2]), engine)
"""


def test_a_rebuild_that_was_killed_goes_on_where_it_stopped(data: Path) -> None:
    lake = str(data / "lake")
    DeltaTable(f"{lake}/gold/charging_sessions").delete()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, lake, str(data / "rebuild")], check=False, env={**os.environ, "PYTHONPATH": os.getcwd()}, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    asked: list[str] = []

    def engine(*words: Any) -> Iterator[tuple[str, str, pa.Table]]:
        asked.extend(words[2])
        yield from local(*words)

    made = rebuild(lake, [Wish("gold.charging_sessions")], data / "rebuild", engine)
    assert made == {"gold.charging_sessions": 3}
    assert len(asked) == 1  # of two days the first was there
    assert same(lake) == {}


def test_spark_makes_the_same_rows(data: Path) -> None:
    pytest.importorskip("pyspark", reason="the extra 'spark' is not installed")
    lake = str(data / "lake")
    spoil(lake)
    with spark.session("local[1]") as session:
        rebuild(lake, [Wish("gold.trips"), Wish("gold.vehicle_minutes")], data / "rebuild", spark.engine(session))
    assert not {"gold.trips", "gold.vehicle_minutes"} & same(lake).keys()


def test_silver_is_made_again_from_bronze(data: Path) -> None:
    lake = str(data / "lake")
    order = [("vehicle_id", "ascending"), ("seq", "ascending")]
    before, at = arrow(lake, "silver.telemetry").sort_by(order), position(open_table(lake, "silver.telemetry"), SOURCE)
    write_deltalake(f"{lake}/silver/telemetry", before.slice(0, 900), mode="overwrite")
    told = CliRunner().invoke(app, ["lakehouse", "rebuild", "silver.telemetry", "--data", str(data)])
    assert told.exit_code == 0, told.stdout
    assert arrow(lake, "silver.telemetry").sort_by(order).equals(before)
    assert position(open_table(lake, "silver.telemetry"), SOURCE) == at
    assert same(lake) == {}


def test_a_rebuild_of_what_no_rule_makes_is_one_sentence(data: Path) -> None:
    told = CliRunner().invoke(app, ["lakehouse", "rebuild", "silver.quarantine", "--data", str(data)])
    assert told.exit_code == 1
    assert "cannot be rebuilt" in str(told.exception)
