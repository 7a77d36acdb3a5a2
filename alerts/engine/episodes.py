"""State of event rules: the episodes of each watch, pending, fired, or over."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from alerts.engine.levels import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alerts.engine.contract import Value

MOST_FIRED = 8
"""Episodes of one rule and watch that a repeat may still join; beyond, the oldest are let go (never a pending one)."""

FORGOTTEN_AFTER_MS = 604_800_000
"""An episode is not joined any more a week of counted time after it was last touched."""


class Phase(StrEnum):
    """Where an episode stands."""

    PENDING = "pending"
    FIRED = "fired"
    CALLED_OFF = "called_off"
    RESOLVED = "resolved"


@dataclass(slots=True)
class Episode:
    """One occurrence and the repeats that joined it.

    `started_ms`: event time of the first reading, third part of the alert's key; `newest_ms`: of the newest that
    joined. `event_ms`, `arrival_ms`, `inputs`: of the reading that joined last. `due_ms`: end of the timer, counted.
    `touched_ms`: counted time of the last change.
    """

    phase: Phase
    started_ms: int
    newest_ms: int
    event_ms: int
    arrival_ms: int
    due_ms: int
    touched_ms: int
    late: bool
    reopened: bool = False
    inputs: Mapping[str, Value] = field(default_factory=dict)


class Episodes:
    """By (rule number, watch). `next_due`: the earliest timer, or earlier (counted)."""

    def __init__(self) -> None:
        self._of: dict[tuple[int, int], list[Episode]] = {}
        self.next_due = NEVER

    def watches_of(self, rule: int) -> list[int]:
        """Watches that have an episode of a rule."""
        return [watch for number, watch in self._of if number == rule]

    def of(self, rule: int, watch: int, counted_ms: int) -> list[Episode]:
        """The episodes, oldest first, without those long forgotten."""
        held = self._of.get((rule, watch), [])
        return [each for each in held if counted_ms - each.touched_ms <= FORGOTTEN_AFTER_MS]

    def put(self, rule: int, watch: int, episodes: list[Episode]) -> None:
        """Keep these, as many as are worth keeping."""
        done = [each for each in episodes if each.phase is not Phase.PENDING]
        dropped = {id(each) for each in done[:-MOST_FIRED]}
        kept = [each for each in episodes if id(each) not in dropped]
        if kept:
            self._of[rule, watch] = kept
        else:
            self._of.pop((rule, watch), None)
        for each in kept:
            if each.phase is Phase.PENDING:
                self.next_due = min(self.next_due, each.due_ms)

    def pending(self) -> Iterator[tuple[int, int, Episode]]:
        """(rule, watch, episode) of every timer that runs; sets `next_due` anew."""
        found = [
            (rule, watch, each)
            for (rule, watch), held in self._of.items()
            for each in held
            if each.phase is Phase.PENDING
        ]
        self.next_due = min((each.due_ms for _, _, each in found), default=NEVER)
        yield from found

    def items(self) -> Iterator[tuple[int, int, list[Episode]]]:
        """Everything, by rule and watch."""
        for (rule, watch), held in sorted(self._of.items()):
            yield rule, watch, held

    def forget(self, counted_ms: int) -> None:
        """Let go of what `of` would not give any more."""
        for rule, watch in list(self._of):
            self.put(rule, watch, self.of(rule, watch, counted_ms))
