"""Acks: everything is told at least once, repeats supersede what was lost, and memory stays bounded."""

import random

from contracts.events import Ack
from contracts.ranges import Ranges
from contracts.topics import TELEMETRY
from edge_gateway.acks import REPEAT_PAIRS, REPEAT_S, SLICES, Acks
from edge_gateway.frames import Entry


def entry(seq: int, vehicle: str = "CAR-1", boot: str = "0000000a") -> Entry:
    return Entry(TELEMETRY, vehicle, "telemetry", boot, seq, 0, b"")


def interval(acks: Acks, now: float) -> list[tuple[str, Ack]]:
    return [told for _ in range(SLICES) for told in acks.due(now)]


def test_an_ack_says_what_is_held_and_what_is_safe() -> None:
    acks = Acks()
    acks.held([entry(seq) for seq in (0, 1, 2, 5)], 0.0)
    acks.safe([entry(seq) for seq in (0, 1)], 0.0)
    assert interval(acks, 0.0) == [("CAR-1", Ack("0000000a", "telemetry", [(0, 2), (5, 5)], [(0, 1)]))]
    assert interval(acks, 0.1) == []


def test_each_vehicle_and_boot_has_an_ack_of_its_own() -> None:
    acks = Acks()
    acks.held([entry(0), entry(0, "CAR-2"), entry(3, boot="0000000b")], 0.0)
    assert sorted((vehicle, ack.boot_id, ack.held) for vehicle, ack in interval(acks, 0.0)) == [
        ("CAR-1", "0000000a", [(0, 0)]),
        ("CAR-1", "0000000b", [(3, 3)]),
        ("CAR-2", "0000000a", [(0, 0)]),
    ]


def test_whoever_loses_all_acks_but_the_last_of_half_a_minute_has_lost_nothing() -> None:
    acks = Acks()
    known = Ranges()
    for second in range(600):
        acks.held([entry(2 * second)], second)
        acks.safe([entry(2 * second)], second)
        told = [ack for _, ack in interval(acks, second)]
        if second % int(REPEAT_S) == 0:
            for ack in told:
                known.update(Ranges(ack.safe))
    assert list(known) == [2 * second for second in range(571)]


def test_everything_is_told_at_least_once_in_any_order_within_bounded_memory() -> None:
    acks = Acks()
    seqs = list(range(0, 20_000, 2))
    random.Random(7).shuffle(seqs)
    known, longest = Ranges(), 0
    for second in range(100):
        acks.held([entry(seq) for seq in seqs[100 * second : 100 * second + 100]], second)
        for _, ack in interval(acks, second):
            known.update(Ranges(ack.held))
            longest = max(longest, len(ack.held))
    assert sorted(known) == sorted(seqs)
    assert longest <= REPEAT_PAIRS + 100


def test_an_ack_followed_by_silence_is_repeated_and_then_forgotten() -> None:
    acks = Acks()
    acks.safe([entry(0)], 0.0)
    times = [second for second in range(200) if interval(acks, float(second))]
    assert times == [0, 1, 3, 7, 15]
    assert len(acks) == 0


def test_a_vehicle_that_comes_back_is_told_again() -> None:
    acks = Acks()
    acks.safe([entry(0)], 0.0)
    interval(acks, 0.0)
    acks.back("CAR-1", "0000000b")
    assert interval(acks, 0.5) == []
    acks.back("CAR-1", "0000000a")
    assert interval(acks, 0.5) == [("CAR-1", Ack("0000000a", "telemetry", [], [(0, 0)]))]


def test_what_has_no_identity_is_told_to_nobody() -> None:
    acks = Acks()
    acks.held([entry(-1)], 0.0)
    acks.safe([entry(-1)], 0.0)
    assert interval(acks, 0.0) == []


def test_what_is_known_now_has_been_told_at_told_at() -> None:
    for start in range(SLICES):
        acks = Acks()
        for _ in range(start):
            acks.due(0.0)
        acks.safe([entry(0, f"CAR-{number}") for number in range(50)], 0.0)
        deadline, told = acks.told_at, set()
        while acks.cycle < deadline:
            told |= {vehicle for vehicle, _ in acks.due(0.0)}
        assert len(told) == 50
