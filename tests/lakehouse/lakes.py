"""A small lake made for tests: bronze as Kafka gave it, silver and gold as the flows make them."""

import random

import pyarrow as pa

from cloud_stream.connectors.facts import FactTables
from cloud_stream.connectors.minutes import Newest, Revisions
from cloud_stream.steps.gold import MinuteMaker
from contracts import codec
from contracts.events import Cells, Telemetry
from lakehouse import replay, writer
from lakehouse.gold import dims, fleet
from lakehouse.gold.folds import FOLDS
from lakehouse.positions import Position, Source, reached_by
from lakehouse.reader import open_table
from lakehouse.tables import BRONZE_OF, SILVER_OF, VEHICLE_MINUTES
from tests.lakehouse.made import NOW_MS, bronze, envelope

EVERYTHING = Position(10**9, 10**15)
SOURCE = Source("cluster", "topic-id", 0)
DAY_MS = 24 * 3600 * 1000


def driven(vehicles: int, seconds: int) -> list[tuple[int, bytes]]:
    """`(when it is sent, record)`: each vehicle drives across midnight at 1 Hz with a slow signal now and then, then charges."""
    start = NOW_MS // DAY_MS * DAY_MS + DAY_MS - seconds * 300
    records = []
    for vehicle in range(vehicles):
        for at in range(seconds):
            drives = at < seconds * 0.6
            signals = {
                "speed_kmh": 40.0 + vehicle if drives else 0.0,
                "odometer_m": 1000 + 11 * min(at, int(seconds * 0.6)),
                "soc_pct": 60 - at / 100,
            }
            signals |= {"pack_a": -50.0 + at % 7, "pack_v": 350.0 + at % 5, "energy_out_kwh": at / 500, "energy_in_kwh": at / 1000}
            signals |= {"cable_connected": float(not drives), "is_charging": float(not drives), "pack_w": 7000.0}
            if at % 60 == 0:
                signals["soh_pct"] = 95.0
            ts = start + at * 1000
            payload = codec.encode(Telemetry(ts, signals))
            records.append((ts, envelope(f"V-{vehicle}", "telemetry", at, payload, received_at=ts)))
    return records


def streamed(records: list[tuple[int, bytes]], seed: int) -> list[bytes]:
    """As a bad road delivers: out of order by seconds, one in ten by minutes, and one in ten twice."""
    chance = random.Random(seed)
    sent = [(at + chance.randint(0, 3000) + (chance.random() < 0.1) * 200_000, value) for at, value in records]
    sent += [(at + 5000, value) for at, value in sent if chance.random() < 0.1]
    return [value for _, value in sorted(sent, key=lambda one: one[0])]


def fill_bronze(lake: str, values: list[bytes]) -> None:
    """Bronze telemetry at one offset a record, and a cells message of each of two vehicles."""
    writer.ensure(lake, [*BRONZE_OF.values(), *SILVER_OF.values(), *FOLDS, fleet.NAME])
    dims.ensure(lake)
    stamps = [codec.decode_envelope(value) for value in values]
    clock = [NOW_MS // DAY_MS * DAY_MS + DAY_MS + 1000 * at // 2 for at in range(len(stamps))]
    writer.append(open_table(lake, "bronze.telemetry"), "bronze.telemetry", bronze(values, kafka_ms=clock), {SOURCE: EVERYTHING})
    cells = [envelope(f"V-{at % 2}", "cells", at, codec.encode(Cells(NOW_MS, [3.7, 3.6 + at / 100], [20.0 + at]))) for at in range(4)]
    rows = bronze(cells)
    rows = rows.set_column(rows.schema.get_field_index("topic_id"), "topic_id", pa.repeat("cells-id", rows.num_rows))
    writer.append(open_table(lake, "bronze.cells"), "bronze.cells", rows, {})


def fill_silver(lake: str) -> dict[str, pa.Table]:
    """Silver of all that bronze holds; the rows by kind, in Kafka order."""
    made = {}
    for kind, source in (("telemetry", SOURCE), ("cells", SOURCE._replace(topic_id="cells-id"))):
        rows = pa.concat_tables(replay.again(lake, kind, {source: EVERYTHING}))  # type: ignore[arg-type]
        writer.append(open_table(lake, SILVER_OF[kind]), SILVER_OF[kind], rows, reached_by(rows))  # type: ignore[index]
        made[kind] = rows
    return made


def fill_gold(lake: str, silver: dict[str, pa.Table], batches: int, *, minutes: bool = True) -> None:
    """Gold in so many commits, each by a flow that has just been started again."""
    rows = silver["telemetry"]
    sources = {"telemetry": [SOURCE], "cells": [SOURCE._replace(topic_id="cells-id")]}
    maker = MinuteMaker({}, VEHICLE_MINUTES.empty_table(), VEHICLE_MINUTES.empty_table(), lambda _: VEHICLE_MINUTES.empty_table())
    revisions = Revisions(lake, {})
    size = -(-rows.num_rows // batches)
    for at in range(0, rows.num_rows, size):
        batch = rows.slice(max(at - 20, 0), size + min(at, 20))  # some were read before
        facts, newest = FactTables(lake, sources, rolls_up=True), Newest(lake, [SOURCE])
        facts.add(("telemetry", batch))
        if not at:
            facts.add(("cells", silver["cells"]))
        facts.commit()
        newest.add(batch)
        newest.commit()
        if minutes:
            revisions.add(maker.step(batch))
            revisions.commit()
