"""Event rules: each reading where `when` is true is an occurrence, also when it is late.

An emergency is at stake here, so the default of every doubt is to alert: only a reading that is known to call off,
and that is not older than what it would call off, does so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alerts.engine.contract import Change, Why
from alerts.engine.episodes import Episode, Phase
from alerts.rules.rule import Mode, Rule

if TYPE_CHECKING:
    from alerts.engine.conditions import Conditions
    from alerts.engine.edges import Edges
    from alerts.engine.last_where import Mask
    from alerts.engine.state import State
    from alerts.rules.tree import Node


class Events:
    """The event rules of one batch. Occurrences are few: they are taken one by one."""

    def __init__(self, conditions: Conditions, state: State, edges: Edges) -> None:
        self._conditions = conditions
        self._frame = conditions.frame
        self._state = state
        self._edges = edges

    def run(self) -> None:
        """Every rule, watch by watch, in the order of the log."""
        for number, rule in self._conditions.settings.of_mode(Mode.EVENT):
            here = self._frame.kind == rule.on
            if not here.any():
                continue
            occurs = here & self._true(rule.when)
            calls_off = here & self._true(rule.unless)
            if calls_off.any():
                concerned = [*self._state.episodes.watches_of(number), *self._frame.watch[occurs].tolist()]
                calls_off &= np.isin(self._frame.watch, np.array(concerned, np.int64))
            sooner = self._true(rule.sooner)
            for row in np.flatnonzero(occurs | calls_off).tolist():
                self._at(number, rule, row, occurs=bool(occurs[row]), sooner=bool(sooner[row]))
                if calls_off[row]:
                    self._call_off(number, rule, row)

    def _true(self, node: Node | None) -> Mask:
        return np.zeros(len(self._frame), np.bool_) if node is None else self._conditions.truth(node).true

    def _episodes(self, number: int, rule: Rule, row: int) -> list[Episode]:
        """Those of the row's watch, after every timer that ended before the row."""
        watch, counted_ms = int(self._frame.watch[row]), int(self._frame.counted[row])
        episodes = self._state.episodes.of(number, watch, counted_ms)
        for episode in episodes:
            end_timer(rule, watch, episode, counted_ms, self._state, self._edges)
        return episodes

    def _at(self, number: int, rule: Rule, row: int, *, occurs: bool, sooner: bool) -> None:
        episodes = self._episodes(number, rule, row)
        if occurs:
            event_ms = int(self._frame.event[row])
            joined = next((each for each in reversed(episodes) if _joins(each, event_ms, rule)), None)
            if joined is None:
                joined = self._open(rule, row, episodes)
                episodes.append(joined)
            else:
                self._join(joined, rule, row)
            if sooner and joined.phase is Phase.PENDING:
                self._fire(joined, rule, row, Why.SOONER)
        self._state.episodes.put(number, int(self._frame.watch[row]), episodes)

    def _open(self, rule: Rule, row: int, episodes: list[Episode]) -> Episode:
        frame, counted_ms = self._frame, int(self._frame.counted[row])
        event_ms = int(frame.event[row])
        resolved = [each.touched_ms for each in episodes if each.phase is Phase.RESOLVED]
        opened = Episode(
            Phase.PENDING,
            started_ms=event_ms,
            newest_ms=event_ms,
            event_ms=event_ms,
            arrival_ms=int(frame.arrival[row]),
            due_ms=counted_ms + rule.wait_ms,
            touched_ms=counted_ms,
            late=bool(frame.late[row]),
            reopened=bool(resolved) and counted_ms - max(resolved) <= rule.reopen_within_ms,
            inputs=self._edges.inputs(rule, self._conditions, row),
        )
        if rule.wait_ms <= 0:
            self._fire(opened, rule, row, Why.EVENT)
        else:
            due_ms = int(frame.log[row]) + rule.wait_ms
            self._tell(opened, rule, row, Change.PENDING, Why.RUN_BEGAN, due_ms=due_ms)
        return opened

    def _join(self, episode: Episode, rule: Rule, row: int) -> None:
        frame = self._frame
        episode.newest_ms = max(episode.newest_ms, int(frame.event[row]))
        episode.touched_ms = int(frame.counted[row])
        episode.event_ms, episode.arrival_ms = int(frame.event[row]), int(frame.arrival[row])
        episode.inputs = self._edges.inputs(rule, self._conditions, row)
        if episode.phase is Phase.FIRED:
            self._tell(episode, rule, row, Change.REPEATED, Why.SAME)

    def _fire(self, episode: Episode, rule: Rule, row: int, why: Why) -> None:
        episode.phase = Phase.FIRED
        episode.touched_ms = int(self._frame.counted[row])
        self._tell(episode, rule, row, Change.FIRING, why)

    def _call_off(self, number: int, rule: Rule, row: int) -> None:
        """End the episodes that the reading may speak of: those with no occurrence newer than it."""
        event_ms, counted_ms = int(self._frame.event[row]), int(self._frame.counted[row])
        watch = int(self._frame.watch[row])
        episodes = self._state.episodes.of(number, watch, counted_ms)
        for episode in episodes:
            if event_ms < episode.newest_ms:
                continue
            if episode.phase is Phase.PENDING:
                episode.phase, episode.touched_ms = Phase.CALLED_OFF, counted_ms
                self._tell(episode, rule, row, Change.CALLED_OFF, Why.UNLESS)
            elif episode.phase is Phase.FIRED and event_ms - episode.started_ms <= rule.same_within_ms:
                episode.phase, episode.touched_ms = Phase.RESOLVED, counted_ms
                self._tell(episode, rule, row, Change.RESOLVED, Why.UNLESS)
        self._state.episodes.put(number, watch, episodes)

    def _tell(self, episode: Episode, rule: Rule, row: int, change: Change, why: Why, **more: int) -> None:
        self._edges.at_row(
            rule,
            change,
            why,
            episode.started_ms,
            self._conditions,
            row,
            late=bool(self._frame.late[row]) or episode.late,
            reopened=episode.reopened,
            **more,
        )


def _joins(episode: Episode, event_ms: int, rule: Rule) -> bool:
    is_open = episode.phase in (Phase.PENDING, Phase.FIRED)
    return is_open and abs(event_ms - episode.started_ms) <= rule.same_within_ms


def end_timer(rule: Rule, watch: int, episode: Episode, counted_ms: int, state: State, edges: Edges) -> None:
    """Fire a pending episode whose timer has ended by `counted_ms`; its fired time is the end itself."""
    if episode.phase is not Phase.PENDING or episode.due_ms > counted_ms:
        return
    episode.phase, episode.touched_ms = Phase.FIRED, episode.due_ms
    edges.add(
        rule,
        Change.FIRING,
        Why.TIMER,
        watch,
        started_ms=episode.started_ms,
        at_ms=state.time.log_at(episode.due_ms),
        event_ms=episode.event_ms,
        arrival_ms=episode.arrival_ms,
        inputs=episode.inputs,
        late=episode.late,
        reopened=episode.reopened,
    )
