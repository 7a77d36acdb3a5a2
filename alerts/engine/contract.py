"""What goes into the alert engine and what comes out.

The engine is a pure function: `apply(state, record, settings) -> (state, transitions)`. It reads no clock, no network,
no database. Meaning: RULES.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = float | bool | str | None
"""An input as it stood: a number, a truth, a word, or None for unknown."""


class Severity(StrEnum):
    """How much it matters: a life may be at stake; a person should look today; worth knowing."""

    EMERGENCY = "emergency"
    WARNING = "warning"
    NOTICE = "notice"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return ("emergency", "warning", "notice").index(self.value)


class Change(StrEnum):
    """What happened to a rule for a watch."""

    PENDING = "pending"  # a run began, or a timer was armed
    FIRING = "firing"  # the rising edge: the alert
    REPEATED = "repeated"  # an event within same_within joined the alert
    CALLED_OFF = "called_off"  # `unless` became true before the timer ended
    BROKEN = "broken"  # pending ended without firing; the reason says by what
    RESOLVED = "resolved"  # the falling edge
    CONTRADICTED = "contradicted"  # the second look denies an alert


class Why(StrEnum):
    """The reason of a transition."""

    HELD = "held"  # true for `hold`, confirmed by a reading
    EVENT = "event"  # an event rule without `wait`, or whose `sooner` was true
    SOONER = "sooner"
    TIMER = "timer"  # `wait` is over
    ABSENT = "absent"
    CLEARED = "cleared"
    NO_READINGS = "no_readings"  # nothing heard for `expire`
    OPPOSITE = "opposite"  # a known opposite reading
    GAP = "gap"  # longer than max_gap
    UNLESS = "unless"
    CLOCK_SET = "clock_set"
    RULE_CHANGED = "rule_changed"
    RUN_BEGAN = "run_began"
    SAME = "same"  # within same_within
    HEARD_AGAIN = "heard_again"  # an absence ended
    NEW_ORDER = "new_order"  # the second look
    UNJUDGED = "unjudged"  # the engine failed on the reading of an emergency, which is told all the same


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state. Ordered by (at_ms, watch, rule) within a record.

    `started_ms`: start of the run in event time, third part of the alert's key. `at_ms`: the log time of the change;
    for a deadline, the deadline itself. `event_ms`, `arrival_ms`: of the reading that brought it (-1: no reading).
    `inputs`: every name in `when` with its value at the change, limits included.
    """

    watch: int
    rule: str
    change: Change
    why: Why
    severity: Severity
    started_ms: int
    at_ms: int
    event_ms: int
    arrival_ms: int
    rule_version: str
    message: str
    late: bool = False
    reopened: bool = False
    shadow: bool = False
    due_ms: int = -1
    inputs: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Person:
    """What the engine knows of the wearer of a watch: limits (name -> value) and home, WGS-84. No name."""

    limits: Mapping[str, float] = field(default_factory=dict)
    home_lat: float = float("nan")
    home_lon: float = float("nan")
    home_radius_m: float = float("nan")
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SettingsDocument:
    """One settings version as the store keeps it (JSON): everything the engine needs beside the log.

    Holds from the record after `from_offset`. `people`: watch index -> its wearer.
    """

    version: int
    from_offset: int
    rules_toml: str
    time_zone: str = "Asia/Shanghai"
    deaf_gap_ms: int = 10_000
    people: Mapping[int, Person] = field(default_factory=dict)
