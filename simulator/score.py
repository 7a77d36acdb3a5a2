"""Alerts against the truth: what was found, in what time, and what was cried for nothing."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from simulator.alerts_file import Alert
    from simulator.truth import Truth

BEFORE_MS, AFTER_MS = 90_000, 60_000
"""A run may start so long before an episode (silence: at the last reading) and after its end (at the next sample)."""
SEVERITY_RANK = {"notice": 0, "warning": 1, "emergency": 2}

WHAT_BY_RULE: tuple[tuple[str, str], ...] = (
    ("sos*", "sos"),
    ("fall*", "fall"),
    ("heart_rate*high*", "heart_rate_high"),
    ("heart_rate*low*", "heart_rate_low"),
    ("not_worn*", "removed"),
    ("removed*", "removed"),
    ("silen*", "silent"),
    ("battery*", "battery_flat"),
    ("charger*", "battery_flat"),
    ("outside*", "outside"),
    ("wander*", "wandering"),
)
"""Which `what` of the truth a rule looks for, by its name; the first pattern that fits. Others are not judged."""


@dataclass(frozen=True, slots=True)
class RuleScore:
    """Of the alerts of one rule: `wrong` are those without an episode that must (or may) alert."""

    rule: str
    what: str
    fired: int
    right: int
    wrong: int

    @property
    def precision(self) -> float:
        """Share of its alerts that were right."""
        return self.right / self.fired


@dataclass(frozen=True, slots=True)
class WhatScore:
    """Of the episodes of one kind that had to alert. `missed`, `late`: names of episodes. Delays from the start."""

    what: str
    severity: str
    must_alert: int
    alerted: int
    missed: tuple[str, ...]
    late: tuple[str, ...]
    delay_s_p50: float | None
    delay_s_worst: float | None

    @property
    def recall(self) -> float:
        """Share of these episodes that were alerted at all, at their severity or above."""
        return self.alerted / self.must_alert


@dataclass(frozen=True, slots=True)
class Score:
    """`not_judged`: alerts of rules that the truth says nothing of, by rule."""

    rules: tuple[RuleScore, ...]
    episodes: tuple[WhatScore, ...]
    emergencies: int
    emergencies_alerted: int
    emergencies_missed: int
    false_emergencies: int
    false_emergencies_per_100_resident_days: float | None
    not_judged: dict[str, int]

    def as_json(self) -> bytes:
        """One line, for `--json`."""
        return msgspec.json.encode(self)


def what_of_rule(rule: str) -> str | None:
    """The `what` that a rule of this name looks for; None: the simulator knows no such trouble."""
    return next((what for pattern, what in WHAT_BY_RULE if fnmatchcase(rule, pattern)), None)


def score(
    truths: Iterable[Truth],
    alerts: Iterable[Alert],
    *,
    ended_ms: int | None = None,
    resident_days: float | None = None,
) -> Score:
    """Compare a whole run.

    `ended_ms`: when watching ended. An episode that was not yet due then is asked of nobody, and an alert of it is no
    false one. `resident_days`: residents times days watched, for the rate of false emergencies.
    """
    known = list(truths)
    judged: list[tuple[Alert, Truth | None]] = []
    not_judged: dict[str, int] = defaultdict(int)
    by_watch: dict[tuple[str, str], list[Truth]] = defaultdict(list)
    for truth in known:
        by_watch[truth.watch, truth.what].append(truth)
    for alert in alerts:
        what = what_of_rule(alert.rule)
        if what is None:
            not_judged[alert.rule] += 1
        else:
            judged.append((alert, _episode_of(alert, by_watch[alert.watch, what])))
    asked = [t for t in known if t.must_alert and (ended_ms is None or t.due_ms <= ended_ms)]
    false_emergencies = sum(_is_wrong(truth) for alert, truth in judged if alert.severity == "emergency")
    episodes = _episodes(asked, judged)
    emergencies = [one for one in episodes if one.severity == "emergency"]
    return Score(
        rules=_rules(judged),
        episodes=episodes,
        emergencies=sum(one.must_alert for one in emergencies),
        emergencies_alerted=sum(one.alerted for one in emergencies),
        emergencies_missed=sum(len(one.missed) for one in emergencies),
        false_emergencies=false_emergencies,
        false_emergencies_per_100_resident_days=100 * false_emergencies / resident_days if resident_days else None,
        not_judged=dict(sorted(not_judged.items())),
    )


def _episode_of(alert: Alert, candidates: Sequence[Truth]) -> Truth | None:
    """The episode that an alert speaks of: one that must alert before one that must not."""
    fitting = [t for t in candidates if t.start - BEFORE_MS <= alert.started <= t.end + AFTER_MS]
    return min(fitting, key=lambda t: (not t.must_alert, abs(t.start - alert.started)), default=None)


def _is_wrong(truth: Truth | None) -> bool:
    return truth is None or not truth.must_alert


def _rules(judged: Sequence[tuple[Alert, Truth | None]]) -> tuple[RuleScore, ...]:
    by_rule: dict[str, list[Truth | None]] = defaultdict(list)
    for alert, truth in judged:
        by_rule[alert.rule].append(truth)
    scores = []
    for rule, truths in sorted(by_rule.items()):
        wrong = sum(_is_wrong(truth) for truth in truths)
        scores.append(RuleScore(rule, what_of_rule(rule) or "", len(truths), len(truths) - wrong, wrong))
    return tuple(scores)


def _episodes(asked: Sequence[Truth], judged: Sequence[tuple[Alert, Truth | None]]) -> tuple[WhatScore, ...]:
    first_ms: dict[str, int] = {}
    for alert, truth in judged:
        if truth is not None and SEVERITY_RANK[alert.severity] >= SEVERITY_RANK[truth.severity]:
            first_ms[truth.episode] = min(first_ms.get(truth.episode, alert.fired), alert.fired)
    groups: dict[tuple[str, str], list[Truth]] = defaultdict(list)
    for truth in asked:
        groups[truth.severity, truth.what].append(truth)
    return tuple(_episode_score(truths, first_ms) for _, truths in sorted(groups.items()))


def _episode_score(truths: Sequence[Truth], first_ms: dict[str, int]) -> WhatScore:
    found = [truth for truth in truths if truth.episode in first_ms]
    delays = sorted((first_ms[truth.episode] - truth.start) / 1000 for truth in found)
    return WhatScore(
        what=truths[0].what,
        severity=truths[0].severity,
        must_alert=len(truths),
        alerted=len(found),
        missed=tuple(truth.episode for truth in truths if truth.episode not in first_ms),
        late=tuple(truth.episode for truth in found if first_ms[truth.episode] > truth.due_ms),
        delay_s_p50=delays[math.ceil(len(delays) / 2) - 1] if delays else None,
        delay_s_worst=delays[-1] if delays else None,
    )
