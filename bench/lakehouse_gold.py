"""Figures of gold for `make bench-lakehouse`: silver to all gold tables, and the rebuild of a day; events a core second, marginal.

Per core = events divided by the CPU seconds of this process. Marginal = the second run holds more events than the first; the
difference counts, so that start-up does not.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from cloud_stream.connectors.facts import FactTables
from cloud_stream.connectors.minutes import Newest, Revisions
from cloud_stream.steps.gold import MinuteMaker
from cloud_stream.wiring.gold import NEEDED
from lakehouse import writer
from lakehouse.gold import dims, fleet
from lakehouse.gold.engine import local
from lakehouse.gold.folds import FOLDS
from lakehouse.gold.rebuild import rebuild
from lakehouse.gold.shadow import Wish
from lakehouse.positions import Reached, Source, reached_by
from lakehouse.reader import open_table
from lakehouse.tables import SILVER_TELEMETRY, VEHICLE_MINUTES

Figures = dict[str, tuple[float | int | None, str]]
SOURCE = Source("bench", "bench", 0)
START_MS = 1_790_035_200_000
WINDOW = 20_000
"""Rows of one item, as the flow's tail reads a backlog."""


def frames(vehicles: int, first_s: int, last_s: int, offset: int) -> pa.Table:
    """Silver rows of a fleet at 1 Hz in Kafka order, 25 signals that differ from frame to frame: half drives, a quarter charges."""
    seconds, numbers = np.meshgrid(np.arange(first_s, last_s), np.arange(vehicles), indexing="ij")
    at, vehicle = seconds.ravel(), numbers.ravel()
    size, chance = len(at), np.random.default_rng(first_s)
    drives, charges = vehicle % 4 < 2, vehicle % 4 == 2
    noise = chance.random((8, size))
    ts = pa.array((START_MS + at * 1000 + vehicle % 1000) * 1000).cast(SILVER_TELEMETRY.field("event_ts").type)
    soc = np.where(charges, 20 + at / 600, 90 - at / 700) % 100
    amps = np.round(np.where(drives, noise[0] * 400 - 250, np.where(charges, 80.0, -1.0)), 2)
    volts = np.round(350 + soc / 2 + 0.08 * amps, 2)
    signals = {
        "speed_kmh": np.where(drives, np.round(noise[1] * 120, 2), 0.0),
        "odometer_m": np.where(drives, 10_000 + at * 15, 10_000).astype(float),
        "acceleration_ms2": np.where(drives, np.round(noise[2] * 6 - 3, 3), 0.0),
        "soc_pct": np.round(soc, 2),
        "pack_v": volts,
        "pack_a": amps,
        "pack_w": np.rint(volts * amps),
        "cell_v_min": np.round(volts / 96 - 0.004 * noise[3], 3),
        "cell_v_max": np.round(volts / 96 + 0.004 * noise[4], 3),
        "pack_temp_c": np.round(25 + 5 * noise[5], 1),
        "pack_temp_max_c": np.round(27 + 5 * noise[6], 1),
        "energy_in_kwh": np.round(1000 + at * np.where(charges, 0.008, 0.001), 3),
        "energy_out_kwh": np.round(1000 + at * np.where(drives, 0.004, 0.0), 3),
        "regen_kwh": np.round(100 + at * np.where(drives, 0.001, 0.0), 3),
        "motor_rpm": np.rint(noise[1] * 9000),
        "motor_nm": np.rint(noise[2] * 300 - 100),
        "motor_temp_c": np.round(40 + 20 * noise[7], 1),
        "is_charging": charges.astype(float),
        "cable_connected": charges.astype(float),
        "ambient_c": np.round(15 + noise[5], 1),
        "cabin_c": np.round(21 + noise[6], 1),
        "hvac_w": np.rint(800 * noise[7]),
        "lat": np.round(59 + noise[0] / 10, 6),
        "lon": np.round(18 + noise[1] / 10, 6),
        "altitude_m": np.round(30 + noise[2], 1),
    }
    names = pa.array([f"BENCH-{number:05d}" for number in range(vehicles)])
    columns: dict[str, pa.Array] = {
        "cluster": pa.repeat("bench", size),
        "topic": pa.repeat("bench", size),
        "topic_id": pa.repeat("bench", size),
        "date": pa.array((START_MS // 1000 + at).astype("datetime64[s]").astype("datetime64[D]").astype(str)),
        "vehicle_id": names.take(pa.array(vehicle)),
        "region": pa.repeat("eu-north", size),
        "boot_id": pa.repeat("0000000a", size),
        "seq": pa.array(at),
        "event_ts": ts,
        "received_at": ts,
        "known_at": pa.array((START_MS + at * 1000 + 999) * 1000).cast(ts.type),
        "partition": pa.array(np.zeros(size, np.int32)),
        "offset": pa.array(offset + np.arange(size)),
        "kafka_ts": ts,
        **{name: pa.array(values) for name, values in signals.items()},
    }
    rows = [columns.get(field.name, pa.nulls(size, field.type)) for field in SILVER_TELEMETRY]
    return pa.Table.from_arrays([one.cast(field.type) for one, field in zip(rows, SILVER_TELEMETRY, strict=True)], schema=SILVER_TELEMETRY)


def silver_to_gold(vehicles: int, seconds: int) -> tuple[int, float]:
    """Events and CPU seconds of the gold flow's own steps and commits on a backlog, into every table of gold."""
    with tempfile.TemporaryDirectory(prefix="voltlake-bench-") as lake:
        writer.ensure(lake, [*FOLDS, fleet.NAME])
        dims.ensure(lake)
        nothing = VEHICLE_MINUTES.empty_table()
        maker = MinuteMaker({}, nothing, nothing, lambda _: nothing)
        revisions, newest = Revisions(lake, {}), Newest(lake, [SOURCE])
        facts = FactTables(lake, {"telemetry": [SOURCE], "cells": []}, rolls_up=True)
        spent, events = 0.0, 0
        step_s = max(WINDOW // vehicles, 1)
        for at in range(0, seconds, step_s):
            rows = frames(vehicles, at, min(at + step_s, seconds), events)
            events += rows.num_rows
            began = _cpu()
            revisions.add(maker.step(rows))
            newest.add(rows)
            facts.add(("telemetry", rows.select(NEEDED["telemetry"])))
            if at // step_s % 4 == 3 or at + step_s >= seconds:  # a backlog fills several windows an epoch
                revisions.commit()
                newest.commit()
                facts.commit()
            spent += _cpu() - began
        began = _cpu()
        facts.flush()
        return events, spent + _cpu() - began


def rebuilding(vehicles: int, seconds: int) -> tuple[int, float]:
    """Events and CPU seconds of making all tables of gold again from silver. Each event counts once, whatever the number of tables."""
    with tempfile.TemporaryDirectory(prefix="voltlake-bench-") as lake:
        writer.ensure(lake, ["silver.telemetry", "silver.cells", *FOLDS, fleet.NAME])
        dims.ensure(lake)
        silver, events = open_table(lake, "silver.telemetry"), 0
        moved: Reached = {}
        for at in range(0, seconds, 600):
            rows = frames(vehicles, at, min(at + 600, seconds), events)
            events += rows.num_rows
            moved = reached_by(rows)
            writer.append(silver, "silver.telemetry", rows, moved)
        for name in FOLDS:
            table = open_table(lake, name)
            writer.append(table, name, table.to_pyarrow_table().slice(0, 0), moved)
        began = _cpu()
        rebuild(lake, [Wish(name) for name in FOLDS], Path(lake) / "shadow", local)
        return events, _cpu() - began


def figures(tell: Callable[[str], None] = print) -> Figures:
    """The two figures, marginal."""
    made: Figures = {}
    for key, run, sizes, unit in (
        (
            "silver_to_gold_per_core",
            silver_to_gold,
            ((500, 2000), (500, 8000)),
            "events/s a core, silver to all gold tables, marginal from 1 to 4 million",
        ),
        (
            "rebuild_per_core",
            rebuilding,
            ((1000, 1000), (1000, 4000)),
            "events/s a core, all gold tables from silver, 1,000 vehicles at 1 Hz, marginal from 1 to 4 million",
        ),
    ):
        (few, short), (many, long) = (run(*size) for size in sizes)
        made[key] = (round((many - few) / max(long - short, 1e-9)), unit)
        tell(f"{key}: {made[key][0]} ({few} events in {short:.1f} CPU s, {many} in {long:.1f})")
    return made


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    began = time.monotonic()
    figures()
    sys.stdout.write(f"{time.monotonic() - began:.0f} s\n")
