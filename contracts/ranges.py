"""Sets of seqs as a few closed intervals: what is held, safe, seen or missing."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator


class Ranges:
    """A set of whole numbers kept as sorted, disjoint, non-adjacent intervals `[first, last]`.

    Cost in memory and time depends on the number of gaps, not of members. In-order growth is O(1).
    """

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in pairs:
            self.add_range(first, last)

    def add(self, number: int) -> bool:
        """Add one number; False where it was in the set already."""
        if self._lasts and number == self._lasts[-1] + 1:
            self._lasts[-1] = number
            return True
        at = bisect_right(self._firsts, number)
        if at and self._lasts[at - 1] >= number:
            return False
        self.add_range(number, number)
        return True

    def add_range(self, first: int, last: int) -> None:
        """Add all numbers from `first` to `last`, both included."""
        if last < first:
            return
        low = bisect_right(self._firsts, first)
        if low and self._lasts[low - 1] >= first - 1:
            low -= 1
        high = bisect_right(self._firsts, last + 1)
        if low < high:
            first = min(first, self._firsts[low])
            last = max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]

    def update(self, other: "Ranges") -> None:
        """Add all numbers of another set."""
        for first, last in other.pairs():
            self.add_range(first, last)

    def minus(self, other: "Ranges") -> "Ranges":
        """The numbers of this set that are not in the other."""
        rest: list[tuple[int, int]] = []
        for first, last in self.pairs():
            at = max(bisect_right(other._firsts, first) - 1, 0)
            while first <= last and at < len(other._firsts) and other._firsts[at] <= last:
                if other._lasts[at] >= first:
                    if other._firsts[at] > first:
                        rest.append((first, other._firsts[at] - 1))
                    first = other._lasts[at] + 1
                at += 1
            if first <= last:
                rest.append((first, last))
        return Ranges(rest)

    def pairs(self) -> list[tuple[int, int]]:
        """The intervals, in order."""
        return list(zip(self._firsts, self._lasts, strict=True))

    def copy(self) -> "Ranges":
        """An independent copy."""
        return Ranges(self.pairs())

    @property
    def frontier(self) -> int:
        """The least number from 0 on that is not in the set."""
        return self._lasts[0] + 1 if self._firsts and self._firsts[0] == 0 else 0

    @property
    def end(self) -> int:
        """One more than the greatest number of the set; 0 where it is empty."""
        return self._lasts[-1] + 1 if self._lasts else 0

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number)
        return bool(at) and self._lasts[at - 1] >= number

    def __iter__(self) -> Iterator[int]:
        for first, last in self.pairs():
            yield from range(first, last + 1)

    def __len__(self) -> int:
        return sum(self._lasts) - sum(self._firsts) + len(self._firsts)

    def __bool__(self) -> bool:
        return bool(self._firsts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and self._firsts == other._firsts and self._lasts == other._lasts

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Ranges({self.pairs()})"
