"""What becomes of a record: a row, a row in quarantine with a reason, or nothing because it was seen before."""

import itertools

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import codec
from contracts.events import Envelope
from tests.lakehouse.made import NOW_MS, bronze, cells, envelope, event, refined, telemetry

YEAR_MS = 365 * 24 * 3600 * 1000


def reasons(values: list[bytes], kind: str = "telemetry", **how: object) -> list[str]:
    return refined(bronze(values, **how), kind, {}).quarantine["reason"].to_pylist()


def test_a_good_frame_is_one_typed_row_with_its_coordinates() -> None:
    outcome = refined(bronze([telemetry("V-1", 0, soc_pct=51.5, speed_kmh=3)], first_offset=7), "telemetry", {})
    [row] = outcome.rows.to_pylist()
    assert (row["vehicle_id"], row["soc_pct"], row["speed_kmh"], row["pack_v"], row["offset"]) == ("V-1", 51.5, 3.0, None, 7)
    assert int(row["event_ts"].timestamp() * 1000) == NOW_MS
    assert outcome.rows.schema.field("soc_pct").metadata[b"unit"] == b"percent"
    assert not outcome.quarantine.num_rows


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{", "not_json"),
        (b"", "not_json"),
        (b"\xff{}", "not_json"),
        (b'{"a":1}', "schema"),
        (b'{"a":1}{"b":2}', "not_json"),
        (envelope("V-1", "telemetry", 0, b'{"ts":'), "not_json"),
        (envelope("V-1", "telemetry", 0, b"[1,2]"), "schema"),
        (envelope("V-1", "telemetry", 0, b"null"), "schema"),
        (envelope("V-1", "telemetry", 0, b'{"ts":"noon","signals":{}}'), "schema"),
        (envelope("V-1", "telemetry", 0, b'{"ts":1790000000000,"signals":{"soc_pct":"half"}}'), "schema"),
        (telemetry("V-1", 0, soc_pct=101), "range"),
        (telemetry("V-1", 0, soc_pct=-0.01), "range"),
        (telemetry("V-1", 0, ts=NOW_MS + YEAR_MS), "future"),
        (telemetry("V-1", 0, ts=NOW_MS - YEAR_MS), "too_late"),
        (telemetry("V-1", -1), "schema"),
        (telemetry("v 1", 0), "identity_mismatch"),
        (telemetry("V-1", 0, boot="xyz"), "identity_mismatch"),
        (envelope("V-1", "cells", 0, b'{"ts":1790000000000,"signals":{}}'), "identity_mismatch"),
    ],
)
def test_a_bad_record_goes_to_quarantine_with_a_reason(value: bytes, reason: str) -> None:
    assert reasons([value]) == [reason]
    assert reasons([telemetry("V-2", 0), value, telemetry("V-2", 1)]) == [reason], "its neighbours are not touched"


def test_a_record_under_another_vehicles_key_is_refused() -> None:
    assert reasons([telemetry("V-1", 0)], keys=["V-2"]) == ["identity_mismatch"]


def test_an_unknown_signal_is_a_warning_and_no_refusal() -> None:
    outcome = refined(bronze([telemetry("V-1", 0, soc_pct=1, warp_factor=9), telemetry("V-1", 1, soc_pct=2)]), "telemetry", {})
    assert outcome.rows["unknown_signals"].to_pylist() == [["warp_factor"], None]


def test_a_payload_that_is_no_json_keeps_its_identity_in_quarantine() -> None:
    [row] = refined(bronze([envelope("V-1", "telemetry", 4, b"\x00\x01")]), "telemetry", {}).quarantine.to_pylist()
    assert (row["reason"], row["vehicle_id"], row["boot_id"], row["seq"]) == ("not_json", "V-1", "0000000a", 4)
    assert "2 bytes" in row["detail"]


def test_a_duplicate_stands_once() -> None:
    seen: dict = {}
    first = refined(bronze([telemetry("V-1", 0), telemetry("V-1", 1), telemetry("V-1", 0)]), "telemetry", seen)
    again = refined(bronze([telemetry("V-1", 1), telemetry("V-1", 2)], first_offset=3), "telemetry", seen)
    assert (first.rows["seq"].to_pylist(), first.duplicates) == ([0, 1], 1)
    assert (again.rows["seq"].to_pylist(), again.duplicates) == ([2], 1)


