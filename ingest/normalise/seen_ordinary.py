"""Judges by columns what nearly all readings are: the next of their watch's count, or a resend of it.

A watch is ordinary in a batch if each of its readings is of its newest boot (or it is heard for the first time), is no
emergency, and is the next seq after the highest, or the next that fills its one gap from below, or one that came
already with a time not newer than the newest; no clock step, nothing newly given up but where the batch opens a count
or a gap (seen_opening.py). All others are judged reading by reading (seen_open.py), and by the same rules: what stands
here are those rules for this case alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ingest.normalise.boot_run import CLOCK_SET_MS
from ingest.normalise.seen_columns import BEGAN, RUN, SIDE, SPILLED, UINT32_MAX
from ingest.normalise.seen_opening import Columns, open_counts
from ingest.normalise.verdict import Verdict
from ingest.reading import EMERGENCY_KINDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.reading import Readings

SEQ_BITS, RAW_BITS = 32, 43
MOST_GROUPS = 1 << (62 - RAW_BITS)
"""A batch of more watches than this (524,288) is judged reading by reading beyond: a key holds watch and time."""
LARGEST_RAW_MS = (1 << RAW_BITS) - 2
"""In the year 2248; a clock that says more is judged reading by reading."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """Rows of a batch sorted by watch, within a watch in order of arrival.

    `order`: their row numbers, shape (n,), as of every column here. `group`: number of the watch of each, shape (n,).
    `starts`: place of each watch's first, shape (g,). `watches`: the watch of each group, shape (g,).
    """

    order: NDArray[np.int64]
    group: NDArray[np.int64]
    starts: NDArray[np.int64]
    watches: NDArray[np.int64]

    @property
    def ends(self) -> NDArray[np.int64]:
        """Place of each watch's last."""
        return np.append(self.starts[1:], len(self.order)) - 1

    def spread(self, of_watch: NDArray[Any]) -> NDArray[Any]:
        """What is of each watch, shape (g,), for each of its rows, shape (n,)."""
        return of_watch if len(self.starts) == len(self.order) else of_watch[self.group]


def grouped(watches: NDArray[np.int64], rows: NDArray[np.int64]) -> Grouped:
    """`watches`: of each of `rows`, which rise."""
    bits = int(rows[-1]).bit_length()
    key = np.sort((watches << bits) | rows)  # one sort of numbers is far quicker than a stable argsort
    of_watch = key >> bits
    is_start = np.empty(len(key), np.bool_)
    is_start[0] = True
    np.not_equal(of_watch[1:], of_watch[:-1], out=is_start[1:])
    starts = np.flatnonzero(is_start)
    return Grouped(key & ((1 << bits) - 1), np.cumsum(is_start) - 1, starts, of_watch[starts])


class Ordinary(NamedTuple):
    """`rest`: rows to be judged one by one, rising. `watches`, `states`: what became of the others, by watch.

    `lost`: readings that these gave up before they came.
    """

    rest: NDArray[np.int64]
    watches: NDArray[np.int64]
    states: NDArray[Any]
    lost: int


def judge_ordinary(
    readings: Readings, by_watch: Grouped, states: NDArray[Any], found: tuple[NDArray[Any], NDArray[Any]]
) -> Ordinary:
    """Write verdicts and flags of the ordinary watches' rows into `found`.

    `states`: a copy of each watch's row, shape (g,), which becomes what it is after the batch.
    """
    columns = Columns.of(readings, by_watch.order)
    is_known = (states["bits"] & (RUN | BEGAN | SPILLED)) == RUN | BEGAN
    is_known &= states["through"] <= states["top"]
    is_closed = states["through"] == states["top"]
    opening = open_counts(states, by_watch.starts, columns, by_watch.spread(states["top"].astype(np.int64)))
    is_known[opening.groups] = True
    is_closed[opening.groups] = opening.is_closed
    fits, is_new, is_pending = _fit(states, by_watch, columns, (is_closed, opening.places))
    ordinary = np.logical_and.reduceat(fits, by_watch.starts)
    ordinary &= is_known
    verdicts, flags = found
    if not is_new.all():  # new is what stands there already
        rows = np.flatnonzero(by_watch.spread(ordinary) & ~is_new)
        verdicts[by_watch.order[rows]] = np.where(is_pending[rows], Verdict.DUPLICATE_PENDING, Verdict.DUPLICATE)
    opened = ordinary[opening.groups]
    flags[by_watch.order[opening.places[opened]]] = opening.flags[opened]
    lost = int(opening.lost[opened].sum())
    if ordinary.all():
        return Ordinary(by_watch.order[:0], by_watch.watches, states, lost)
    rest = by_watch.order[~by_watch.spread(ordinary)]
    rest.sort()
    chosen = np.flatnonzero(ordinary)
    return Ordinary(rest, by_watch.watches[chosen], states.take(chosen), lost)


