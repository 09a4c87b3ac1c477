"""The tables of gold beside minutes and newest frames: their schemas and partitioning."""

import pyarrow as pa

from lakehouse.gold import dimensions, fleet
from lakehouse.gold.battery import BATTERY
from lakehouse.gold.charging import SESSIONS
from lakehouse.gold.facts import Fact
from lakehouse.gold.hours import HOURS
from lakehouse.gold.trips import TRIPS

FACTS: dict[str, Fact] = {fact.name: fact for fact in (TRIPS, SESSIONS, BATTERY, HOURS)}
"""Facts by table; each has a date and the Kafka partition that its vehicle comes from."""
SIGNALS = sorted({signal for fact in FACTS.values() for signal in fact.signals})
"""The silver columns that all facts together need."""

GOLD_SCHEMAS: dict[str, pa.Schema] = {
    **{name: fact.schema for name, fact in FACTS.items()},
    fleet.NAME: fleet.SCHEMA,
    "gold.dim_vehicle": dimensions.VEHICLE,
    "gold.dim_model": dimensions.MODEL,
    "gold.dim_date": dimensions.DATE,
}
GOLD_PARTITIONED_BY: dict[str, list[str]] = {
    **{name: ["date", "partition"] for name in FACTS},
    fleet.NAME: ["date"],
    "gold.dim_vehicle": [],
    "gold.dim_model": [],
    "gold.dim_date": [],
}
