"""Absence: log time is so far beyond the newest event of a watch that someone should ask (RULES.md section 3).

The decision is made once for each silence: it fires, or a known cause calls it off. Only a reading with a newer event
time changes that. A watch met for the first time, or speaking again after a known cause, gets a short time for the
rest of its backlog before its oldest reading may count as a silence.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from alerts.engine.contract import Change, Why
from alerts.engine.last_where import NONE, Mask, Whole, heads_of, running_maximum
from alerts.engine.levels import NEVER
from alerts.engine.log_time import HOLD_BACK_MS
from alerts.rules.rule import Mode, Rule
from ingest.reading import Event

if TYPE_CHECKING:
    from alerts.engine.conditions import Conditions
    from alerts.engine.edges import Edges
    from alerts.engine.settings import EngineSettings
    from alerts.engine.state import State


class Decision(IntEnum):
    """What was made of the silence since the newest event."""

    NONE_YET = 0
    FIRING = 1
    CALLED_OFF = 2


class Silence:
    """State columns of one absent rule, one row a watch.

    `newest`: counted time of the newest event, `newest_ms` the event time; `started`: that of the
    silence decided last; `grace`: counted time before which nothing
    is decided; `cause`: 1 if the newest reading gives a known cause; `resolved`: counted time of the last resolution.
    """

    def __init__(self, rule: Rule, state: State) -> None:
        self.rule = rule
        get, name = state.columns.get, f"absent.{rule.name}"
        self.newest: Whole = get(f"{name}.newest", np.int64, NONE)
        self.newest_ms: Whole = get(f"{name}.newest_ms", np.int64, NONE)
        self.started: Whole = get(f"{name}.started", np.int64, NONE)
        self.grace: Whole = get(f"{name}.grace", np.int64, NONE)
        self.resolved: Whole = get(f"{name}.resolved", np.int64, NONE)
        self.decision = get(f"{name}.decision", np.int8, Decision.NONE_YET)
        self.cause = get(f"{name}.cause", np.int8, 0)

    def due(self, watch: Whole, state: State) -> Whole:
        """Counted time at which the silence of each of `watch` has to be decided."""
        due = np.maximum(self.newest[watch] + self.rule.wait_ms, self.grace[watch])
        return state.time.held_back(due)


class Absence:
    """The absent rules over one batch."""

    def __init__(self, conditions: Conditions, state: State, edges: Edges) -> None:
        self._conditions = conditions
        self._frame = conditions.frame
        self._state = state
        self._edges = edges

    def run(self) -> None:
        """Look at every watch heard, work on those where something is to be decided."""
        for _, rule in self._conditions.settings.of_mode(Mode.ABSENT):
            heard = self._heard(rule)
            rows = np.flatnonzero(heard | self._frame.clock_set)
            if len(rows):
                self._run(rule, Silence(rule, self._state), rows, heard[rows])

    def _heard(self, rule: Rule) -> Mask:
        """Readings that the watch itself sent; `offline` is the broker's word that it is gone."""
        frame = self._frame
        heard = np.asarray(frame.column("event") != Event.OFFLINE)
        return heard if rule.on is None else heard & (frame.kind == rule.on)

    def _run(self, rule: Rule, silence: Silence, rows: Whole, heard: Mask) -> None:
        frame, state = self._frame, self._state
        watch, counted = frame.watch[rows], frame.counted[rows]
        event, at = frame.event[rows], state.time.counted_of(frame.event[rows])
        cause = np.zeros(len(rows), np.bool_) if rule.unless is None else self._conditions.truth(rule.unless).true[rows]
        head = heads_of(watch)
        carried = np.where(head, silence.newest[watch], NONE)
        # Events may lie before counted time's zero, never far: shift them into the range of running_maximum.
        low = min(int(at.min()), int(carried[carried != NONE].min(initial=at.min())))
        newest = running_maximum(np.maximum(at, carried) - low, head) + low
        before = np.where(head, silence.newest[watch], np.roll(newest, 1))
        unusual = (silence.decision[watch] != Decision.NONE_YET) | (before == NONE) | frame.clock_set[rows]
        unusual |= (before != NONE) & (np.maximum(before + rule.wait_ms, silence.grace[watch]) <= counted)
        of_watch = np.cumsum(head) - 1
        hot = np.zeros(int(of_watch[-1]) + 1, np.bool_)
        hot[of_watch[unusual]] = True
        quiet = ~hot[of_watch]
        # By event time: two events within one deaf time have the same counted time, and yet an order.
        is_newest = quiet & (
            event == running_maximum(np.maximum(event, np.where(head, silence.newest_ms[watch], NONE)), head)
        )
        self._note(silence, rows[is_newest], at[is_newest], event[is_newest], cause[is_newest])
        for i in np.flatnonzero(~quiet).tolist():
            self._hear(silence, int(rows[i]), int(at[i]), is_heard=bool(heard[i]), is_cause=bool(cause[i]))
        due = silence.newest[watch] + rule.wait_ms
        self._state.absent_due[rule.name] = min(self._state.absent_due.get(rule.name, NEVER), int(due.min()))

    def _note(self, silence: Silence, rows: Whole, at: Whole, event: Whole, cause: Mask) -> None:
        """Watches that speak as usual: the newest event, and what it says of a cause."""
        watch = self._frame.watch[rows]
        silence.newest[watch] = at
        silence.newest_ms[watch] = event
        silence.cause[watch] = cause

    def _hear(self, silence: Silence, row: int, at_ms: int, *, is_heard: bool, is_cause: bool) -> None:
        """One reading of a watch whose silence is, was, or may have to be decided."""
        frame, rule = self._frame, silence.rule
        watch, counted_ms = int(frame.watch[row]), int(frame.counted[row])
        decide(silence, np.array([watch]), counted_ms, self._state, self._edges)
        newest_ms, event_ms = int(silence.newest_ms[watch]), int(frame.event[row])
        if newest_ms == NONE and not is_heard:
            return  # the clock of a watch was set that never sent this kind
        is_first = newest_ms == NONE or bool(frame.clock_set[row])
        if is_first or event_ms >= newest_ms:
            silence.newest[watch], silence.newest_ms[watch] = at_ms, event_ms
            silence.cause[watch] = is_cause if is_heard else silence.cause[watch]
        decision = Decision(int(silence.decision[watch]))
        if decision is Decision.FIRING:
            if int(silence.newest[watch]) + rule.wait_ms > counted_ms:
                self._heard_again(silence, row)
        elif is_first or (decision is Decision.CALLED_OFF and event_ms > newest_ms):
            silence.decision[watch] = Decision.NONE_YET
            silence.grace[watch] = counted_ms + min(HOLD_BACK_MS, rule.wait_ms)

    def _heard_again(self, silence: Silence, row: int) -> None:
        watch = int(self._frame.watch[row])
        silence.decision[watch] = Decision.NONE_YET
        silence.resolved[watch] = self._frame.counted[row]
        started_ms = int(silence.started[watch])
        self._edges.at_row(silence.rule, Change.RESOLVED, Why.HEARD_AGAIN, started_ms, self._conditions, row)


