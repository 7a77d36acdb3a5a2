"""Clocks that are absurd: before 2020, or more than 2 min ahead of the arrival.

A time between the arrival and 2 min ahead of it stays as the watch said it: the engine counts it as the arrival
(RULES.md section 3), and only there, so that the log keeps the better knowledge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.reading import Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.reading import Readings

EARLIEST_MS = 1_577_836_800_000
"""2020-01-01T00:00:00Z."""
AHEAD_MS = 120_000
LONGEST_STEP_MS = 24 * 3600 * 1000
"""Between two readings of one message; a clock that says more has been set in between."""


def repair_clock(readings: Readings, messages: NDArray[np.int64]) -> Readings:
    """Give absurd times another, from arrival and seq; `raw_time_ms` keeps the watch's word.

    `messages`: for each row the number of the message it came in, shape (rows,). Within a message the newest reading
    is taken to have happened on arrival, or just before the next one whose time is good; the ones before it lie as
    far apart as the watch's own clock says, and always in the order of seq.
    """
    raw_ms, arrival_ms = readings["raw_time_ms"], readings["arrival_ms"]
    absurd = (raw_ms >= 0) & ((raw_ms < EARLIEST_MS) | (raw_ms > arrival_ms + AHEAD_MS))
    if not absurd.any():
        return readings
    time_ms = readings["time_ms"].copy()
    for by_seq in _groups(readings, messages, np.isin(messages, messages[absurd])):
        _repair_message(by_seq, readings, absurd, time_ms)
    flags = readings["flags"] | np.where(absurd, np.uint32(Flag.CLOCK_REPAIRED), np.uint32(0))
    return readings.replace(time_ms=time_ms, flags=flags)


def _groups(readings: Readings, messages: NDArray[np.int64], chosen: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Row numbers of each message and watch among the chosen rows, in the order of seq."""
    rows = np.flatnonzero(chosen)
    watch = readings["watch"][rows]
    order = np.lexsort((readings["seq"][rows], watch, messages[rows]))
    rows, watch = rows[order], watch[order]
    starts = (np.diff(messages[rows]) != 0) | (np.diff(watch) != 0)
    return np.split(rows, np.flatnonzero(starts) + 1)


def _repair_message(
    by_seq: NDArray[np.int64], readings: Readings, absurd: NDArray[np.bool_], time_ms: NDArray[np.int64]
) -> None:
    """From the newest to the oldest reading of one watch in one message, writing `time_ms` in place."""
    next_ms, next_raw_ms = int(readings["arrival_ms"][by_seq[-1]]) + 1, None
    for row in by_seq[::-1].tolist():
        if absurd[row]:
            raw_ms = int(readings["raw_time_ms"][row])
            step_ms = 0 if next_raw_ms is None else next_raw_ms - raw_ms
            time_ms[row] = next_ms - (step_ms if 0 < step_ms <= LONGEST_STEP_MS else 1)
            next_raw_ms = raw_ms
        else:
            next_raw_ms = None
        next_ms = min(next_ms, int(time_ms[row]))
