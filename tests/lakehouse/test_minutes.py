"""Minutes are exact, and every revision says what was known when."""

import itertools
import random

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_stream.steps.gold import MinuteMaker
from lakehouse import current, minutes
from lakehouse.gold.folds import MINUTES
from lakehouse.positions import beyond
from lakehouse.tables import VEHICLE_MINUTES
from tests.lakehouse.made import NOW_MS, bronze, refined, telemetry

MINUTE_MS = 60_000
EMPTY = VEHICLE_MINUTES.empty_table()
FRAMES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4 * MINUTE_MS), st.integers(0, 3000), st.floats(0, 100)), min_size=1, max_size=60)
"""Vehicle, when it happened, how far Kafka's clock goes on until the next record (ms), and a state of charge."""


def silver(frames: list[tuple[int, int, int, float]]) -> pa.Table:
    """Rows as the silver flow makes them; the fourth minute's clock is far enough on that late frames occur."""
    clock, stamps, values = NOW_MS, [], []
    for seq, (vehicle, after_ms, step_ms, soc) in enumerate(frames):
        clock += step_ms
        stamps.append(clock)
        values.append(telemetry(f"V-{vehicle}", seq, ts=min(NOW_MS + after_ms // 20, clock), soc_pct=round(soc, 2), odometer_m=seq))
    return refined(bronze(values, kafka_ms=stamps), "telemetry", {}).rows


def ordered(rows: pa.Table) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in minutes.KEY])


def rebuilt(rows: pa.Table) -> pa.Table:
    """All revisions at once, as a rebuild makes them."""
    return ordered(minutes.revise(EMPTY, minutes.partials(rows)))


def test_a_minute_sums_up_its_frames() -> None:
    start = NOW_MS // MINUTE_MS * MINUTE_MS
    values = [telemetry("V-1", seq, ts=start + seq * 1000, soc_pct=50 + seq / 100, odometer_m=1000 + seq) for seq in range(60)]
    rows = refined(bronze(values, kafka_ms=[start + seq * 1000 for seq in range(60)]), "telemetry", {}).rows
    [row] = minutes.partials(rows).to_pylist()
    assert (row["frames"], row["soc_pct_n"], row["soc_pct_sum"], row["soc_pct_min"], row["soc_pct_max"]) == (60, 60, 301770, 5000, 5059)
    assert (row["odometer_m_min"], row["odometer_m_max"]) == (1000, 1059)
    assert row["known_at"] == row["minute"] + (row["known_at"] - row["minute"])
    assert (row["known_at"] - row["minute"]).total_seconds() == 60


@settings(max_examples=40, deadline=None)
@given(frames=FRAMES)
def test_a_revision_is_the_sum_of_what_was_known(frames: list[tuple[int, int, int, float]]) -> None:
    rows = silver(frames)
    parts = minutes.partials(rows).to_pylist()
    for revision in rebuilt(rows).to_pylist():
        mine = [part for part in parts if part["vehicle_id"] == revision["vehicle_id"] and part["minute"] == revision["minute"]]
        known = [part for part in mine if part["known_at"] <= revision["known_at"]]
        assert revision["frames"] == sum(part["frames"] for part in known)
        assert revision["soc_pct_sum"] == sum(part["soc_pct_sum"] for part in known)
        assert revision["odometer_m_max"] == max(part["odometer_m_max"] for part in known)


@settings(max_examples=40, deadline=None)
@given(frames=FRAMES, cuts=st.sets(st.integers(1, 59)), seed=st.integers(0, 9))
def test_the_live_revisions_equal_a_rebuild_whatever_the_batches_and_restarts(
    frames: list[tuple[int, int, int, float]], cuts: set[int], seed: int
) -> None:
    rows = silver(frames)
    bounds = sorted({0, rows.num_rows, *(cut for cut in cuts if cut < rows.num_rows)})
    chance = random.Random(seed)
    table = EMPTY
    maker = MinuteMaker({}, EMPTY, EMPTY, lambda known: _of(table, known))
    for first, last in itertools.pairwise(bounds):
        revisions, _ = maker.step(rows.slice(first, last - first))
        table = pa.concat_tables([table, revisions])
        if chance.random() < 0.4:
            # A restart after a commit: what is pending is made again from the silver rows up to the positions.
            clocks = {source.partition: position.clock_ms for source, position in maker.reached.items()}
            before = rows.slice(0, last)
            again = minutes.sourced(before)
            pending = again.filter(pc.greater(again["known_at"], pa.scalar(clocks[0] * 1000, pa.int64()).cast(again["known_at"].type)))
            maker = MinuteMaker(maker.reached, pending, EMPTY, lambda known: _of(table, known))
    clock = max(rows["known_at"].to_pylist())
    whole = rebuilt(rows)
    due = whole.filter(pc.less_equal(whole["known_at"], pa.scalar(clock, whole["known_at"].type)))
    assert ordered(table).equals(due)


def _of(table: pa.Table, known: pa.Table) -> pa.Table:
    """As the table is asked: every one of those vehicles in every one of those minutes."""
    here = pc.and_(pc.is_in(table["vehicle_id"], known["vehicle_id"]), pc.is_in(table["minute"], known["minute"]))
    return table.filter(here)


def test_what_is_looked_up_beside_what_was_asked_for_is_not_counted_twice() -> None:
    """Two vehicles' late frames: the one's minute is at hand, the other's in the table, which tells of both minutes of both."""
    start = NOW_MS // MINUTE_MS * MINUTE_MS
    minute, later = start - 20 * MINUTE_MS, start - 10 * MINUTE_MS
    first = [("V-1", 0, minute, start), ("V-1", 1, later, start + 400_000), ("V-2", 0, later, start)]
    second = [("V-2", 1, later, start + 402_000), ("V-1", 2, later, start + 402_000), ("V-1", 3, minute, start + 402_000)]
    last = [("V-3", 0, start, start + 405_000)]
    frames = [frame for part in (first, second, last) for frame in part]
    frames.sort(key=lambda frame: frame[3])
    values = [telemetry(vehicle, seq, ts=ts, soc_pct=50.0) for vehicle, seq, ts, _ in frames]
    rows = refined(bronze(values, kafka_ms=[stamp for *_, stamp in frames]), "telemetry", {}).rows
    table = EMPTY
    maker = MinuteMaker({}, EMPTY, EMPTY, lambda known: _of(table, known))
    for at in range(rows.num_rows):
        made, _ = maker.step(rows.slice(at, 1))
        table = pa.concat_tables([table, made])
    assert table.num_rows >= 5
    whole = rebuilt(rows)
    clock = pa.scalar(max(rows["known_at"].to_pylist()), whole["known_at"].type)
    assert ordered(table).equals(whole.filter(pc.less_equal(whole["known_at"], clock)))


def test_a_minute_of_history_is_not_told_in_halves_because_live_data_is_ahead() -> None:
    start = (NOW_MS // MINUTE_MS - 1000) * MINUTE_MS
    past = [telemetry("V-1", seq, ts=start + seq * 1000, soc_pct=50.0) for seq in range(90)]
    history = refined(bronze(past, kafka_ms=[start + seq * 1000 for seq in range(90)]), "telemetry", {}).rows
    history = history.set_column(history.schema.get_field_index("topic_id"), "topic_id", pa.repeat("history", history.num_rows))
    live = refined(bronze([telemetry("V-2", 0)], kafka_ms=[NOW_MS]), "telemetry", {}).rows
    maker = MinuteMaker({}, EMPTY, EMPTY, lambda _known: EMPTY)
    made = [maker.step(rows)[0] for rows in (live, history.slice(0, 30), history.slice(30))]
    told = pa.concat_tables(made).filter(pc.field("vehicle_id") == "V-1")
    assert told["frames"].to_pylist() == [60]
    exact = MINUTES.merge([MINUTES.partial("telemetry", rows) for rows in (live, history)])
    assert ordered(MINUTES.rows(exact, maker.reached, lambda *_: [])).equals(ordered(pa.concat_tables(made)))


@settings(max_examples=40, deadline=None)
@given(frames=FRAMES, seed=st.integers(0, 99))
def test_the_newest_frame_of_a_vehicle_wins_in_any_order(frames: list[tuple[int, int, int, float]], seed: int) -> None:
    rows = silver(frames)
    order = list(range(rows.num_rows))
    random.Random(seed).shuffle(order)
    newest = current.newest(rows)
    parts = [current.newest(rows.take(pa.array(order[at::3], pa.int64()))) for at in range(3)]
    assert current.newest(*parts).equals(newest)


def test_rows_below_a_position_are_passed_over() -> None:
    rows = silver([(0, 0, 1, 1.0), (1, 0, 1, 2.0)])
    maker = MinuteMaker({}, EMPTY, EMPTY, lambda _known: EMPTY)
    maker.step(rows)
    assert not beyond(rows, maker.reached).num_rows
    assert maker.step(rows) == (EMPTY, {})
