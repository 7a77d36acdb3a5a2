"""Judges by columns what nearly all readings are: the next of their watch's count, or a resend of it.

A watch is ordinary in a batch if each of its readings is of its newest boot (or it is heard for the first time), is no
emergency, and is the next seq after the highest, or one of the interval that ends there with a time not newer than
the newest; no clock step, nothing newly given up. All others are judged reading by reading (seen_open.py), and by the
same rules: what stands here are those rules for this case alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ingest.normalise.boot_run import CLOCK_SET_MS, SEQ_JUMP
from ingest.normalise.seen_columns import BEGAN, RUN, SPILLED, UINT32_MAX
from ingest.normalise.seen_kept import NO_TIME_MS
from ingest.normalise.verdict import Verdict
from ingest.reading import EMERGENCY_KINDS, Flag

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
    """`rest`: rows to be judged one by one, rising. `watches`, `states`: what became of the others, by watch."""

    rest: NDArray[np.int64]
    watches: NDArray[np.int64]
    states: NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Before:
    """Each watch before the batch, shape (g,); of one heard for the first time, as if it had counted to its first."""

    known: NDArray[np.bool_]
    fresh: NDArray[np.bool_]
    boot: NDArray[np.int64]
    low: NDArray[np.int64]
    top: NDArray[np.int64]
    through: NDArray[np.int64]
    is_closed: NDArray[np.bool_]
    raw_ms: NDArray[np.int64]
    time_ms: NDArray[np.int64]
    lost: NDArray[np.int64]
    flags: NDArray[np.uint32]


def judge_ordinary(
    readings: Readings, by_watch: Grouped, states: NDArray[Any], found: tuple[NDArray[Any], NDArray[Any]]
) -> Ordinary:
    """Write verdicts and flags of the ordinary watches' rows into `found`; `states`: of each watch, shape (g,)."""
    order, group = by_watch.order, by_watch.group
    seq, raw_ms, time_ms = (readings[name][order] for name in ("seq", "raw_time_ms", "time_ms"))
    oldest, boot, kind = (readings[name][order] for name in ("oldest", "boot", "kind"))
    before = _before(states, seq[by_watch.starts], oldest[by_watch.starts], boot[by_watch.starts])
    top, last_top = _highest(seq, group, SEQ_BITS, before.top)
    raw_key = np.clip(raw_ms + 1, 0, LARGEST_RAW_MS + 1)
    newest, last_newest = _highest(raw_key, np.minimum(group, MOST_GROUPS), RAW_BITS, before.raw_ms + 1)
    is_new = seq > top
    earlier_ms, last_time_ms = _time_of_top(time_ms, is_new, by_watch, before.time_ms)
    resent = (seq >= before.low[group]) & (raw_ms < newest)
    is_next = (seq == top + 1) & (time_ms >= earlier_ms - CLOCK_SET_MS)
    gives_up = (oldest <= seq) & (oldest - 1 > before.through[group]) & ~before.is_closed[group]
    gives_up[by_watch.starts[before.fresh]] = False  # reckoned with in `before`
    fits = (boot == before.boot[group]) & (raw_ms <= LARGEST_RAW_MS) & (raw_ms >= -1) & (group < MOST_GROUPS)
    for emergency in EMERGENCY_KINDS:
        fits &= kind != emergency
    fits &= np.where(is_new, is_next & ~gives_up, resent)
    ordinary = np.logical_and.reduceat(fits, by_watch.starts) & (before.known | before.fresh)
    chosen = ordinary[group]
    verdicts, flags = found
    pending = np.where(seq > before.top[group], Verdict.DUPLICATE_PENDING, Verdict.DUPLICATE)
    verdicts[order[chosen]] = np.where(is_new, Verdict.NEW, pending)[chosen]
    flags[order[by_watch.starts[ordinary]]] = before.flags[ordinary]
    arrival_ms = np.where(is_new, readings["arrival_ms"][order], 0)
    touched_ms = np.maximum.reduceat(arrival_ms, by_watch.starts)
    after = _after(states, before, (last_top, last_newest - 1, last_time_ms, touched_ms))
    after["began_ms"] = np.where(before.fresh, time_ms[by_watch.starts], after["began_ms"])
    rest = order[~chosen]
    rest.sort()
    return Ordinary(rest, by_watch.watches[ordinary], after[ordinary])


