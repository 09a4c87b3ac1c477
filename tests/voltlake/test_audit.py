"""The audit finds what is lost and what stands twice, and tells what is only on its way."""

from contracts.ranges import Ranges
from contracts.topics import TELEMETRY
from voltlake.audit.evidence import Evidence, Log, Stream, Word
from voltlake.audit.verdict import judge

STREAM = Stream("V-1", "telemetry", "0000000a")
PLACE = (TELEMETRY, 0)


def seqs(*pairs: tuple[int, int]) -> Ranges:
    return Ranges(pairs)


def evidence(**changes: object) -> Evidence:
    """Five messages, published, safe, and everywhere where they should be."""
    log = Log([10, 11, 13, 14, 15], [101, 102, 103, 104, 105])
    whole = {
        "words": {STREAM: Word(seqs((0, 4)), seqs((0, 4)))},
        "silver": {STREAM: seqs((0, 4))},
        "edge": {PLACE: Log([0, 1, 2, 3, 4], log.digests)},
        "central": {PLACE: log},
        "bronze": {PLACE: {10, 11, 13, 14, 15}},
        "bronze_reached": {PLACE: 15},
        "silver_reached": {PLACE: 15},
    }
    return Evidence(**(whole | changes))


def test_a_whole_road_passes() -> None:
    verdict = judge(evidence(), {})
    assert (verdict.passed, verdict.messages, verdict.lost, verdict.duplicated, verdict.in_flight) == (True, 5, 0, 0, 0)


def test_a_row_that_is_gone_from_silver_is_lost_and_was_last_seen_in_bronze() -> None:
    verdict = judge(evidence(silver={STREAM: seqs((0, 1), (3, 4))}), {(STREAM, 2): "bronze"})
    assert (verdict.passed, verdict.lost) == (False, 1)
    assert [(missing.seq, missing.last_seen) for missing in verdict.missing] == [(2, "bronze")]


def test_a_row_below_a_position_that_silver_has_not_reached_is_on_its_way() -> None:
    verdict = judge(evidence(silver={STREAM: seqs((0, 3))}, silver_reached={PLACE: 14}), {(STREAM, 4): "bronze"})
    assert (verdict.passed, verdict.lost, verdict.in_flight) == (True, 0, 1)


def test_what_was_refused_is_not_lost() -> None:
    verdict = judge(evidence(silver={STREAM: seqs((0, 2))}, quarantine={STREAM: seqs((3, 3))}, rejected={STREAM: seqs((4, 4))}), {})
    assert (verdict.passed, verdict.lost, verdict.rejected) == (True, 0, 2)


def test_a_message_that_no_place_has_seen_is_lost() -> None:
    verdict = judge(evidence(words={STREAM: Word(seqs((0, 5)), seqs((0, 5)))}), {})
    assert [(missing.seq, missing.last_seen) for missing in verdict.missing] == [(5, "ledger")]


def test_what_was_never_told_safe_is_on_its_way() -> None:
    verdict = judge(evidence(words={STREAM: Word(seqs((0, 6)), seqs((0, 4)))}), {})
    assert (verdict.passed, verdict.in_flight) == (True, 2)


def test_rows_that_stand_twice_are_counted() -> None:
    assert judge(evidence(silver_repeats=2), {}).duplicated == 2
    assert judge(evidence(bronze_repeats=1), {}).duplicated == 1
    assert judge(evidence(quarantine_repeats=1), {}).duplicated == 1


def test_an_offset_that_bronze_jumped_over_is_lost() -> None:
    verdict = judge(evidence(bronze={PLACE: {10, 13, 14, 15}}), {})
    assert (verdict.passed, verdict.lost) == (False, 1)
    assert judge(evidence(bronze={PLACE: {10, 11, 13, 14}}, bronze_reached={PLACE: 14}), {}).passed


def test_the_mirror_is_compared_record_by_record() -> None:
    behind = judge(evidence(central={PLACE: Log([10, 11], [101, 102])}), {})
    assert behind.hops[0].in_flight == 3
    repeated = judge(evidence(central={PLACE: Log([10, 11, 12, 13, 14, 15], [101, 102, 102, 103, 104, 105])}), {})
    assert repeated.hops[0].repeated == 1
    gone = judge(evidence(central={PLACE: Log([10, 11, 13, 14], [101, 103, 104, 105])}), {})
    assert (gone.hops[0].lost, gone.passed) == (1, False)
    later = judge(evidence(central={PLACE: Log([10, 11, 13, 14, 15, 16], [101, 102, 103, 104, 105, 106])}), {})
    assert (later.hops[0].lost, later.hops[0].repeated) == (0, 0)
