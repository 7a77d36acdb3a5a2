"""How often a watch usually samples, measured: the smaller of the mean intervals of its last two blocks of readings.

A block is four intervals of one lane. One long pause spoils one block, not two, so the smaller mean passes it by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alerts.engine.last_where import NONE, Whole, heads_of, newest_row, pick, row_before, starts_of

if TYPE_CHECKING:
    from alerts.engine.columns import Columns
    from alerts.engine.frame import Frame
    from alerts.engine.settings import EngineSettings
    from ingest.reading import Kind

BLOCK = 4
LONGEST_MS = 1_200_000
"""A watch that samples less often than every 20 min is judged as if it did."""

DEFAULT_MS = 60_000
"""Until measured, where the watch's profile does not say."""

_UNKNOWN = -1


class Intervals:
    """Of one kind's lane, over one batch. Nothing is written before `commit`."""

    def __init__(self, frame: Frame, state: Columns, kind: Kind) -> None:
        self._frame = frame
        name = f"interval.{kind.topic}"
        self._count = state.get(f"{name}.count", np.int32, 0)
        self._anchor = state.get(f"{name}.anchor", np.int64, NONE)
        self._newest = state.get(f"{name}.newest", np.int32, _UNKNOWN)
        self._older = state.get(f"{name}.older", np.int32, _UNKNOWN)
        rows = np.flatnonzero((frame.kind == kind) & frame.on_time)
        head = heads_of(frame.start[rows])
        first = starts_of(head)
        carried = np.where(frame.fresh[rows], 0, self._count[frame.watch[rows]])[first]
        self._rows = rows
        self._ordinal: Whole = carried + np.arange(len(rows)) - first
        self._ends = rows[self._ordinal % BLOCK == 0]
        self._measure(self._ordinal[self._ordinal % BLOCK == 0])

    def _measure(self, ordinal: Whole) -> None:
        """Mean interval at each end of a block, and the one before it."""
        frame, ends = self._frame, self._ends
        watch, time = frame.watch[ends], frame.time[ends]
        head = heads_of(watch)
        before = np.where(head, self._anchor[watch], np.roll(time, 1))
        mean = np.where(ordinal > 0, np.minimum((time - before) // BLOCK, LONGEST_MS), _UNKNOWN)
        known, start = mean != _UNKNOWN, starts_of(head)
        last, before_it = newest_row(known, start), row_before(known, start)
        second = np.where(last >= 0, before_it[last], -1)
        self._means = pick(last, mean, self._newest[watch])
        self._olds = np.where(last >= 0, pick(second, mean, self._newest[watch]), self._older[watch])

    def usual_ms(self, rows: Whole, settings: EngineSettings) -> Whole:
        """The usual interval as known at each of `rows` (frame rows, shape (n,))."""
        watch = self._frame.watch[rows]
        at = np.searchsorted(self._ends, rows, side="right") - 1
        if len(self._ends):
            is_here = (at >= 0) & (self._frame.watch[self._ends[at]] == watch)
            newest = np.where(is_here, self._means[at], self._newest[watch])
            older = np.where(is_here, self._olds[at], self._older[watch])
        else:
            newest, older = self._newest[watch], self._older[watch]
        told_ms = settings.fact("interval_s", watch) * 1000.0
        default = np.where(np.isnan(told_ms), DEFAULT_MS, np.minimum(told_ms, LONGEST_MS)).astype(np.int64)
        measured = np.where(older == _UNKNOWN, newest, np.minimum(newest, older))
        return np.where(newest == _UNKNOWN, default, measured).astype(np.int64)

    def commit(self) -> None:
        """Write the state back."""
        frame = self._frame
        self._count[frame.watch[self._rows]] = (self._ordinal + 1) % (1 << 30)
        watch = frame.watch[self._ends]
        self._anchor[watch] = frame.time[self._ends]
        self._newest[watch], self._older[watch] = self._means, self._olds
        # After a clock set back an anchor on the old scale measures nothing: count begins again.
        last = frame.start[frame.tail & frame.fresh]
        for start in last.tolist():
            if not np.any(self._rows[frame.watch[self._rows] == frame.watch[start]] >= start):
                self._count[frame.watch[start]] = 0
