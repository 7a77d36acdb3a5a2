"""Other settings while running: an unchanged rule keeps everything, an edited one its open alert; what it held starts
again. A rule that is gone ends what it had open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alerts.engine.absent import Decision, Silence
from alerts.engine.contract import Change, Transition, Why
from alerts.engine.edges import Edges
from alerts.engine.episodes import Episode, Episodes, Phase
from alerts.engine.last_where import NONE
from alerts.engine.levels import Levels, key_of
from alerts.engine.state import State, rules_of
from alerts.rules.rule import Mode, Rule

if TYPE_CHECKING:
    from alerts.engine.settings import EngineSettings


def change_settings(state: State, old: EngineSettings, new: EngineSettings) -> tuple[State, list[Transition]]:
    """The state under `new`, which holds from the next record on, and what the change itself ended.

    A rule is the same if its version is; an edited one of the same name and mode keeps what is firing.
    """
    edges = Edges(old)
    if state.rules != rules_of(old):
        raise ValueError("the state was made for other rules than `old`")
    state.levels = _levels(state, old, new, edges)
    state.episodes = _episodes(state, old, new, edges)
    _silences(state, old, new, edges)
    _memories(state, old, new)
    state.rules = rules_of(new)
    return state, edges.ordered()


def _successor(rule: Rule, new: EngineSettings) -> Rule | None:
    """What a rule has become: itself, an edited one of its kind, or nothing."""
    number = new.number.get(rule.name)
    found = None if number is None else new.rules[number]
    return found if found is not None and found.mode is rule.mode else None


def _end(state: State, edges: Edges, rule: Rule, change: Change, watch: int, started_ms: int) -> None:
    edges.add(rule, change, Why.RULE_CHANGED, watch, started_ms=started_ms, at_ms=state.time.log_ms)


def _levels(state: State, old: EngineSettings, new: EngineSettings, edges: Edges) -> Levels:
    before, after = state.levels, Levels()
    fields = {name: values.copy() for name, values in before.fields.items()}
    numbers = np.full(len(before.keys), -1)
    for i, (number, watch) in enumerate(zip(before.rule.tolist(), before.watch.tolist(), strict=True)):
        rule = old.rules[number]
        successor = _successor(rule, new)
        alert, set_start = int(fields["alert"][i]), int(fields["set_start"][i])
        if successor is None or successor.version != rule.version:
            if alert == NONE and set_start != NONE:
                _end(state, edges, rule, Change.BROKEN, watch, set_start)
            for name in ("set_start", "set_last", "clear_start", "clear_last"):
                fields[name][i] = NONE
        if successor is not None:
            numbers[i] = new.number[successor.name]
        elif alert != NONE:
            _end(state, edges, rule, Change.RESOLVED, watch, alert)
    kept = numbers >= 0
    after.write(
        key_of(before.watch[kept], numbers[kept]),
        {name: values[kept] for name, values in fields.items()},
    )
    after.next_due = state.time.counted_ms
    return after


def _episodes(state: State, old: EngineSettings, new: EngineSettings, edges: Edges) -> Episodes:
    after = Episodes()
    for number, watch, episodes in state.episodes.items():
        rule = old.rules[number]
        successor = _successor(rule, new)
        if successor is not None:
            # A timer that runs goes on as it was armed: an emergency must not wait anew because a file was edited.
            after.put(new.number[successor.name], watch, episodes)
            continue
        for each in episodes:
            _end_episode(state, edges, rule, watch, each)
    return after


def _end_episode(state: State, edges: Edges, rule: Rule, watch: int, episode: Episode) -> None:
    if episode.phase is Phase.PENDING:
        _end(state, edges, rule, Change.BROKEN, watch, episode.started_ms)
    elif episode.phase is Phase.FIRED:
        _end(state, edges, rule, Change.RESOLVED, watch, episode.started_ms)


def _silences(state: State, old: EngineSettings, new: EngineSettings, edges: Edges) -> None:
    for _, rule in old.of_mode(Mode.ABSENT):
        successor = _successor(rule, new)
        if successor is not None and successor.version == rule.version:
            continue
        silence = Silence(rule, state)
        met = np.arange(state.columns.watches)
        firing = met[silence.decision[met] == Decision.FIRING]
        if successor is None:
            started = silence.started
            for watch in firing.tolist():
                _end(state, edges, rule, Change.RESOLVED, watch, int(started[watch]))
            state.columns.drop(f"absent.{rule.name}")
            state.absent_due.pop(rule.name, None)
            continue
        is_open = silence.decision[met] == Decision.NONE_YET
        # A shorter wait may be over already: it is decided at the next record, not in the past.
        silence.grace[met[is_open]] = np.maximum(silence.grace[met[is_open]], state.time.counted_ms)
        state.absent_due[rule.name] = state.time.counted_ms


def _memories(state: State, old: EngineSettings, new: EngineSettings) -> None:
    """Let go of what no expression remembers any more: kept, it would be stale when one does again."""
    kept = {new.text(node) for node in new.states}
    for node in old.states:
        if (told := old.text(node)) not in kept:
            state.columns.drop(told)
