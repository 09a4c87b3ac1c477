"""MirrorMaker is restarted where it stands still or failed, and left alone where it works or has nothing to do."""

from voltlake.stack.mirror_positions import Look
from voltlake.stack.mirror_watch import STALL_S, Watch, step

ONE, TWO = ("vehicle.telemetry.v1", 0), ("vehicle.telemetry.v1", 1)
START_S = 30.0


def course(looks: list[tuple[float, Look]], ready_s: float = 0.0) -> list[tuple[float, str]]:
    """When it is restarted and why, in a world where a restart takes half a minute and mends nothing."""
    told, state = [], Watch()
    for now_s, look in looks:
        state, why = step(state, look, now_s, works=now_s >= ready_s)
        if why:
            told.append((now_s, why))
            ready_s = now_s + START_S
    return told


def test_nothing_to_mirror_is_no_stall() -> None:
    assert course([(now, Look({ONE: 5}, {ONE: 5})) for now in range(100)]) == []


def test_standing_still_with_something_to_do_is_a_stall_after_twenty_seconds() -> None:
    told = course([(now, Look({ONE: 9, TWO: 3}, {ONE: 5, TWO: 3})) for now in range(30)])
    assert [now for now, _ in told] == [STALL_S]
    assert "vehicle.telemetry.v1/0" in told[0][1]
    assert "4 records" in told[0][1]


def test_a_partition_that_was_never_mirrored_counts_from_its_start() -> None:
    assert len(course([(now, Look({ONE: 1}, {})) for now in range(25)])) == 1


def test_being_behind_but_moving_is_no_stall() -> None:
    assert course([(now, Look({ONE: 1000}, {ONE: now})) for now in range(100)]) == []


def test_one_partition_that_moves_does_not_hide_one_that_does_not() -> None:
    assert len(course([(now, Look({ONE: 1000, TWO: 9}, {ONE: now, TWO: 1})) for now in range(25)])) == 1


def test_a_failed_task_is_restarted_at_once() -> None:
    assert course([(1.0, Look({ONE: 1}, {ONE: 1}, "task 0 failed: out of memory"))]) == [(1.0, "task 0 failed: out of memory")]


def test_a_start_is_not_judged() -> None:
    stuck = [(float(now), Look({ONE: 9}, {ONE: 5}, "task 0 failed: still the old one")) for now in range(50)]
    assert [now for now, _ in course(stuck, ready_s=START_S)] == [START_S]


def test_after_a_restart_it_is_judged_anew() -> None:
    told = course([(float(now), Look({ONE: 9}, {ONE: 5})) for now in range(130)])
    assert [now for now, _ in told] == [STALL_S, 2 * STALL_S + START_S, 3 * STALL_S + 2 * START_S]
