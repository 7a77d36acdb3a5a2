"""What log time brings about by itself: timers that end, silences that begin, alerts that nobody hears of any more.

Deadlines are counted times. Each stage knows a time before which none of its own can be due, so that most records
cost three comparisons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alerts.engine.absent import decide_all
from alerts.engine.contract import Change, Why
from alerts.engine.events import end_timer
from alerts.engine.heard import heard_column
from alerts.engine.last_where import NONE, Whole
from alerts.engine.levels import NEVER

if TYPE_CHECKING:
    from alerts.engine.edges import Edges
    from alerts.engine.settings import EngineSettings
    from alerts.engine.state import State


def sweep(state: State, settings: EngineSettings, edges: Edges) -> None:
    """Everything due by the counted time that the state has reached."""
    counted_ms = state.time.counted_ms
    if counted_ms >= state.episodes.next_due:
        for rule, watch, episode in state.episodes.pending():
            end_timer(settings.rules[rule], watch, episode, counted_ms, state, edges)
        list(state.episodes.pending())  # the earliest of those that still run
    if counted_ms >= state.levels.next_due:
        _expire(state, settings, edges)
    decide_all(state, settings, edges)


def _expire(state: State, settings: EngineSettings, edges: Edges) -> None:
    levels, counted_ms = state.levels, state.time.counted_ms
    expires, forgets = _deadlines(state, settings)
    is_over = expires <= counted_ms
    for i in np.flatnonzero(is_over).tolist():
        rule, alert = settings.rules[int(levels.rule[i])], int(levels.fields["alert"][i])
        is_on = alert != NONE
        edges.add(
            rule,
            Change.RESOLVED if is_on else Change.BROKEN,
            Why.NO_READINGS,
            int(levels.watch[i]),
            started_ms=alert if is_on else int(levels.fields["set_start"][i]),
            at_ms=state.time.log_at(int(expires[i])),
        )
    fields = levels.fields
    resolved = np.where(is_over & (fields["alert"] != NONE), expires, fields["resolved"])
    for name in ("set_start", "set_last", "clear_start", "clear_last", "alert"):
        fields[name] = np.where(is_over, NONE, fields[name])
    fields["resolved"] = np.where((resolved != NONE) & (forgets <= counted_ms) & ~is_over, NONE, resolved)
    lives = (fields["set_start"] != NONE) | (fields["alert"] != NONE) | (fields["resolved"] != NONE)
    levels.keep(np.flatnonzero(lives))
    expires, forgets = _deadlines(state, settings)
    levels.next_due = int(np.minimum(expires, forgets).min(initial=NEVER))


def _deadlines(state: State, settings: EngineSettings) -> tuple[Whole, Whole]:
    """Of each entry: when its run or alert expires, and when its last resolution is forgotten; NEVER if not at all."""
    levels = state.levels
    numbers, watches = levels.rule, levels.watch
    heard = np.full(len(numbers), NONE)
    for number in np.unique(numbers).tolist():
        kind = settings.rules[number].on
        if kind is not None:
            mine = numbers == number
            heard[mine] = heard_column(state.columns, kind)[watches[mine]]
    expire_ms = np.array([rule.expire_ms for rule in settings.rules], np.int64)[numbers]
    reopen_ms = np.array([rule.reopen_within_ms for rule in settings.rules], np.int64)[numbers]
    lives = (levels.fields["set_start"] != NONE) | (levels.fields["alert"] != NONE)
    resolved = levels.fields["resolved"]
    return (
        np.where(lives, heard + expire_ms, NEVER),
        np.where(resolved != NONE, resolved + reopen_ms + 1, NEVER),
    )
