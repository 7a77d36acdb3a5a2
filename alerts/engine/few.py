"""The few rows on which level rules have to be worked: one table of (rule, watch, row)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alerts.engine.heard import heard_column
from alerts.engine.intervals import Intervals
from alerts.engine.last_where import NONE, Mask, Whole, heads_of, pick, row_before, starts_of
from alerts.engine.levels import RULE_BITS
from alerts.rules.rule import LEAST_MAX_GAP_MS, Mode, Rule

if TYPE_CHECKING:
    from alerts.engine.conditions import Conditions
    from alerts.engine.levels import Levels
    from alerts.engine.state import State
    from ingest.reading import Kind


class Few:
    """Columns of the table, shape (few,) each, ordered by (rule, watch, log).

    `set_class`: +1 `when` is true, -1 a known opposite, 0 unknown or late; `clear_class` the same of `clear`.
    `expired`: before this row nothing was heard for `expire`, which was over at `expired_at` (counted).
    """

    def __init__(self, conditions: Conditions, state: State) -> None:
        self.conditions = conditions
        self._frame = conditions.frame
        self._rules = conditions.settings.of_mode(Mode.LEVEL)
        self._state = state
        self.intervals = {
            kind: Intervals(self._frame, state.columns, kind)
            for kind in sorted({rule.on for _, rule in self._rules if rule.on is not None and rule.max_gap_ms < 0})
        }
        chosen = self._choose(state.levels)
        self.rule: Whole = np.concatenate([np.full(len(rows), number) for number, _, rows in chosen] or [_nothing()])
        self.row: Whole = np.concatenate([rows for _, _, rows in chosen] or [_nothing()])
        self.set_class, self.clear_class, self.max_gap_ms = _nothing(), _nothing(), _nothing()
        if len(self.row):
            parts = [self._classes(rule, rows) for _, rule, rows in chosen]
            self.set_class, self.clear_class, self.max_gap_ms = (
                np.concatenate(part) for part in zip(*parts, strict=True)
            )
        self._describe()

    def _choose(self, levels: Levels) -> list[tuple[int, Rule, Whole]]:
        """(number, rule, rows) of each rule that has work."""
        frame = self._frame
        tails = np.flatnonzero(frame.tail)
        held = levels.entries_of(frame.watch[tails])
        of_watch = np.cumsum(frame.watch_start == np.arange(len(frame))) - 1
        chosen = []
        for number, rule in self._rules:
            here = frame.kind == rule.on
            hit = here & frame.on_time & self._when(rule)
            mine = held[(held & ((1 << RULE_BITS) - 1)) == number] >> RULE_BITS
            if not len(mine) and not hit.any():
                continue
            hot = np.zeros(len(tails), np.bool_)
            hot[of_watch[hit]] = True
            hot[np.searchsorted(frame.watch[tails], mine)] = True
            chosen.append((number, rule, np.flatnonzero(hot[of_watch] & (here | frame.clock_set))))
        return chosen

    def _when(self, rule: Rule) -> Mask:
        if rule.when is None:
            raise ValueError(f"level rule {rule.name} has no condition")
        return self.conditions.truth(rule.when).true

    def _classes(self, rule: Rule, rows: Whole) -> tuple[Whole, Whole, Whole]:
        frame = self._frame
        if rule.when is None or rule.clear is None or rule.on is None:
            raise ValueError(f"level rule {rule.name} has no condition or no kind")
        when, clear = self.conditions.truth(rule.when), self.conditions.truth(rule.clear)
        counts = frame.on_time[rows] & (frame.kind[rows] == rule.on)
        is_set = when.true[rows] & counts
        is_clear = clear.true[rows] & ~when.true[rows] & counts
        is_no = (when.false[rows] & counts) | is_clear
        is_kept = (clear.false[rows] & counts) | is_set
        return (
            is_set.astype(np.int64) - is_no,
            is_clear.astype(np.int64) - is_kept,
            self._gaps(rule, rule.on, rows),
        )

    def _gaps(self, rule: Rule, kind: Kind, rows: Whole) -> Whole:
        if rule.max_gap_ms >= 0:
            return np.full(len(rows), rule.max_gap_ms)
        usual = self.intervals[kind].usual_ms(rows, self.conditions.settings)
        return np.asarray(np.maximum(LEAST_MAX_GAP_MS, np.floor(rule.gap_intervals * usual)), np.int64)

    def _describe(self) -> None:
        frame, row = self._frame, self.row
        self.watch: Whole = frame.watch[row]
        self.time: Whole = frame.time[row]
        self.counted: Whole = frame.counted[row]
        self.clock_set: Mask = frame.clock_set[row]
        numbers = self.rule
        rules = self.conditions.settings.rules
        self.hold_ms: Whole = np.array([rule.hold_ms for rule in rules], np.int64)[numbers]
        self.clear_hold_ms: Whole = np.array([rule.clear_hold_ms for rule in rules], np.int64)[numbers]
        self.expire_ms: Whole = np.array([rule.expire_ms for rule in rules], np.int64)[numbers]
        self.reopen_within_ms: Whole = np.array([rule.reopen_within_ms for rule in rules], np.int64)[numbers]
        heard = np.full(len(row), NONE)
        own = np.zeros(len(row), np.bool_)
        for number, rule in self._rules:
            mine = numbers == number
            if rule.on is not None and mine.any():
                heard[mine] = heard_column(self._state.columns, rule.on)[self.watch[mine]]
                own[mine] = frame.kind[row[mine]] == rule.on
        start = starts_of(heads_of((self.watch << RULE_BITS) | numbers))
        before = pick(row_before(own, start), self.counted, heard)
        self.expired_at: Whole = before + self.expire_ms
        self.next_due: Whole = np.where(before == NONE, self.counted + self.expire_ms, self.expired_at)
        self.expired: Mask = (before != NONE) & (self.counted >= self.expired_at)


def _nothing() -> Whole:
    return np.empty(0, np.int64)
