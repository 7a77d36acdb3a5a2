"""Level rules: from T and F to pending, firing, resolved (RULES.md section 4).

Look at everybody, work on few: only watches where T is somewhere true, or that hold state, come into the table of
(rule, watch, row); one set scan, one clear scan and one latch serve all rules at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alerts.engine.contract import Change, Why
from alerts.engine.last_where import NONE, Mask, Whole, heads_of, newest_row, pick, row_before, starts_of
from alerts.engine.levels import key_of
from alerts.engine.runs import Runs, runs_of

if TYPE_CHECKING:
    from alerts.engine.edges import Edges
    from alerts.engine.few import Few
    from alerts.engine.levels import Levels
    from alerts.engine.log_time import LogTime
    from alerts.engine.settings import EngineSettings


class Lifecycle:
    """One pass over the few rows of a batch."""

    def __init__(self, few: Few, levels: Levels, settings: EngineSettings) -> None:
        self._few = few
        self._levels = levels
        self._settings = settings
        self._keys = key_of(few.watch, few.rule)
        self._head = heads_of(self._keys)
        self._start = starts_of(self._head)
        self._heads = np.flatnonzero(self._head)
        # The carry of a segment stands at every one of its rows.
        within = np.cumsum(self._head) - 1
        held = levels.read(self._keys[self._heads])
        self._carry = {name: values[within] for name, values in held.items()}
        self._set = self._runs("set", few.set_class, few.hold_ms)
        self._clear = self._runs("clear", few.clear_class, few.clear_hold_ms)
        self._latch()

    def _runs(self, name: str, told: Whole, least_ms: Whole) -> Runs:
        few, carry = self._few, self._carry
        return runs_of(
            told,
            few.expired | few.clock_set,
            few.time,
            few.max_gap_ms,
            least_ms,
            self._start,
            carry[f"{name}_start"],
            carry[f"{name}_last"],
        )

    def _latch(self) -> None:
        """Firing is whichever of fire and met came last; what has expired is off before its row is looked at."""
        fire, met, expired = self._set.met, self._clear.met, self._few.expired
        decisive = fire | met | expired
        is_carried = self._carry["alert"] != NONE
        self._on_after = pick(newest_row(decisive, self._start), fire, is_carried)
        self._on_before = pick(row_before(decisive, self._start), fire, is_carried)
        is_still_on = self._on_before & ~expired
        self._rise: Mask = fire & ~is_still_on
        self._fall: Mask = met & is_still_on
        alert = self._carry["alert"]
        self._alert_before = pick(row_before(self._rise, self._start), self._set.start, alert)
        self._alert_after = pick(newest_row(self._rise, self._start), self._set.start, alert)
        ended = self._fall | (expired & self._on_before)
        ended_at = np.where(self._fall, self._few.counted, self._few.expired_at)
        self._resolved = pick(newest_row(ended, self._start), ended_at, self._carry["resolved"])

    def tell(self, edges: Edges, time: LogTime) -> None:
        """The transitions, row by row."""
        few, runs = self._few, self._set
        was_pending = runs.alive_before & ~self._on_before
        self._broken = was_pending & (few.expired | few.clock_set | runs.broken_by_opposite | runs.broken_by_gap)
        self._begun = runs.begun & ~self._on_after & (few.hold_ms > 0)
        expired = few.expired & self._on_before
        for i in np.flatnonzero(expired | self._broken | self._begun | self._rise | self._fall).tolist():
            if expired[i] or (self._broken[i] and few.expired[i]):
                self._tell_expiry(edges, time, i)
            elif self._broken[i]:
                self._tell_broken(edges, i)
            self._tell_change(edges, i)

    def _tell_expiry(self, edges: Edges, time: LogTime, i: int) -> None:
        is_on = bool(self._on_before[i])
        edges.add(
            self._settings.rules[int(self._few.rule[i])],
            Change.RESOLVED if is_on else Change.BROKEN,
            Why.NO_READINGS,
            int(self._few.watch[i]),
            started_ms=int(self._alert_before[i] if is_on else self._set.start_before[i]),
            at_ms=time.log_at(int(self._few.expired_at[i])),
        )

    def _tell_broken(self, edges: Edges, i: int) -> None:
        why = Why.OPPOSITE if self._set.broken_by_opposite[i] else Why.GAP
        if self._few.clock_set[i]:
            why = Why.CLOCK_SET
        self._at_row(edges, i, Change.BROKEN, why, int(self._set.start_before[i]))

    def _tell_change(self, edges: Edges, i: int) -> None:
        if self._rise[i]:
            self._tell_firing(edges, i)
        elif self._fall[i]:
            self._at_row(edges, i, Change.RESOLVED, Why.CLEARED, int(self._alert_before[i]))
        elif self._begun[i]:
            self._at_row(edges, i, Change.PENDING, Why.RUN_BEGAN, int(self._set.start[i]))

    def _tell_firing(self, edges: Edges, i: int) -> None:
        # Expiry in this very row is a resolution too, so `_resolved` as of this row; a fall never shares a row.
        resolved, rule = int(self._resolved[i]), self._settings.rules[int(self._few.rule[i])]
        is_reopened = resolved != NONE and int(self._few.counted[i]) - resolved <= rule.reopen_within_ms
        self._at_row(edges, i, Change.FIRING, Why.HELD, int(self._set.start[i]), reopened=is_reopened)

    def _at_row(self, edges: Edges, i: int, change: Change, why: Why, started_ms: int, **more: bool) -> None:
        rule = self._settings.rules[int(self._few.rule[i])]
        edges.at_row(rule, change, why, started_ms, self._few.conditions, int(self._few.row[i]), **more)

    def commit(self) -> None:
        """Write what holds at the end of each segment back into the table."""
        tail = np.append(self._heads[1:], len(self._keys)) - 1
        is_on, lives = self._on_after[tail], self._set.alive[tail]
        # Without an alert a clear run means nothing: dropping it is what lets quiet watches carry no state.
        clears = self._clear.alive[tail] & is_on
        few = self._few
        resolved, reopen_ms = self._resolved[tail], few.reopen_within_ms[tail]
        is_old = (few.counted[tail] - resolved > reopen_ms) | (resolved == NONE)
        self._levels.write(
            self._keys[tail],
            {
                "set_start": np.where(lives, self._set.start[tail], NONE),
                "set_last": np.where(lives, self._set.last[tail], NONE),
                "clear_start": np.where(clears, self._clear.start[tail], NONE),
                "clear_last": np.where(clears, self._clear.last[tail], NONE),
                "alert": np.where(is_on, self._alert_after[tail], NONE),
                "resolved": np.where(is_old, NONE, resolved),
            },
        )
        due = np.minimum(few.next_due[tail], few.counted[tail] + reopen_ms)
        self._levels.next_due = min(self._levels.next_due, int(due.min(initial=self._levels.next_due)))
