"""Frames are handed on in the order of their seqs; a shuffle within the wait changes nothing."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_stream.ordering import WAIT_MS, Order, release
from tests.lakehouse.made import NOW_MS, bronze, refined, telemetry


def rows(seqs: list[int], clock_ms: int, vehicle: str = "V-1"):
    return refined(bronze([telemetry(vehicle, seq) for seq in seqs], kafka_ms=[clock_ms] * len(seqs)), "telemetry", {}).rows


def handed_on(order: Order, seqs: list[int], clock_ms: int) -> list[int]:
    return release(order, rows(seqs, clock_ms), {0: clock_ms})["seq"].to_pylist()


def test_a_stream_in_order_does_not_wait() -> None:
    order = Order()
    assert handed_on(order, [0, 1, 2], NOW_MS) == [0, 1, 2]
    assert handed_on(order, [3], NOW_MS) == [3]


def test_a_gap_is_waited_for_and_then_passed() -> None:
    order = Order()
    assert handed_on(order, [0, 2, 3], NOW_MS) == [0]
    assert handed_on(order, [1], NOW_MS + 10) == [1, 2, 3]
    assert handed_on(order, [5], NOW_MS + 20) == []
    assert handed_on(order, [6], NOW_MS + 20 + WAIT_MS) == [5, 6]
    assert handed_on(order, [4], NOW_MS + 30 + WAIT_MS) == [4], "what comes later still is handed on as it comes"


def test_another_vehicles_gap_holds_nobody_up() -> None:
    order = Order()
    assert handed_on(order, [1], NOW_MS) == []
    assert release(order, rows([0], NOW_MS, "V-2"), {0: NOW_MS})["seq"].to_pylist() == [0]


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 40), seed=st.integers(0, 1000), batch=st.integers(1, 9))
def test_a_shuffle_within_the_wait_changes_nothing(size: int, seed: int, batch: int) -> None:
    seqs = list(range(size))
    random.Random(seed).shuffle(seqs)
    order, out = Order(), []
    for at in range(0, size, batch):
        out += handed_on(order, seqs[at : at + batch], NOW_MS + at)
    assert out == list(range(size))
    assert order.waiting is None
