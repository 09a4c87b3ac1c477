"""How quickly tables can be read and how small they are: a vehicle's day, bytes a frame, and a day's commits with and without upkeep."""

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from bench.lake_frames import FULL, tables
from lakehouse import reader, writer
from lakehouse.files import DENSE, HOT, Encoding, Storage, write
from lakehouse.silver import dates
from lakehouse.sql import query
from lakehouse.tables import PARTITIONED_BY, SCHEMAS, TIME
from lakehouse.upkeep.care import care
from lakehouse.upkeep.compaction import held

SILVER = "silver.telemetry"
_MS = pa.timestamp("ms", tz="UTC")


def silver(table: pa.Table, first_offset: int = 0, shift_ms: int = 0) -> pa.Table:
    """Telemetry of the simulator as rows of silver."""
    size = table.num_rows
    event, received = (pa.array(table[name].cast(pa.int64()).to_numpy() + shift_ms).cast(_MS).cast(TIME) for name in ("ts", "received_at"))
    columns = {
        "date": dates(event),
        "vehicle_id": table["vehicle_id"],
        "region": pa.repeat("eu-north", size),
        "gateway_id": pa.repeat("eu-north-1", size),
        "boot_id": table["boot_id"],
        "seq": table["seq"],
        "event_ts": event,
        "received_at": received,
        "known_at": received,
        "cluster": pa.repeat("1Jh5MQWbRQG6q0dt901T8Q", size),
        "topic": pa.repeat("edge.vehicle.telemetry.v1", size),
        "topic_id": pa.repeat("PqSmJ0dVTIeZ3k2v8t4UEA", size),
        "partition": pa.array([hash(vehicle) % 4 for vehicle in table["vehicle_id"].to_pylist()], pa.int32()),
        "offset": pa.array(range(first_offset, first_offset + size), pa.int64()),
        "kafka_ts": received,
        **{name: table[name] for name in FULL},
    }
    schema = SCHEMAS[SILVER]
    return pa.table([columns[f.name] if f.name in columns else pa.nulls(size, f.type) for f in schema], names=schema.names).cast(schema)


def bytes_per_frame() -> float:
    """Bytes a row of a settled day: 100 vehicles at 1 Hz, 25 signals."""
    with tempfile.TemporaryDirectory(prefix="voltlake-bench-") as lake:
        writer.ensure(lake, [SILVER])
        table, offset = reader.open_table(lake, SILVER), 0
        for window in tables(100, 2400, window_s=60):
            writer.append(table, SILVER, silver(window, offset), {})
            offset += window.num_rows
        care(lake, SILVER)
        files = held(reader.open_table(lake, SILVER), ())
        return sum(file.size for file in files) / sum(file.rows for file in files)


def vehicle_day_ms(tell: Callable[[str], None]) -> float:
    """Median milliseconds of one vehicle's last 24 h by SQL, out of 1,000 vehicles over 30 days; other vehicles each time."""
    with tempfile.TemporaryDirectory(prefix="voltlake-bench-") as lake:
        writer.ensure(lake, [SILVER])
        day = pa.concat_tables(list(tables(1000, 86_400, cadence_s=60.0, window_s=3600.0)))
        table = reader.open_table(lake, SILVER)
        sparse = pc.equal(pc.bit_wise_and(day["seq"], 7), 0)
        ordered = silver(day).sort_by([("vehicle_id", "ascending"), ("event_ts", "ascending")])
        for back in range(29, -1, -1):
            rows = ordered if back < 2 else ordered.filter(sparse.take(pc.sort_indices(day, [("vehicle_id", "ascending"), ("ts", "ascending")])))
            shifted = _shifted(rows, -back)
            for at in range(0, shifted.num_rows, 250_000):
                _commit(table, shifted.slice(at, 250_000), DENSE)
        table.create_checkpoint()
        tell(f"the table holds {reader.count(lake, SILVER)} rows in {len(table.file_uris())} files")
        newest = pc.max(ordered["event_ts"]).as_py()
        since = (newest - timedelta(hours=24)).isoformat()
        return _median_ms(lambda at: _day(lake, f"SIM-{at * 37 % 1000 + 1:05d}", since), 15)


def _day(lake: str, vehicle: str, since: str) -> int:
    where = f"vehicle_id = '{vehicle}' AND event_ts >= TIMESTAMPTZ '{since}'"
    rows = query(lake, f"SELECT event_ts, speed_kmh, soc_pct, pack_v, pack_a, pack_temp_c FROM {SILVER} WHERE {where} ORDER BY event_ts").num_rows  # noqa: S608 - our own names
    if rows < 1000:
        raise AssertionError(f"{vehicle} has {rows} rows of a day")
    return rows


def _shifted(rows: pa.Table, days: int) -> pa.Table:
    for name in ("event_ts", "received_at", "known_at", "kafka_ts"):
        moved = pc.add(rows[name], pa.scalar(timedelta(days=days), pa.duration("us")))
        rows = rows.set_column(rows.schema.get_field_index(name), name, moved)
    return rows.set_column(0, "date", dates(rows["event_ts"].combine_chunks()))


def _median_ms(ask: Callable[[int], int], times: int) -> float:
    spent = []
    for at in range(times):
        began = time.perf_counter()
        ask(at)
        spent.append((time.perf_counter() - began) * 1000)
    return statistics.median(spent)


COMMITS, ROWS_A_COMMIT, DISTINCT = 100_000, 20, 500