def decide(silence: Silence, watch: Whole, counted_ms: int, state: State, edges: Edges) -> None:
    """Decide the silences of `watch` (indices) that are due by `counted_ms`; the change is at the deadline itself."""
    rule = silence.rule
    is_open = (silence.newest[watch] != NONE) & (silence.decision[watch] == Decision.NONE_YET)
    due = silence.due(watch, state)
    for i in np.flatnonzero(is_open & (due <= counted_ms)).tolist():
        which, due_ms = int(watch[i]), int(due[i])
        is_called_off = bool(silence.cause[which])
        silence.decision[which] = Decision.CALLED_OFF if is_called_off else Decision.FIRING
        silence.started[which] = silence.newest_ms[which]
        resolved = int(silence.resolved[which])
        edges.add(
            rule,
            Change.CALLED_OFF if is_called_off else Change.FIRING,
            Why.UNLESS if is_called_off else Why.ABSENT,
            which,
            started_ms=int(silence.newest_ms[which]),
            at_ms=state.time.log_at(due_ms),
            event_ms=int(silence.newest_ms[which]),
            reopened=resolved != NONE and due_ms - resolved <= rule.reopen_within_ms,
            inputs={"wait_s": rule.wait_ms / 1000},
        )


def decide_all(state: State, settings: EngineSettings, edges: Edges) -> None:
    """Every absent rule that may have something due by now."""
    counted_ms = state.time.counted_ms
    for _, rule in settings.of_mode(Mode.ABSENT):
        if counted_ms < state.absent_due.get(rule.name, NEVER):
            continue
        silence = Silence(rule, state)
        watch = np.arange(state.columns.watches)
        decide(silence, watch, counted_ms, state, edges)
        is_open = (silence.newest[watch] != NONE) & (silence.decision[watch] == Decision.NONE_YET)
        due = silence.newest[watch][is_open] + rule.wait_ms
        state.absent_due[rule.name] = int(due.min(initial=NEVER))
