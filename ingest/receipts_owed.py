"""What is owed to each watch: the seqs that its messages held since its last receipt, and when the next is due.

Nearly always that is one closed range of one boot, so it stands in a row of an array; anything else in objects beside.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ingest.normalise.intervals import Intervals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

ROW = np.dtype(
    [("due_ms", "<i8"), ("sent_ms", "<i8"), ("boot", "<u4"), ("first", "<u4"), ("last", "<u4"), ("form", "<u4")]
)
"""`sent_ms`: of the last receipt; 0: there was none."""
WORDS = ROW.itemsize // 8
NOTHING, RANGE, MORE = 0, 1, 2
"""`form`: nothing is owed; [first, last] of generation 0 of `boot`; what stands in `more`."""

Held = dict[tuple[int, int], Intervals]
"""(boot, generation) -> seqs, in the order in which they were first held."""

MOST_HELD = 1000
"""Counts of a watch that one receipt time speaks of, the newest: the filter remembers no more boots either."""


class Ranges(NamedTuple):
    """For each of some watches, shape (g,), one closed range of generation 0 of a boot, and when its receipt is due."""

    watches: NDArray[np.int64]
    boot: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    due_ms: NDArray[np.int64]


class Owed:
    """Row i is watch i."""

    def __init__(self) -> None:
        self._words = np.zeros((0, WORDS), np.uint64)
        self._rows = self._words.view(ROW)[:, 0]
        self._more: dict[int, Held] = {}
        self._by_due: dict[int, list[NDArray[np.int64]]] = {}
        self._dues: list[int] = []
        """A heap of the keys of `_by_due`. A watch whose row names another time is no longer right there."""

    def sent_ms(self, watches: NDArray[np.int64]) -> NDArray[np.int64]:
        """When each got its last receipt; 0: never."""
        self._make_room(int(watches.max(initial=0)))
        sent_ms: NDArray[np.int64] = self._rows["sent_ms"][watches]
        return sent_ms

    def hold_ranges(self, ranges: Ranges) -> NDArray[np.bool_]:
        """Owe these; returns a mask of those that do not fit a row and are left for `hold`."""
        self._make_room(int(ranges.watches.max(initial=0)))
        rows = self._words.take(ranges.watches, axis=0).view(ROW)[:, 0]
        is_new, has_range = rows["form"] == NOTHING, rows["form"] == RANGE
        touches = (ranges.first <= rows["last"] + np.int64(1)) & (ranges.last >= rows["first"] - np.int64(1))
        fits = is_new | (has_range & (rows["boot"] == ranges.boot) & touches)
        was_due_ms = np.where(is_new, np.iinfo(np.int64).max, rows["due_ms"])
        rows["first"] = np.where(is_new, ranges.first, np.minimum(rows["first"], ranges.first))
        rows["last"] = np.where(is_new, ranges.last, np.maximum(rows["last"], ranges.last))
        rows["due_ms"] = np.minimum(was_due_ms, ranges.due_ms)
        rows["boot"], rows["form"] = ranges.boot, RANGE
        chosen = np.flatnonzero(fits)
        self._words[ranges.watches[chosen]] = rows.view(np.uint64).reshape(-1, WORDS)[chosen]
        sooner = chosen[ranges.due_ms[chosen] < was_due_ms[chosen]]
        self._queue(ranges.watches[sooner], ranges.due_ms[sooner])
        left: NDArray[np.bool_] = ~fits
        return left

    def hold(self, watch: int, boot: int, generation: int, seq: int, due_ms: int) -> None:
        """Owe one seq more."""
        self._make_room(watch)
        was_due_ms, sent_ms, was_boot, first, last, form = self._rows[watch].item()
        if form == NOTHING or due_ms < was_due_ms:
            was_due_ms = due_ms
            self._queue(np.array([watch]), np.array([due_ms]))
        if form == NOTHING and generation == 0:
            was_boot, first, last, form = boot, seq, seq, RANGE
        elif form == RANGE and (was_boot, 0) == (boot, generation) and first - 1 <= seq <= last + 1:
            first, last = min(first, seq), max(last, seq)
        else:
            if form != MORE:
                self._more[watch] = {(was_boot, 0): Intervals([(first, last)])} if form == RANGE else {}
            held = self._more[watch]
            held.setdefault((boot, generation), Intervals()).add(seq)
            if len(held) > MOST_HELD:
                del held[next(iter(held))]  # its watch sends it again
            form = MORE
        self._rows[watch] = (was_due_ms, sent_ms, was_boot, first, last, form)

    def next_due_ms(self) -> int | None:
        """When something is due next; None: nothing is owed."""
        while self._dues and not len(self._right(self._dues[0])):
            del self._by_due[heapq.heappop(self._dues)]
        return self._dues[0] if self._dues else None

    def take_due(self, now_ms: int) -> Iterator[tuple[NDArray[np.int64], NDArray[Any], dict[int, Held]]]:
        """Watches whose time has come, their rows, and what stands beside these; by due time, then by watch."""
        while self._dues and self._dues[0] <= now_ms:
            due_ms = heapq.heappop(self._dues)
            watches = self._right(due_ms)
            del self._by_due[due_ms]
            rows = self._rows[watches]
            self._rows["sent_ms"][watches] = now_ms
            self._rows["form"][watches] = NOTHING
            more = watches[rows["form"] == MORE].tolist()
            yield watches, rows, {watch: self._more.pop(watch) for watch in more}

    def _right(self, due_ms: int) -> NDArray[np.int64]:
        watches = np.unique(np.concatenate(self._by_due[due_ms]))
        rows = self._rows[watches]
        right: NDArray[np.int64] = watches[(rows["due_ms"] == due_ms) & (rows["form"] != NOTHING)]
        return right

    def _queue(self, watches: NDArray[np.int64], due_ms: NDArray[np.int64]) -> None:
        if not len(watches):
            return
        order = np.argsort(due_ms, kind="stable")
        sorted_ms = due_ms[order]
        starts = np.flatnonzero(np.diff(sorted_ms, prepend=sorted_ms[0] - 1))
        for due, some in zip(sorted_ms[starts].tolist(), np.split(watches[order], starts[1:]), strict=True):
            if due not in self._by_due:
                self._by_due[due] = []
                heapq.heappush(self._dues, due)
            self._by_due[due].append(some)

    def _make_room(self, watch: int) -> None:
        if watch < len(self._rows):
            return
        words = np.zeros((watch + 1 + max(watch // 8, 1024), WORDS), np.uint64)
        words[: len(self._words)] = self._words
        self._words, self._rows = words, words.view(ROW)[:, 0]
