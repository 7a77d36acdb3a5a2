"""A set of positive integers kept as closed intervals: what a watch's count has brought, gaps and all."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Intervals:
    """Sorted, disjoint, never adjacent. Mostly one interval, so plain lists and bisection do."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in pairs:
            self._firsts.append(first)
            self._lasts.append(last)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._firsts, self._lasts, strict=True)

    def __len__(self) -> int:
        return len(self._firsts)

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self._firsts, number) - 1
        return place >= 0 and number <= self._lasts[place]

    def copy(self) -> Intervals:
        """One that changes apart from this."""
        other = Intervals()
        other._firsts = self._firsts.copy()
        other._lasts = self._lasts.copy()
        return other

    def add(self, number: int) -> None:
        """Put one number in, joining what touches it."""
        firsts, lasts = self._firsts, self._lasts
        place = bisect_right(firsts, number)
        touches_left = place > 0 and number <= lasts[place - 1] + 1
        touches_right = place < len(firsts) and number == firsts[place] - 1
        if touches_left and touches_right:
            lasts[place - 1] = lasts[place]
            del firsts[place], lasts[place]
        elif touches_left:
            lasts[place - 1] = max(lasts[place - 1], number)
        elif touches_right:
            firsts[place] = number
        else:
            firsts.insert(place, number)
            lasts.insert(place, number)

    def remove_lowest(self) -> None:
        """Forget the lowest interval."""
        del self._firsts[0], self._lasts[0]

    def discard_single(self, number: int) -> None:
        """Forget `number`, which must be an interval of its own."""
        place = bisect_right(self._firsts, number) - 1
        del self._firsts[place], self._lasts[place]

    def lowest_last(self) -> int:
        """The last number of the lowest interval."""
        return self._lasts[0]

    def highest(self) -> int:
        """The highest number; 0 when empty."""
        return self._lasts[-1] if self._lasts else 0

    def reach(self, number: int) -> int:
        """The last number that is in without a gap from `number` + 1 on; `number` itself if the next is out."""
        place = bisect_right(self._firsts, number + 1) - 1
        return max(number, self._lasts[place]) if place >= 0 else number

    def count(self, first: int, last: int) -> int:
        """How many numbers of the closed range [first, last] are in."""
        place = max(bisect_right(self._firsts, first) - 1, 0)
        total = 0
        while place < len(self._firsts) and self._firsts[place] <= last:
            total += max(0, min(last, self._lasts[place]) - max(first, self._firsts[place]) + 1)
            place += 1
        return total
