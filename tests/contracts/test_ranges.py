"""Ranges behave as a set of whole numbers."""

from hypothesis import given
from hypothesis import strategies as st

from contracts.ranges import Ranges

STEPS = st.lists(st.tuples(st.integers(0, 40), st.integers(-1, 6)), max_size=30)


def built(steps: list[tuple[int, int]]) -> tuple[Ranges, set[int]]:
    ranges, plain = Ranges(), set()
    for first, more in steps:
        if more == 0:
            assert ranges.add(first) == (first not in plain)
        else:
            ranges.add_range(first, first + more)
        plain |= set(range(first, first + more + 1))
    return ranges, plain


@given(STEPS)
def test_it_holds_what_was_added(steps: list[tuple[int, int]]) -> None:
    ranges, plain = built(steps)
    assert set(ranges) == plain
    assert len(ranges) == len(plain)
    assert bool(ranges) == bool(plain)
    assert all((number in ranges) == (number in plain) for number in range(-1, 50))
    assert ranges.end == max(plain, default=-1) + 1
    assert ranges.frontier == next(number for number in range(100) if number not in plain)
    assert all(later[0] > earlier[1] + 1 for earlier, later in zip(ranges.pairs(), ranges.pairs()[1:], strict=False))


@given(STEPS, STEPS)
def test_difference_and_union(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    (a, plain_a), (b, plain_b) = built(one), built(other)
    assert set(a.minus(b)) == plain_a - plain_b
    both = a.copy()
    both.update(b)
    assert set(both) == plain_a | plain_b
    assert set(a) == plain_a, "a copy is independent"
    assert Ranges(both.pairs()) == both