def _fit(
    states: NDArray[Any],
    by_watch: Grouped,
    columns: Columns,
    opened: tuple[NDArray[np.bool_], NDArray[np.int64]],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows are ordinary, are new, and if not, were met in this batch first; `states` becomes what it is after.

    `opened`: which watches have no open gap, and the places of the rows that opened a count or a gap.
    """
    seq, raw_ms, spread = columns.seq, columns.raw_time_ms, by_watch.spread
    is_closed, openings = opened
    top_before = states["top"].astype(np.int64)
    top, last_top = highest(seq, by_watch, SEQ_BITS, top_before)
    raw_key = np.clip(raw_ms + 1, 0, LARGEST_RAW_MS + 1)
    newest, last_newest = highest(raw_key, by_watch, RAW_BITS, states["newest_raw_ms"] + 1)
    is_new = seq > top
    earlier_ms, last_time_ms = _time_of_top(columns.time_ms, is_new, by_watch, states["top_time_ms"])
    fits = columns.boot == spread(states["boot"])
    fits &= (raw_ms <= LARGEST_RAW_MS) & (raw_ms >= -1)
    for emergency in EMERGENCY_KINDS:
        fits &= columns.kind != emergency
    if len(by_watch.starts) > MOST_GROUPS:
        fits &= by_watch.group < MOST_GROUPS
    is_next = (seq == top + 1) & (columns.time_ms >= earlier_ms - CLOCK_SET_MS)
    is_pending = seq > spread(top_before)
    if is_closed.all():
        resent = (seq >= spread(states["low"])) & (raw_ms < newest)
    else:
        fills = _fill(states, by_watch, columns, is_closed)
        is_new |= fills.is_new
        gives_up = (columns.oldest <= seq) & (columns.oldest - 1 > fills.through) & ~spread(is_closed)
        gives_up[openings] = False  # reckoned with when it was opened
        is_next = np.where(fills.is_new, fills.is_next, is_next & ~gives_up)
        resent = fills.is_known & (raw_ms < newest)
        is_pending = np.where(fills.is_below, fills.is_pending, is_pending)
    fits &= is_next if is_new.all() else np.where(is_new, is_next, resent)
    arrival_ms = np.where(is_new, columns.arrival_ms, 0)
    touched_ms = np.maximum.reduceat(arrival_ms, by_watch.starts)
    np.maximum(states["touched_ms"], touched_ms, out=states["touched_ms"])
    states["top"] = last_top
    states["newest_raw_ms"] = last_newest - 1
    states["top_time_ms"] = last_time_ms
    is_closed |= states["low"] == 1  # the gap was filled
    states["through"] = np.where(is_closed, last_top, states["through"])
    return fits, is_new, is_pending


class _Fills(NamedTuple):
    """Of each row, shape (n,): what it is to the gap of its watch.

    `is_below`: it lies below the interval that ends at the top. `is_new`: it fills the gap; `is_next`: in order.
    `is_known`: it was there already; `is_pending`: by this batch. `through`: without a gap, before it.
    """

    is_below: NDArray[np.bool_]
    is_new: NDArray[np.bool_]
    is_next: NDArray[np.bool_]
    is_known: NDArray[np.bool_]
    is_pending: NDArray[np.bool_]
    through: NDArray[np.int64]


def _fill(states: NDArray[Any], by_watch: Grouped, columns: Columns, is_closed: NDArray[np.bool_]) -> _Fills:
    """Fill the one gap of a watch from below, seq by seq: a backlog that comes in order."""
    seq, spread = columns.seq, by_watch.spread
    can_fill = ~is_closed & (states["under"] == states["through"]) & ((states["bits"] & SIDE) == 0)
    low, through_before = states["low"].astype(np.int64), states["through"].astype(np.int64)
    is_below = seq < spread(low)
    through, last = highest(np.where(is_below, seq, 0), by_watch, SEQ_BITS, through_before)
    is_filling = is_below & spread(can_fill)
    is_filled = can_fill & (last == low - 1)
    states["through"] = np.where(can_fill, last, through_before)
    states["under"] = np.where(is_filled, 0, np.where(can_fill, last, states["under"]))
    states["low"] = np.where(is_filled, 1, low)
    return _Fills(
        is_below,
        is_filling & (seq > through),
        seq == through + 1,
        ~is_below | (is_filling & (seq <= through)),
        seq > spread(through_before),
        np.where(spread(can_fill) & (through == spread(low) - 1), UINT32_MAX, through),
    )


def highest(
    values: NDArray[np.int64], by_watch: Grouped, bits: int, floor: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each watch the running maximum before each row, shape (n,), and after the last, shape (g,)."""
    if len(by_watch.starts) == len(by_watch.order):
        return floor, np.maximum(values, floor)
    base = by_watch.group << bits
    running = np.maximum.accumulate(base | values)
    before = np.empty_like(running)
    before[0] = -1
    before[1:] = running[:-1]
    before -= base  # negative where the row before is another watch's
    last = running[by_watch.ends] & ((1 << bits) - 1)
    return np.maximum(before, by_watch.spread(floor)), np.maximum(last, floor)


def _time_of_top(
    time_ms: NDArray[np.int64], is_new: NDArray[np.bool_], by_watch: Grouped, before_ms: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Time of the highest seq: before each row, shape (n,), and of each watch after the batch, shape (g,)."""
    if len(by_watch.starts) == len(by_watch.order):
        return before_ms, np.where(is_new, time_ms, before_ms)
    newest = np.maximum.accumulate(np.where(is_new, np.arange(len(time_ms)), -1))
    earlier = np.empty_like(newest)
    earlier[0] = -1
    earlier[1:] = newest[:-1]
    in_batch = earlier >= by_watch.spread(by_watch.starts)
    last = newest[by_watch.ends]
    return (
        np.where(in_batch, time_ms[earlier], by_watch.spread(before_ms)),
        np.where(last >= by_watch.starts, time_ms[last], before_ms),
    )
