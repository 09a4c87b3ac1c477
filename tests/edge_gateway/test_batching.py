"""Batches keep a topic's order within their limits, and the cursor moves only behind what is safe and told."""

import json

from hypothesis import given
from hypothesis import strategies as st

from contracts.topics import EDGE_TOPICS
from edge_gateway.batching import Limits, Progress, body, plan
from edge_gateway.frames import Entry


def entry(topic: str, seq: int, size: int) -> Entry:
    return Entry(topic, "CAR-1", "telemetry", "0000000a", seq, 0, json.dumps({"key": "CAR-1", "value": "x" * size}).encode())


@given(st.lists(st.tuples(st.sampled_from(EDGE_TOPICS), st.integers(0, 300)), max_size=40), st.integers(1, 10), st.integers(1, 1000))
def test_a_plan_has_each_entry_once_in_the_order_of_its_topic(some: list[tuple[str, int]], records: int, size: int) -> None:
    entries = [entry(topic, seq, width) for seq, (topic, width) in enumerate(some)]
    batches = plan(entries, Limits(records, size))
    for topic in EDGE_TOPICS:
        planned = [each for batch in batches if batch.topic == topic for each in batch.entries]
        assert planned == [each for each in entries if each.topic == topic]
    for batch in batches:
        assert 1 <= len(batch.entries) <= records
        assert len(batch.entries) == 1 or sum(len(each.record) for each in batch.entries) <= size
        assert len(json.loads(body(batch.entries))["records"]) == len(batch.entries)


def test_the_cursor_waits_for_the_oldest_block_and_for_its_telling() -> None:
    progress = Progress()
    first, second, third = progress.open(100, 2, 11), progress.open(200, 1, 22), progress.open(300, 1, 33)
    assert progress.oldest == 11
    progress.safe(second, told_at=5)
    progress.safe(first, told_at=6)
    assert progress.retire(99) is None
    progress.safe(first, told_at=7)
    assert progress.oldest == 33
    assert progress.retire(6) is None
    assert progress.retire(7) == 200
    assert progress.retire(99) is None
    assert not progress.drained
    progress.safe(third, told_at=8)
    assert progress.drained
    assert progress.retire(8) == 300
    assert progress.oldest is None