def _before(
    states: NDArray[Any], seq: NDArray[np.int64], oldest: NDArray[np.int64], boot: NDArray[np.int64]
) -> _Before:
    """`seq`, `oldest`, `boot`: of each watch's first reading in the batch."""
    bits = states["bits"]
    fresh = ((bits & (RUN | BEGAN)) == 0) & (states["older"] == 0)
    column = {name: states[name].astype(np.int64) for name in ("boot", "low", "top", "through")}
    known = (bits & (RUN | BEGAN | SPILLED)) == RUN | BEGAN
    known &= column["through"] <= column["top"]
    reached = np.where(seq == 1, 1, 0)
    gives_up = (oldest <= seq) & (oldest - 1 > reached)
    jumped = gives_up & (oldest - reached > SEQ_JUMP)
    reached_by_first = np.where(gives_up, np.where(oldest == seq, seq, oldest - 1), reached)
    through = np.where(fresh, reached_by_first, column["through"])
    top = np.where(fresh, seq - 1, column["top"])
    return _Before(
        known,
        fresh,
        np.where(fresh, boot, column["boot"]),
        np.where(fresh, seq, column["low"]),
        top,
        through,
        through == np.where(fresh, seq, top),
        np.where(fresh, -1, states["newest_raw_ms"]),
        np.where(fresh, NO_TIME_MS, states["top_time_ms"]),
        np.where(fresh & gives_up & ~jumped, oldest - 1 - reached, 0),
        np.where(fresh & (jumped | (seq > SEQ_JUMP)), np.uint32(Flag.SEQ_JUMP), np.uint32(0)).astype(np.uint32),
    )


def _highest(
    values: NDArray[np.int64], group: NDArray[np.int64], bits: int, floor: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each watch the running maximum before each row, shape (n,), and after the last, shape (g,)."""
    base = group << bits
    running = np.maximum.accumulate(base | values)
    before = np.empty_like(running)
    before[0] = -1
    before[1:] = running[:-1]
    before -= base  # negative where the row before is another watch's
    ends = np.flatnonzero(np.append(group[1:] != group[:-1], True))
    last = running[ends] - base[ends]
    if len(ends) < len(floor):  # the watches beyond `MOST_GROUPS` share one group
        last = np.append(last, np.zeros(len(floor) - len(ends), np.int64))
    return np.maximum(before, floor[group]), np.maximum(last, floor)


def _time_of_top(
    time_ms: NDArray[np.int64], is_new: NDArray[np.bool_], by_watch: Grouped, before_ms: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Time of the highest seq: before each row, shape (n,), and of each watch after the batch, shape (g,)."""
    newest = np.maximum.accumulate(np.where(is_new, np.arange(len(time_ms)), -1))
    earlier = np.empty_like(newest)
    earlier[0] = -1
    earlier[1:] = newest[:-1]
    in_batch = earlier >= by_watch.starts[by_watch.group]
    last = newest[by_watch.ends]
    return (
        np.where(in_batch, time_ms[earlier], before_ms[by_watch.group]),
        np.where(last >= by_watch.starts, time_ms[last], before_ms),
    )


def _after(states: NDArray[Any], before: _Before, last: tuple[NDArray[np.int64], ...]) -> NDArray[Any]:
    """`last`: top, newest raw time, time of the top and arrival of the newest, of each watch."""
    top, raw_ms, time_ms, touched_ms = last
    after = states.copy()
    after["boot"], after["low"], after["top"] = before.boot, before.low, top
    after["through"] = np.where(before.is_closed, top, before.through)
    after["newest_raw_ms"], after["top_time_ms"] = raw_ms, time_ms
    after["touched_ms"] = np.maximum(touched_ms, states["touched_ms"])
    after["lost"] = np.minimum(states["lost"] + before.lost, UINT32_MAX)
    after["bits"] |= RUN | BEGAN
    return after
