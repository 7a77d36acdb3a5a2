"""Runs of known readings: consecutive ones that say yes, ended by one that says no, by a reset, or by a gap."""

from __future__ import annotations

from typing import NamedTuple

from alerts.engine.last_where import NONE, Mask, Whole, newest_row, pick, row_before


class Runs(NamedTuple):
    """Columns over the rows, shape (rows,).

    `start`, `last`: of the run as of this row (meaningful where `alive`); `alive_before`, `start_before`: as of the row
    before. `begun`: a run begins here. `met`: a reading that says yes, at the end of a run long enough.
    """

    start: Whole
    last: Whole
    alive: Mask
    alive_before: Mask
    start_before: Whole
    begun: Mask
    met: Mask
    broken_by_opposite: Mask
    broken_by_gap: Mask


def runs_of(  # noqa: PLR0913, PLR0917 - columns of one table, and what is carried into it
    told: Whole,
    reset: Mask,
    time: Whole,
    max_gap_ms: Whole,
    least_ms: Whole,
    segment: Whole,
    carried_start: Whole,
    carried_last: Whole,
) -> Runs:
    """The runs. `told`: +1 yes, -1 no, 0 unknown; `reset`: whatever ran has ended before this row is looked at."""
    yes, counts = told > 0, (told != 0) | reset
    before, now = row_before(counts, segment), newest_row(counts, segment)
    alive_before = pick(before, yes, carried_start != NONE)
    last_before = pick(before, time, carried_last)
    gap = yes & alive_before & ~reset & (time - last_before > max_gap_ms)
    begun = yes & (~alive_before | reset | gap)
    start = pick(newest_row(begun, segment), time, carried_start)
    start_before = pick(row_before(begun, segment), time, carried_start)
    return Runs(
        start=start,
        last=pick(newest_row(yes, segment), time, carried_last),
        alive=pick(now, yes, carried_start != NONE),
        alive_before=alive_before,
        start_before=start_before,
        begun=begun,
        met=yes & (time - start >= least_ms),
        broken_by_opposite=alive_before & ~reset & (told < 0),
        broken_by_gap=gap,
    )
