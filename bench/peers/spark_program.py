"""Spark Structured Streaming from Kafka to Delta, exactly once, with its best settings. Runs in an environment of its own, without our packages.

spark_program.py BOOTSTRAP TOPIC OUT JARS VARIANT TRIGGER SIGNALS: VARIANT is bronze or silver (typed columns, de-duplicated); TRIGGER is
"available" (drain and end) or a processing time; SIGNALS are names with commas.
"""

import sys
from pathlib import Path

import pyspark
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql import types as t

WANTED = ("delta-", "spark-sql-kafka", "spark-token-provider", "kafka-clients", "commons-pool2", "unitycatalog-", "jts-core")
SETTINGS = {
    "spark.driver.memory": "4g",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.streaming.metricsEnabled": "false",
    "spark.sql.streaming.minBatchesToRetain": "10",
    "spark.sql.streaming.stateStore.providerClass": "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider",
    "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.properties.defaults.checkpointInterval": "100",
    "spark.log.level": "ERROR",
}
READING = {"kafka.max.poll.records": "10000", "kafka.max.partition.fetch.bytes": "8388608", "kafka.fetch.max.bytes": "67108864"}


def main(bootstrap: str, topic: str, out: str, jars: str, variant: str, trigger: str, signals: str) -> None:
    """Run until drained, or until killed."""
    found = [str(jar) for jar in Path(jars).glob("*.jar") if jar.name.startswith(WANTED)]
    builder = SparkSession.builder.appName("peer").master("local[2]").config("spark.driver.extraClassPath", ":".join(found))
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    source = spark.readStream.format("kafka").option("kafka.bootstrap.servers", bootstrap).option("subscribe", topic)
    records = source.option("startingOffsets", "earliest").option("failOnDataLoss", "true").options(**READING).load()
    rows = records.select("key", "value", "topic", "partition", "offset", "timestamp") if variant == "bronze" else silver(records, signals.split(","))
    if trigger != "available":
        rows = rows.coalesce(1)
    writer = rows.writeStream.format("delta").outputMode("append").option("checkpointLocation", out + "_checkpoint")
    writer = writer.trigger(availableNow=True) if trigger == "available" else writer.trigger(processingTime=trigger)
    writer.start(out).awaitTermination()
    spark.stop()


def silver(records: DataFrame, signals: list[str]) -> DataFrame:
    """A typed column a signal, one row a message."""
    shape = t.StructType([t.StructField(name, t.DoubleType()) for name in signals])
    payload = t.StructType([t.StructField("ts", t.LongType()), t.StructField("signals", shape)])
    texts = [t.StructField(name, t.StringType()) for name in ("gateway_id", "region", "vehicle_id", "kind", "boot_id")]
    envelope = t.StructType(
        [*texts, t.StructField("seq", t.LongType()), t.StructField("received_at", t.LongType()), t.StructField("payload", payload)]
    )
    parsed = records.select(f.from_json(f.col("value").cast("string"), envelope).alias("e"), "topic", "partition", "offset", "timestamp")
    who = ["vehicle_id", "region", "gateway_id", "boot_id", "seq"]
    typed = parsed.select(
        f.timestamp_millis("e.payload.ts").alias("event_ts"),
        f.timestamp_millis("e.received_at").alias("received_at"),
        *[f"e.{name}" for name in who],
        "topic",
        "partition",
        "offset",
        "timestamp",
        *[f"e.payload.signals.{name}" for name in signals],
    )
    return typed.withWatermark("event_ts", "10 minutes").dropDuplicatesWithinWatermark(["vehicle_id", "boot_id", "seq"])


if __name__ == "__main__":
    assert pyspark.__version__
    main(*sys.argv[1:])
