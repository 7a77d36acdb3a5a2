"""A rule as the engine runs it: every name resolved, every duration in milliseconds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from alerts.rules import tree
from alerts.rules.units import HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.engine.contract import Severity
    from alerts.rules.problems import Problem
    from ingest.reading import Kind

DEFAULT_EXPIRE_MS = 12 * HOUR_MS
DEFAULT_REOPEN_WITHIN_MS = 10 * MINUTE_MS
LEAST_MAX_GAP_MS = 3 * MINUTE_MS
DEFAULT_INTERVALS = 3.0


class Mode(Enum):
    """What a rule watches for."""

    LEVEL = "level"  # a condition that holds for a time
    EVENT = "event"  # each reading where it is true is an occurrence
    ABSENT = "absent"  # nothing comes


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `on`: the kind of reading it runs on (of an absent rule: None means any kind).

    `max_gap_ms`: -1 means `gap_intervals` of the watch's usual sampling intervals, at least three minutes.
    """

    name: str
    severity: Severity
    message: str
    mode: Mode
    on: Kind | None
    when: tree.Node | None = None
    clear: tree.Node | None = None
    unless: tree.Node | None = None
    sooner: tree.Node | None = None
    hold_ms: int = 0
    clear_hold_ms: int = 0
    max_gap_ms: int = -1
    gap_intervals: float = DEFAULT_INTERVALS
    wait_ms: int = 0
    same_within_ms: int = 0
    expire_ms: int = DEFAULT_EXPIRE_MS
    reopen_within_ms: int = DEFAULT_REOPEN_WITHIN_MS
    shadow: bool = False
    can_wait: bool = False
    version: str = ""

    @property
    def expressions(self) -> tuple[tree.Node, ...]:
        """Those that it has."""
        return tuple(each for each in (self.when, self.clear, self.unless, self.sooner) if each is not None)


@dataclass(frozen=True, slots=True)
class RuleTest:
    """A `[[test]]` block: readings given, transitions of one rule expected. `line`: where it stands."""

    rule: str
    given: tuple[str, ...]
    expect: tuple[str, ...]
    line: int
    until: str = ""
    limits: Mapping[str, float] = field(default_factory=dict)
    watch: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A rule file, checked. `limits`: defaults by name; those of durations are in ms."""

    file: str
    rules: tuple[Rule, ...]
    limits: Mapping[str, float]
    duration_limits: frozenset[str]
    tests: tuple[RuleTest, ...]
    warnings: tuple[Problem, ...]

    def rule(self, name: str) -> Rule:
        """The rule of that name; KeyError if there is none."""
        for rule in self.rules:
            if rule.name == name:
                return rule
        raise KeyError(name)


def version_of(rule: Rule, limits: Mapping[str, float]) -> str:
    """Hash of a rule with its signals (already put in place) and the limits it names, 16 hex digits."""
    used = sorted(
        {part.name for each in rule.expressions for part in tree.walk(each) if isinstance(part, tree.Limit)},
    )
    told = [
        *(f"{name}={limits[name]!r}" for name in used),
        *(f"{name}: {'' if node is None else tree.text(node)}" for name, node in _nodes(rule)),
        f"{rule.name} {rule.severity.value} {rule.message} {rule.mode.value} {rule.on!r}",
        f"{rule.hold_ms} {rule.clear_hold_ms} {rule.max_gap_ms} {rule.gap_intervals} {rule.wait_ms}",
        f"{rule.same_within_ms} {rule.expire_ms} {rule.reopen_within_ms} {rule.shadow} {rule.can_wait}",
    ]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def _nodes(rule: Rule) -> tuple[tuple[str, tree.Node | None], ...]:
    return (("when", rule.when), ("clear", rule.clear), ("unless", rule.unless), ("sooner", rule.sooner))
