"""Which records fit and which test: a running number divisible by 4 is test, here and everywhere.

Running numbers: a drive's is the number in its name (TripA04 is 4); a test's is its row in the file, from 1, counted before the
suspect rows leave; a session's is its row among those of the site. The shipped fits list what they were fitted on, so that
data from another folder count as unseen and nothing that was fitted on is ever reported as a test.
"""

from collections.abc import Sequence

FOLD = 4


def is_test(number: int) -> bool:
    """Whether a running number belongs to the test part."""
    return number % FOLD == 0


def unseen(identities: Sequence[str], fitted_on: Sequence[str]) -> list[bool]:
    """For each record whether the shipped fit never saw it."""
    seen = set(fitted_on)
    return [identity not in seen for identity in identities]