def test_a_repaired_row_is_no_duplicate_of_the_quarantined_one() -> None:
    seen: dict = {}
    bad = telemetry("V-1", 0, soc_pct=500)
    assert refined(bronze([bad, bad]), "telemetry", seen).quarantine.num_rows == 1
    assert refined(bronze([telemetry("V-1", 0, soc_pct=50)], first_offset=2), "telemetry", seen).rows.num_rows == 1
    assert refined(bronze([bad, telemetry("V-1", 0)], first_offset=3), "telemetry", seen).duplicates == 2


def test_a_new_boot_counts_anew() -> None:
    assert refined(bronze([telemetry("V-1", 0), telemetry("V-1", 0, boot="0000000b")]), "telemetry", {}).rows.num_rows == 2


def test_cells_and_events_become_rows() -> None:
    assert refined(bronze([cells("V-1", 0)]), "cells", {}).rows["cell_v"].to_pylist() == [[3.7, 3.71]]
    rows = refined(bronze([event("V-1", 0, code="P0A80", n=[1, {"a": None}])]), "event", {}).rows
    assert rows.select(["event", "attributes"]).to_pylist() == [{"event": "boot", "attributes": '{"code":"P0A80","n":[1,{"a":null}]}'}]


def test_the_clock_of_a_partition_never_goes_back() -> None:
    stamps = [NOW_MS + 5, NOW_MS + 3, NOW_MS + 9]
    rows = refined(bronze([telemetry("V-1", seq) for seq in range(3)], kafka_ms=stamps), "telemetry", {}, NOW_MS + 6).rows
    assert [int(known.timestamp() * 1000 + 0.5) - NOW_MS for known in rows["known_at"].to_pylist()] == [6, 6, 9]


RECORDS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["V-1", "V-2", "V-3"]), st.integers(0, 12)).map(lambda who: telemetry(*who, soc_pct=who[1])),
        st.tuples(st.sampled_from(["V-1", "V-2"]), st.integers(0, 12)).map(lambda who: telemetry(*who, soc_pct=200)),
        st.tuples(st.sampled_from(["V-1", "V-2"]), st.integers(0, 12)).map(lambda who: envelope(who[0], "telemetry", who[1], b"{")),
        st.tuples(st.sampled_from(["V-1", "V-2"]), st.integers(0, 12)).map(
            lambda who: envelope(who[0], "telemetry", who[1], b'{"ts":1790000000000,"signals":{"soc_pct":"x"}}')
        ),
        st.sampled_from([b"{", b"[]", b"{}{}", b'{"seq":1}', codec.encode(Envelope("g", "r", "V-1", "event", "00000000", 1, NOW_MS))]),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(records=RECORDS, cuts=st.sets(st.integers(0, 30)))
def test_the_outcome_does_not_depend_on_the_batches(records: list[bytes], cuts: set[int]) -> None:
    whole = refined(bronze(records), "telemetry", {}) if records else None
    seen: dict = {}
    bounds = sorted({0, len(records), *(cut for cut in cuts if cut < len(records))})
    clock_ms, parts = 0, []
    for first, last in itertools.pairwise(bounds):
        part = bronze(records[first:last], first_offset=first)
        parts.append(refined(part, "telemetry", seen, clock_ms))
        clock_ms = NOW_MS + last - 1
    if whole is None:
        return
    assert [row for part in parts for row in part.rows.to_pylist()] == whole.rows.to_pylist()
    assert [row for part in parts for row in part.quarantine.to_pylist()] == whole.quarantine.to_pylist()
    assert sum(part.duplicates for part in parts) == whole.duplicates


def test_each_partition_has_its_own_clock() -> None:
    ahead = bronze([telemetry("V-1", 0), telemetry("V-1", 1)], kafka_ms=[NOW_MS + 900, NOW_MS + 100], partition=0)
    behind = bronze([telemetry("V-2", 0)], kafka_ms=[NOW_MS + 5], partition=1)
    rows = refined(pa.concat_tables([ahead, behind]), "telemetry", {}, NOW_MS).rows
    assert [round(known.timestamp() * 1000) - NOW_MS for known in rows["known_at"].to_pylist()] == [900, 900, 5]