def after_commits(tell: Callable[[str], None]) -> tuple[float, float]:
    """Milliseconds to open a table after 100,000 commits and read a vehicle's last ten minutes: as the writer leaves it, and with upkeep.

    Simulated: a commit has 20 rows; without upkeep its file is one of 500 real ones under another name, behind the checkpoint that the
    writer makes every 200 commits. With upkeep the same rows stand in files as its rounds leave them, and one real round ends it.
    """
    base = pa.concat_tables(list(tables(20, DISTINCT, window_s=60)))
    rows = silver(base).sort_by("event_ts")
    with tempfile.TemporaryDirectory(prefix="voltlake-bench-") as lake:
        writer.ensure(lake, [SILVER])
        _many_commits(Path(reader.address(lake, SILVER)), rows, lake)
        tell(f"{COMMITS} commits stand in the log")
        newest = pc.min(rows["event_ts"]).as_py() + timedelta(seconds=COMMITS)
        left = _median_ms(lambda at: _recent(lake, at, newest), 1)
        tell(f"as the writer leaves them: {left:.0f} ms")
    with tempfile.TemporaryDirectory(prefix="voltlake-bench-") as lake:
        writer.ensure(lake, [SILVER])
        table, merged = reader.open_table(lake, SILVER), COMMITS * ROWS_A_COMMIT // 80_000
        for at in range(merged):
            part = pa.concat_tables([_shifted_s(rows, (at * 8 + turn) * DISTINCT) for turn in range(8)])
            _commit(table, part.sort_by([("vehicle_id", "ascending"), ("event_ts", "ascending")]), DENSE)
        for at in range(30):
            _commit(table, _shifted_s(rows, (merged * 8 + 1) * DISTINCT).slice(at * 300, 300), HOT)
        table.create_checkpoint()
        for at in range(100):
            _commit(table, _shifted_s(rows, (merged * 8 + 2) * DISTINCT).slice(at * ROWS_A_COMMIT, ROWS_A_COMMIT), HOT)
        care(lake, SILVER)
        tell(f"with upkeep: {len(reader.open_table(lake, SILVER).file_uris())} files")
        newest = query(lake, f"SELECT max(event_ts) AS t FROM {SILVER}").to_pylist()[0]["t"]  # noqa: S608 - our own names
        kept = _median_ms(lambda at: _recent(lake, at, newest), 5)
    return left, kept


def _recent(lake: str, at: int, newest: datetime) -> int:
    where = f"vehicle_id = 'SIM-{at % 20 + 1:05d}' AND event_ts >= TIMESTAMPTZ '{(newest - timedelta(minutes=10)).isoformat()}'"
    return query(lake, f"SELECT event_ts, soc_pct FROM {SILVER} WHERE {where}", seconds=600).num_rows  # noqa: S608 - our own names


def _commit(table: DeltaTable, rows: pa.Table, encoding: Encoding) -> None:
    added: list[AddAction | RemoveAction] = [*write(Storage(table), rows, ["date"], encoding)]
    table.create_write_transaction(added, "append", table.schema(), PARTITIONED_BY[SILVER])
    table.update_incremental()


def _shifted_s(rows: pa.Table, seconds: int) -> pa.Table:
    for name in ("event_ts", "received_at", "known_at", "kafka_ts"):
        rows = rows.set_column(rows.schema.get_field_index(name), name, pc.add(rows[name], pa.scalar(timedelta(seconds=seconds), pa.duration("us"))))
    return rows.set_column(0, "date", dates(rows["event_ts"].combine_chunks()))


def _many_commits(folder: Path, rows: pa.Table, lake: str) -> None:
    """A log of 100,000 commits: adds behind a checkpoint, and 200 entries after it."""
    storage, log = Storage(reader.open_table(lake, SILVER)), folder / "_delta_log"
    real = [write(storage, rows.slice(at * ROWS_A_COMMIT, ROWS_A_COMMIT), ["date"], HOT)[0] for at in range(DISTINCT)]
    first = datetime.fromisoformat(json.loads(real[0].stats)["minValues"]["event_ts"])

    def add(number: int) -> str:
        action = real[number % DISTINCT]
        path = action.path.replace("part-00000", f"part-{number:06d}")
        os.link(folder / action.path, folder / path)
        stats = json.loads(action.stats)
        instant = (first + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        stats["minValues"]["event_ts"] = stats["maxValues"]["event_ts"] = instant
        said = {
            "path": path,
            "partitionValues": action.partition_values,
            "size": action.size,
            "modificationTime": 0,
            "dataChange": True,
            "stats": json.dumps(stats),
        }
        return json.dumps({"add": said})

    together = 100
    behind = COMMITS - 200
    for entry in range(together):
        text = "\n".join(add(number) for number in range(entry * behind // together, (entry + 1) * behind // together))
        (log / f"{entry + 1:020d}.json").write_text(text + "\n")
    reader.open_table(lake, SILVER).create_checkpoint()
    (log / f"{together:020d}.checkpoint.parquet").rename(log / f"{behind:020d}.checkpoint.parquet")
    marker = json.loads((log / "_last_checkpoint").read_text())
    (log / "_last_checkpoint").write_text(json.dumps(marker | {"version": behind}))
    for entry in range(together + 1, behind + 1):
        (log / f"{entry:020d}.json").write_text('{"commitInfo":{}}\n')
    for number in range(behind, COMMITS):
        (log / f"{number + 1:020d}.json").write_text(add(number) + "\n")
