"""The rebuild's engine on Spark: the same pure functions, grouped by day and vehicle with `applyInArrow`. Needs the extra `spark`.

Spark reads the Parquet files that the Delta log names at one version; the workers need this package installed.
"""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from contracts.errors import Terminal
from contracts.identity import Kind
from lakehouse.gold.engine import Engine, Need
from lakehouse.gold.folds import FOLDS
from lakehouse.positions import Position, Source, upto

DAYS_A_JOB = 8
"""Days whose exact rows come back at once: bounds the driver's memory."""


def session(master: str = "") -> Any:
    """A Spark session, on a cluster or (`local[2]`) here. Raises Terminal without the extra."""
    try:
        sql = importlib.import_module("pyspark.sql")
    except ImportError:
        raise Terminal("pyspark is not installed: pip install 'voltlake[spark]', and Java 17 or later") from None
    builder = sql.SparkSession.builder.appName("voltlake rebuild").config("spark.sql.session.timeZone", "UTC")
    builder = builder.config("spark.sql.sources.partitionColumnTypeInference.enabled", "false").config("spark.ui.enabled", "false")
    builder = builder.config("spark.log.level", "ERROR").config("spark.ui.showConsoleProgress", "false")
    if master.startswith("local"):
        # Here the workers are few, and of this Python.
        builder = builder.config("spark.sql.shuffle.partitions", "4")
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    made = (builder.master(master) if master else builder).getOrCreate()
    if master.startswith("local"):
        made.sparkContext.pythonExec = sys.executable
    return made


def engine(spark: Any) -> Engine:
    """An engine for `rebuild` that runs in this session."""

    def run(kind: Kind, silver: DeltaTable, days: Mapping[str, Sequence[Need]], vehicles: Sequence[str]) -> Iterator[tuple[str, str, pa.Table]]:
        needs = {need.fold.name: need for some in days.values() for need in some}
        for name, need in needs.items():
            mine = sorted(day for day, some in days.items() if name in {one.fold.name for one in some})
            for at in range(0, len(mine), DAYS_A_JOB):
                some = mine[at : at + DAYS_A_JOB]
                exact = _job(spark, kind, need, (silver, some, vehicles))
                for day in some:
                    rows = exact.filter(pc.equal(exact["shadow_day"], day)).drop_columns(["shadow_day"])
                    yield name, day, need.fold.merge([rows])

    return run


def _job(spark: Any, kind: Kind, need: Need, what: tuple[DeltaTable, Sequence[str], Sequence[str]]) -> pa.Table:
    fold, (silver, days, vehicles) = need.fold, what
    functions = importlib.import_module("pyspark.sql.functions")
    types = importlib.import_module("pyspark.sql.pandas.types")
    files = [path for day in days for path in silver.file_uris([("date", "=", day)])]
    empty = fold.merge([])
    schema = empty.schema.append(pa.field("shadow_day", pa.string()))
    if not files:
        return schema.empty_table()
    rows = spark.read.option("basePath", silver.table_uri.removeprefix("file://")).parquet(*files)
    columns = ["date", *(column for column in fold.columns[kind] if column != "date")]
    rows = rows.select(*columns)
    if vehicles:
        rows = rows.where(functions.col("vehicle_id").isin(list(vehicles)))
    made = rows.groupBy("date", "vehicle_id").applyInArrow(_partial(fold.name, kind, dict(need.reached)), types.from_arrow_schema(schema))
    found: pa.Table = made.toArrow()
    return found.cast(schema)


def _partial(name: str, kind: str, reached: dict[Source, Position]) -> Callable[[pa.Table], pa.Table]:
    """What a worker does with the rows of one vehicle and day."""

    def partial(rows: pa.Table) -> pa.Table:
        fold = FOLDS[name]
        day = rows["date"][0]
        exact = fold.merge([fold.partial(kind, upto(rows, reached))])
        return exact.append_column("shadow_day", pa.repeat(day, exact.num_rows).cast(pa.string()))

    return partial
