"""Log time, and the part of it that counts.

Timers run on counted time: log time less all deaf time (RULES.md section 3). So a deadline is a plain number that
never moves, whatever steps or absences come between; only when it fires is it turned back into log time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from alerts.engine.last_where import NONE, Whole
from ingest.log.contract import RecordKind

if TYPE_CHECKING:
    from ingest.log.contract import Record

HOLD_BACK_MS = 120_000
"""After deaf time, absence waits so long for the backlog."""

KEPT_MS = 172_800_000
"""Deaf times are remembered so long, to count the age of old events (48 h)."""


@dataclass(slots=True)
class LogTime:
    """`log_ms`: running maximum of arrival; `deaf_ms`: how much of it was deaf in all.

    `starts`, `ends`: recent deaf times in log time, since the last step of the wall clock. `holds`: (start, end) in
    counted time of the times in which a backlog may still be coming in; those that meet are one.
    """

    log_ms: int = NONE
    deaf_ms: int = 0
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    holds: list[tuple[int, int]] = field(default_factory=list)
    recent: list[tuple[int, int]] = field(default_factory=list)
    """(counted ms, length ms) of the deaf times within the record at hand."""

    @property
    def counted_ms(self) -> int:
        """Log time that counts."""
        return self.log_ms - self.deaf_ms

    def advance(self, record: Record, arrival: Whole, deaf_gap_ms: int) -> tuple[Whole, Whole]:
        """Move to the end of `record`; log and counted time at each of its rows (`arrival`, shape (rows,))."""
        self.recent = []
        first = int(arrival[0]) if len(arrival) else record.log_time_ms
        if self.log_ms == NONE:
            self.log_ms = first
        self._forget()
        if record.kind is RecordKind.CLOCK_STEP:
            return self._step(record.log_time_ms, record.step_ms)
        log = np.maximum.accumulate(np.concatenate(([self.log_ms], arrival, [record.log_time_ms])))
        steps = np.diff(log)
        deaf = np.where(steps > deaf_gap_ms, steps, 0)
        if record.deaf:
            deaf[0] = steps[0]
        counted = log[1:] - self.deaf_ms - np.cumsum(deaf)
        if record.deaf and not deaf[0]:
            self._hold_back(int(counted[0]))
        for row in np.flatnonzero(deaf).tolist():
            self._note_deaf(int(log[row]), int(log[row + 1]), int(counted[row]))
        self.log_ms = int(log[-1])
        self.deaf_ms += int(deaf.sum())
        return log[1:-1], counted[:-1]

    def _note_deaf(self, start_ms: int, end_ms: int, counted_ms: int) -> None:
        self.starts.append(start_ms)
        self.ends.append(end_ms)
        self._hold_back(counted_ms)
        self.recent.append((counted_ms, end_ms - start_ms))

    def _hold_back(self, counted_ms: int) -> None:
        start_ms = counted_ms
        if self.holds and counted_ms < self.holds[-1][1]:
            start_ms, _ = self.holds.pop()
        self.holds.append((start_ms, counted_ms + HOLD_BACK_MS))

    def _step(self, log_time_ms: int, step_ms: int) -> tuple[Whole, Whole]:
        counted_ms = self.counted_ms
        self.log_ms = max(self.log_ms + step_ms, log_time_ms)
        self.deaf_ms = self.log_ms - counted_ms
        # Log times before the step are on another scale: no event is measured against them.
        self.starts, self.ends = [], []
        self._hold_back(counted_ms)
        nothing = np.empty(0, np.int64)
        return nothing, nothing

    def _forget(self) -> None:
        counted_ms = self.counted_ms
        self.holds = [hold for hold in self.holds if hold[1] > counted_ms]
        while self.ends and self.ends[0] < self.log_ms - KEPT_MS:
            del self.starts[0], self.ends[0]

    def log_at(self, counted_ms: int) -> int:
        """The log time of a counted time that was reached within the record at hand."""
        later = sum(length for at, length in self.recent if at >= counted_ms)
        return counted_ms + self.deaf_ms - later

    def counted_of(self, event_ms: Whole) -> Whole:
        """Counted time of event times, shape (n,): deaf time before an event is none of its age."""
        if not self.starts:
            return event_ms - self.deaf_ms
        starts, lengths = np.array(self.starts), np.array(self.ends) - np.array(self.starts)
        before = self.deaf_ms - lengths.sum() + np.concatenate(([0], np.cumsum(lengths)[:-1]))
        at = np.searchsorted(starts, event_ms, side="right") - 1
        within = np.minimum(event_ms - starts[at], lengths[at])
        return np.asarray(event_ms - np.where(at >= 0, before[at] + within, before[0]), np.int64)

    def held_back(self, due_ms: Whole) -> Whole:
        """Counted deadlines of absence, moved behind the time in which a backlog may still come in."""
        for start_ms, end_ms in self.holds:
            due_ms = np.where((start_ms < due_ms) & (due_ms < end_ms), end_ms, due_ms)
        return due_ms
