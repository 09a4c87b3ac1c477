"""The alerts' tables: `gold.alerts`, one row an alert, and the ring of chunks that the engines need after a restart."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import reduce
from operator import or_

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from cloud_stream.steps.alert_checkpoint import Chunk
from contracts.events import Alert
from lakehouse import writer
from lakehouse.reader import arrow, dataset, open_table
from lakehouse.tables import ALERT_STATE, ALERTS

_TIMES = {"raised_at": "raised_ts", "event_ts": "event_ts", "cleared_at": "cleared_ts", "changed_at": "changed_ts", "shelved_until": "shelved_until"}


def rows_of(alerts: Iterable[tuple[int, Alert]]) -> pa.Table:
    """Alerts with their partitions as rows of `gold.alerts`."""
    rows = []
    for partition, alert in alerts:
        row = {name: getattr(alert, name) for name in ALERTS.names if hasattr(alert, name)}
        row |= {name: _time(getattr(alert, field)) for name, field in _TIMES.items()}
        row |= {"date": day_of(alert), "acts": msgspec.json.encode(alert.acts).decode(), "partition": partition}
        rows.append(row)
    return pa.Table.from_pylist(rows, ALERTS)


def day_of(alert: Alert) -> str:
    """The day on which it was raised: a retracted alert stays where it was."""
    return datetime.fromtimestamp(alert.raised_ts / 1000, UTC).strftime("%Y-%m-%d")


def _time(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def alert_of(row: Mapping[str, object]) -> Alert:
    """A row of `gold.alerts` as an alert."""
    fields = {name: row[name] for name in Alert.__struct_fields__ if name in row}
    for name, field in _TIMES.items():
        moment = row[name]
        fields[field] = round(moment.timestamp() * 1000) if isinstance(moment, datetime) else None
    fields["acts"] = msgspec.json.decode(str(row["acts"] or "[]"))
    return msgspec.convert(fields, Alert)


class AlertStore:
    """Writes for the Kafka partitions that this process owns."""

    def __init__(self, lake: str) -> None:
        self._lake = lake
        self._gold, self._ring = open_table(lake, "gold.alerts"), open_table(lake, "state.alerts")

    def upsert(self, alerts: Collection[tuple[int, Alert]]) -> None:
        """Put alerts with their partitions into `gold.alerts`: a row with the same id gives way. Doing it again changes nothing.

        Late data may move the start of an alert to another day: its id is then another one too.
        """
        if not alerts:
            return
        new = rows_of(alerts)
        places = sorted({(row["date"], row["partition"]) for row in new.select(["date", "partition"]).to_pylist()})
        self._gold.update_incremental()
        theirs = reduce(or_, ((ds.field("date") == day) & (ds.field("partition") == partition) for day, partition in places))
        old = dataset(self._gold).to_table(filter=theirs).cast(ALERTS)
        kept = old.filter(pc.invert(pc.is_in(old["alert_id"], new["alert_id"].combine_chunks())))
        which = " OR ".join(f"(date = '{day}' AND partition = {partition})" for day, partition in places)
        writer.replace(self._gold, "gold.alerts", pa.concat_tables([kept, new]), which, {})  # one commit: the flow stands still meanwhile

    def write(self, chunks: Iterable[Chunk]) -> None:
        """Put chunks into the ring."""
        by_place: dict[tuple[int, int], Chunk] = {(chunk.partition, chunk.slot): chunk for chunk in chunks}
        if not by_place:
            return
        rows = [{"partition": at, "slot": slot, "chunk": chunk.number, "content": chunk.content} for (at, slot), chunk in by_place.items()]
        which = " OR ".join(f"(partition = {at} AND slot = {slot})" for at, slot in by_place)
        writer.replace(self._ring, "state.alerts", pa.Table.from_pylist(rows, ALERT_STATE), which, {})

    def read(self, partitions: Collection[int]) -> list[Chunk]:
        """The chunks in the ring of some partitions."""
        rows = arrow(self._lake, "state.alerts", filters=ds.field("partition").isin(list(partitions))).to_pylist()
        return [Chunk(row["partition"], row["chunk"], row["content"]) for row in rows]
