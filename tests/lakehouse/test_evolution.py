"""A new signal adds a column: nothing is rewritten, nobody stops, old readers and old writers go on."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from lakehouse import reader, tables, writer
from lakehouse.positions import Position, Source
from lakehouse.seen import Seen
from lakehouse.tail import Tail
from tests.lakehouse.made import bronze, refined, telemetry

NAME = "silver.telemetry"


@pytest.fixture
def lake(tmp_path: Path) -> str:
    writer.ensure(str(tmp_path), [NAME, "gold.vehicle_current"])
    return str(tmp_path)


def put(table: DeltaTable, seqs: range, seen: Seen) -> None:
    rows = refined(bronze([telemetry("V-1", seq) for seq in seqs], first_offset=seqs.start), "telemetry", seen).rows
    writer.append(table, NAME, rows, {Source("cluster", "topic-id", 0): Position(seqs.stop - 1, 0)})


def files(lake: str) -> set[str]:
    return set(reader.open_table(lake, NAME).file_uris())


def test_a_writer_with_a_newer_catalogue_adds_a_column_while_the_others_go_on(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Seen = {}
    put(reader.open_table(lake, NAME), range(3), seen)
    old_reader, old_writer, before = reader.open_table(lake, NAME), reader.open_table(lake, NAME), files(lake)
    rows = refined(bronze([telemetry("V-1", seq) for seq in range(3, 5)], first_offset=3), "telemetry", seen).rows
    with monkeypatch.context() as newer:
        newer.setitem(tables.SCHEMAS, NAME, tables.SILVER_TELEMETRY.append(pa.field("wiper_pct", pa.float64(), metadata={"unit": "percent"})))
        wider = rows.append_column("wiper_pct", pa.array([30.0, 30.0]))
        writer.append(reader.open_table(lake, NAME), NAME, wider, {Source("cluster", "topic-id", 1): Position(4, 0)})
    assert before < files(lake), "no file was rewritten"
    assert reader.dataset(old_reader).to_table().num_rows == 3, "an old reader still reads what it saw"
    put(old_writer, range(5, 6), seen)
    rows = reader.arrow(lake, NAME).sort_by("seq")
    assert rows["wiper_pct"].to_pylist() == [None, None, None, 30.0, 30.0, None]
    assert rows.schema.field("wiper_pct").metadata[b"unit"] == b"percent"
    follower = Tail(reader.open_table(lake, NAME), [0], [*Source._fields, "offset", "seq", "wiper_pct"])
    put(old_writer, range(6, 7), seen)
    assert follower.poll()[0].select(["seq", "wiper_pct"]).to_pylist() == [{"seq": 6, "wiper_pct": None}], "a new reader follows an old writer"
    old_reader.update_incremental()
    assert reader.dataset(old_reader).to_table(columns=["seq", "soc_pct"]).num_rows == 7


def test_a_table_that_is_replaced_takes_a_new_column_too(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, old = "gold.vehicle_current", tables.VEHICLE_CURRENT
    rows = [{"vehicle_id": "V-1", "partition": 0, "soc_pct": 5.0}]
    with monkeypatch.context() as newer:
        times = old.field("signal_ts").with_type(pa.struct([*old.field("signal_ts").type, pa.field("wiper_pct", tables.TIME)]))
        wider = old.set(old.get_field_index("signal_ts"), times).append(pa.field("wiper_pct", pa.float64()))
        newer.setitem(tables.SCHEMAS, name, wider)
        writer.ensure(lake, [name])
        assert reader.arrow(lake, name, wider.names).cast(wider).num_rows == 0, "a flow reads before it writes"
        now = [row | {"wiper_pct": 1.0, "signal_ts": {"wiper_pct": 7}} for row in rows]
        writer.replace(reader.open_table(lake, name), name, pa.Table.from_pylist(now, wider), "partition IN (0)", {})
        assert reader.arrow(lake, name, ["signal_ts"])["signal_ts"][0]["wiper_pct"].is_valid
    writer.replace(reader.open_table(lake, name), name, pa.Table.from_pylist(rows, old), "partition IN (0)", {})
    assert reader.arrow(lake, name, ["soc_pct", "wiper_pct"]).to_pylist() == [{"soc_pct": 5.0, "wiper_pct": None}]
